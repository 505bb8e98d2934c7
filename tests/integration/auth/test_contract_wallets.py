"""Contract wallets through the whole of sign-in: who enters with them, as what, and for how long."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from contract_wallets import change_signer, deploy, put, to_be_deployed, wrapped
from identity_parts import ADMIN, ADMIN_CONTRACT, CHAIN, Wallet, asked, new_client, signed_in

from mercato.kit.errors import MercatoError
from mercato.kit.ids import Address
from mercato.kit.postgres import Database
from mercato.rpc.auth.v1 import auth_pb2 as pb

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.stack import LocalStack

SECOND_CHAIN = "eip155:31338"


async def entered(
    auth: AuthServiceAsyncStub, address: Address, signer: Wallet, chain: str = CHAIN
) -> pb.SignInResponse:
    """The sign-in of a contract wallet by one of its signers."""
    client = new_client()
    message = await asked(auth, address, client, chain)
    return await auth.SignIn(pb.SignInRequest(message=message, signature=signer.sign(message), client=client))


async def refreshed(auth: AuthServiceAsyncStub, tokens: pb.TokenPair) -> pb.TokenPair:
    request = pb.RefreshRequest(refresh_token=tokens.refresh_token, client=new_client())
    return (await auth.Refresh(request)).tokens


async def reason_of(call: object) -> str:
    with pytest.raises(MercatoError) as error:
        await call  # type: ignore[misc]
    return error.value.reason


async def roles(auth: AuthServiceAsyncStub, tokens: pb.TokenPair) -> list[str]:
    principal = await auth.Introspect(pb.IntrospectRequest(access_token=tokens.access_token))
    return list(principal.roles)


# --- for how long -------------------------------------------------------------------------------


async def test_a_signer_whom_the_wallet_removed_is_out_at_the_next_refresh(
    auth: AuthServiceAsyncStub, stack: LocalStack, database: Database, wallet: Wallet
) -> None:
    contract = await put(stack.chains[0], wallet)
    session = await entered(auth, contract, wallet)
    tokens = await refreshed(auth, session.tokens)
    await change_signer(stack.chains[0], contract, Wallet.fresh())
    client = pb.Client(ip=new_client().ip, user_agent="a lost phone")
    request = pb.RefreshRequest(refresh_token=tokens.refresh_token, client=client)
    assert await reason_of(auth.Refresh(request)) == "SIGNATURE_WITHDRAWN"
    access = pb.IntrospectRequest(access_token=tokens.access_token)
    assert await reason_of(auth.Introspect(access)) == "SESSION_REVOKED"
    await change_signer(stack.chains[0], contract, wallet)
    assert await reason_of(auth.Refresh(request)) == "SESSION_REVOKED"
    rows = await database.pool.fetch(
        "SELECT reason, succeeded, ip, user_agent FROM login_events WHERE session_id = $1 ORDER BY at",
        UUID(session.session_id),
    )
    assert [tuple(row) for row in rows[1:]] == [
        ("SIGNATURE_WITHDRAWN", False, client.ip, "a lost phone"),
        ("SESSION_REVOKED", False, client.ip, "a lost phone"),
    ]
    revoked = await database.pool.fetchval(
        "SELECT revoked_reason FROM sessions WHERE id = $1", UUID(session.session_id)
    )
    assert revoked == "SIGNATURE_WITHDRAWN"


async def test_a_contract_wallet_signs_in_again_after_a_week_and_a_key_goes_on(
    auth: AuthServiceAsyncStub, stack: LocalStack, database: Database, wallet: Wallet
) -> None:
    by_contract = await entered(auth, await put(stack.chains[0], wallet), wallet)
    by_key = await signed_in(auth, wallet)
    for session in (by_contract, by_key):
        left = session.tokens.refresh_expires_at.ToSeconds() - session.tokens.access_expires_at.ToSeconds()
        assert left == (7 if session is by_contract else 30) * 86400 - 900
    ids = [UUID(by_contract.session_id), UUID(by_key.session_id)]
    age = "UPDATE sessions SET created_at = created_at - interval '{}' WHERE id = ANY($1::uuid[])"
    await database.pool.execute(age.format("6 days"), ids)
    tokens = [await refreshed(auth, by_contract.tokens), await refreshed(auth, by_key.tokens)]
    ends = [pair.refresh_expires_at.ToSeconds() - pair.access_expires_at.ToSeconds() + 900 for pair in tokens]
    assert 86400 - 600 < ends[0] <= 86400
    assert ends[1] == 30 * 86400
    await database.pool.execute(age.format("1 day"), ids)
    assert await reason_of(refreshed(auth, tokens[0])) == "REFRESH_EXPIRED"
    assert await refreshed(auth, tokens[1])


async def test_a_session_from_before_proofs_were_noted_ends_with_its_week(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    session = await signed_in(auth, wallet)
    old = "UPDATE sessions SET proof = 'CONTRACT', created_at = now() - interval '{}' WHERE id = $1"
    await database.pool.execute(old.format("6 days"), UUID(session.session_id))
    tokens = await refreshed(auth, session.tokens)
    await database.pool.execute(old.format("8 days"), UUID(session.session_id))
    assert await reason_of(refreshed(auth, tokens)) == "REFRESH_EXPIRED"


# --- who enters ---------------------------------------------------------------------------------


async def test_a_wallet_that_is_not_deployed_signs_in_and_stays_who_it_is_when_it_is(
    auth: AuthServiceAsyncStub, stack: LocalStack, wallet: Wallet
) -> None:
    chain, salt, client = stack.chains[0], os.urandom(32), new_client()
    address = to_be_deployed(wallet, salt)
    message = await asked(auth, address, client)
    for wrong in (wallet.sign(message), wrapped(Wallet.fresh(), salt, message), wrapped(wallet, bytes(32), message)):
        request = pb.SignInRequest(message=message, signature=wrong, client=client)
        assert await reason_of(auth.SignIn(request)) == "SIGNATURE_INVALID"
    request = pb.SignInRequest(message=message, signature=wrapped(wallet, salt, message), client=client)
    first = await auth.SignIn(request)
    assert (first.address, first.new_user) == (address, True)
    tokens = await refreshed(auth, first.tokens)
    await deploy(chain, wallet, salt)
    tokens = await refreshed(auth, tokens)
    second = await entered(auth, address, wallet)
    assert (second.user_id, second.new_user) == (first.user_id, False)
    await change_signer(chain, address, Wallet.fresh())
    assert await reason_of(refreshed(auth, tokens)) == "SIGNATURE_WITHDRAWN"


async def test_an_account_with_code_enters_by_its_key_and_by_what_its_code_accepts(
    auth: AuthServiceAsyncStub, stack: LocalStack, database: Database, wallet: Wallet
) -> None:
    """EIP-7702: code that starts with 0xef0100 names the contract that the account lets act for it."""
    chain, second_key = stack.chains[0], Wallet.fresh()
    delegate = await put(chain, Wallet.fresh())
    await put(chain, second_key, wallet.address, bytes.fromhex("ef0100") + delegate)
    assert await reason_of(entered(auth, wallet.address, Wallet.fresh())) == "SIGNATURE_INVALID"
    by_key = await signed_in(auth, wallet)
    by_code = await entered(auth, wallet.address, second_key)
    assert (by_code.user_id, by_code.new_user) == (by_key.user_id, False)
    await change_signer(chain, wallet.address, Wallet.fresh())
    assert await reason_of(refreshed(auth, by_code.tokens)) == "SIGNATURE_WITHDRAWN"
    assert await refreshed(auth, by_key.tokens)
    proofs = await database.pool.fetch(
        "SELECT proof, signature IS NULL AS forgotten FROM sessions WHERE address = $1 ORDER BY created_at",
        wallet.address,
    )
    assert [tuple(row) for row in proofs] == [("KEY", True), ("CONTRACT", False)]


async def test_a_contract_put_at_somebodys_address_on_another_chain_is_somebody_else(
    auth: AuthServiceAsyncStub, stack: LocalStack, wallet: Wallet
) -> None:
    """Whoever signs in first, with whatever chain: neither is entered as the other, and neither keeps the other out."""
    thief, owner = Wallet.fresh(), wallet
    contract = await put(stack.chains[1], thief)
    squatting = await entered(auth, contract, thief, SECOND_CHAIN)
    await put(stack.chains[0], owner, contract)
    assert await reason_of(entered(auth, contract, thief)) == "SIGNATURE_INVALID"
    first = await entered(auth, contract, owner)
    assert (first.new_user, first.address) == (True, contract)
    assert first.user_id != squatting.user_id
    for _ in range(2):
        again = await entered(auth, contract, owner)
        assert (again.user_id, again.new_user) == (first.user_id, False)
        again = await entered(auth, contract, thief, SECOND_CHAIN)
        assert (again.user_id, again.new_user) == (squatting.user_id, False)
    assert await refreshed(auth, first.tokens)


async def test_first_sign_ins_of_two_contracts_at_one_address_at_once_are_two_users(
    auth: AuthServiceAsyncStub, stack: LocalStack
) -> None:
    for _ in range(3):
        one, other = Wallet.fresh(), Wallet.fresh()
        contract = await put(stack.chains[0], one)
        await put(stack.chains[1], other, contract)
        here, there = await asyncio.gather(
            entered(auth, contract, one), entered(auth, contract, other, SECOND_CHAIN), return_exceptions=True
        )
        assert isinstance(here, pb.SignInResponse), here
        assert isinstance(there, pb.SignInResponse), there
        assert here.user_id != there.user_id
        assert (await entered(auth, contract, one)).user_id == here.user_id
        assert (await entered(auth, contract, other, SECOND_CHAIN)).user_id == there.user_id


# --- as what ------------------------------------------------------------------------------------


async def test_an_admin_is_whoever_has_the_key_and_no_contract_at_the_same_address(
    auth: AuthServiceAsyncStub, stack: LocalStack
) -> None:
    thief = Wallet.fresh()
    for index, chain in enumerate((CHAIN, SECOND_CHAIN)):
        session = await signed_in(auth, ADMIN, chain=chain)
        assert await roles(auth, session.tokens) == ["admin"]
        assert await roles(auth, await refreshed(auth, session.tokens)) == ["admin"]
        await put(stack.chains[index], thief, ADMIN.address)
        stolen = await entered(auth, ADMIN.address, thief, chain)
        assert await roles(auth, stolen.tokens) == []
        assert await roles(auth, await refreshed(auth, stolen.tokens)) == []


async def test_a_contract_wallet_is_an_admin_on_the_chain_that_is_named_with_it(
    auth: AuthServiceAsyncStub, stack: LocalStack, wallet: Wallet
) -> None:
    address = Address.parse(ADMIN_CONTRACT)
    await put(stack.chains[0], wallet, address)
    session = await entered(auth, address, wallet)
    assert await roles(auth, session.tokens) == ["admin"]
    assert await roles(auth, await refreshed(auth, session.tokens)) == ["admin"]
    await put(stack.chains[1], wallet, address)
    elsewhere = await entered(auth, address, wallet, SECOND_CHAIN)
    assert await roles(auth, elsewhere.tokens) == []
