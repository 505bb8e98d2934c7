"""Linking further wallets: proven by the wallet, for one account, once; and who is entered with it afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from identity_parts import CHAIN, Wallet, asked, new_client, signed_in

from mercato.evm.abi import encode
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.evm.signatures import WRAPPER_SUFFIX
from mercato.kit import grpc, postgres
from mercato.kit.errors import MercatoError, Unauthenticated, Unavailable
from mercato.kit.ids import Address
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.events.v1.events_pb2 import WalletLinked
from mercato.rpc.users.v1.users_pb2 import BatchGetUsersRequest
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub
from mercato.services.auth.model.policy import LINK_STATEMENT, STATEMENT

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceAsyncStub
    from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceAsyncStub
    from mercato.stack import LocalStack

SECOND_CHAIN = "eip155:31338"
# ERC-1271: returns the magic value for an empty signature.
EMPTY_SIGNATURE_WALLET = bytes.fromhex("60443515631626ba7e60e01b0260005260206000f3")


@dataclass(frozen=True)
class Identity:
    """The three services that know who is who."""

    auth: AuthServiceAsyncStub
    wallets: WalletsServiceAsyncStub
    users: UsersServiceAsyncStub

    async def asked_to_link(self, user_id: str, address: Address, chain: str = CHAIN) -> str:
        """The message to sign."""
        request = pb.IssueNonceRequest(address=address, chain_id=chain, client=new_client(), link_user_id=user_id)
        return (await self.auth.IssueNonce(request)).message

    async def signing_in(self, address: Address, chain: str, signature: bytes) -> pb.SignInRequest:
        """With a signature that does not depend on the message."""
        message = await asked(self.auth, address, client := new_client(), chain)
        return pb.SignInRequest(message=message, signature=signature, client=client)

    async def verified(self, user_id: str, message: str, signature: bytes) -> pb.VerifyLinkResponse:
        return await self.auth.VerifyLink(
            pb.VerifyLinkRequest(user_id=user_id, message=message, signature=signature, client=new_client())
        )

    async def linked(self, user_id: str, message: str, signature: bytes) -> wallets_pb2.LinkWalletResponse:
        """As the gateway does it."""
        return await self.joined(user_id, await self.verified(user_id, message, signature))

    async def joined(self, user_id: str, proven: pb.VerifyLinkResponse) -> wallets_pb2.LinkWalletResponse:
        """The second half; safe to repeat, so on a busy machine it may be."""
        return await self.wallets.LinkWallet(
            wallets_pb2.LinkWalletRequest(
                user_id=user_id, address=proven.address, chain_id=proven.chain_id,
                proof=wallets_pb2.PROOF_KEY if proven.by_key else wallets_pb2.PROOF_CONTRACT,
                occasion=wallets_pb2.OCCASION_LINK,
            )
        )  # fmt: skip

    async def link(self, user_id: str, wallet: Wallet) -> wallets_pb2.Wallet:
        message = await self.asked_to_link(user_id, wallet.address)
        return (await self.linked(user_id, message, wallet.sign(message))).wallet

    async def unlink(self, wallet: wallets_pb2.Wallet) -> int:
        """As the gateway does it; returns how many sessions ended."""
        await self.wallets.UnlinkWallet(wallets_pb2.UnlinkWalletRequest(user_id=wallet.user_id, wallet_id=wallet.id))
        ended = await self.auth.RevokeWalletSessions(
            pb.RevokeWalletSessionsRequest(
                user_id=wallet.user_id, wallet_id=wallet.id, address=wallet.address, chain_id=wallet.chain_id
            )
        )
        return ended.revoked

    async def owner_of(self, address: Address) -> str:
        return (await self.wallets.ResolveAddress(wallets_pb2.ResolveAddressRequest(address=address))).user_id

    async def wallets_of(self, user_id: str) -> list[wallets_pb2.Wallet]:
        return list((await self.wallets.ListWallets(wallets_pb2.ListWalletsRequest(user_ids=[user_id]))).wallets)


@pytest.fixture(scope="module")
async def identity(auth: AuthServiceAsyncStub, settings: Settings) -> AsyncIterator[Identity]:
    async with AsyncExitStack() as opened:
        wallets = await opened.enter_async_context(grpc.connected(settings, "wallets", WalletsServiceStub))
        users = await opened.enter_async_context(grpc.connected(settings, "users", UsersServiceStub))
        yield Identity(auth, wallets, users)


@pytest.fixture(scope="module")
async def wallet_db(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "wallet_db") as opened:
        yield opened


async def reason_of(call: object) -> str:
    with pytest.raises(MercatoError) as error:
        await call  # type: ignore[misc]
    return error.value.reason


async def test_a_linked_wallet_signs_in_to_the_same_account(identity: Identity, wallet: Wallet) -> None:
    first = await signed_in(identity.auth, wallet)
    second = Wallet.fresh()
    message = await identity.asked_to_link(first.user_id, second.address)
    assert f"\n{LINK_STATEMENT.format(user=first.user_id)}\n" in message
    linked = await identity.linked(first.user_id, message, second.sign(message))
    assert (linked.created, linked.wallet.address, linked.wallet.primary) == (True, second.address, False)
    entered = await signed_in(identity.auth, second)
    assert (entered.user_id, entered.new_user, entered.address) == (first.user_id, False, second.address)
    assert {Address(w.address) for w in await identity.wallets_of(first.user_id)} == {wallet.address, second.address}
    (user,) = (await identity.users.BatchGetUsers(BatchGetUsersRequest(ids=[first.user_id]))).users
    assert user.address == wallet.address


async def test_each_proof_for_a_link_and_each_refusal_is_written_down(
    identity: Identity, database: Database, wallet: Wallet
) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    second, client = Wallet.fresh(), pb.Client(ip=new_client().ip, user_agent="a page")
    message = await identity.asked_to_link(user_id, second.address)
    for signature in (wallet.sign(message), second.sign(message), second.sign(message)):
        request = pb.VerifyLinkRequest(user_id=user_id, message=message, signature=signature, client=client)
        with suppress(Unauthenticated):
            await identity.auth.VerifyLink(request)
    rows = await database.pool.fetch(
        "SELECT reason, succeeded, user_id, ip, user_agent FROM login_events WHERE address = $1 ORDER BY at",
        second.address,
    )
    told = (UUID(user_id), client.ip, "a page")
    assert [tuple(row) for row in rows] == [
        ("SIGNATURE_INVALID", False, *told), ("LINK_PROVEN", True, *told), ("NONCE_USED", False, *told),
    ]  # fmt: skip


async def test_the_link_is_announced_once(identity: Identity, wallet_db: Database, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    second = Wallet.fresh()
    await identity.link(user_id, second)
    again = await identity.link(user_id, second)
    rows = await wallet_db.pool.fetch("SELECT body FROM outbox WHERE type = 'mercato.events.v1.WalletLinked'")
    waiting = [event for event in (WalletLinked.FromString(row["body"]) for row in rows) if event.wallet_id == again.id]
    assert len(waiting) <= 1
    assert [w.id for w in await identity.wallets_of(user_id) if w.address == second.address] == [again.id]


async def test_neither_signature_stands_in_for_the_other(identity: Identity, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    second, client = Wallet.fresh(), new_client()
    to_link = await identity.asked_to_link(user_id, second.address)
    signing_in = pb.SignInRequest(message=to_link, signature=second.sign(to_link), client=client)
    assert await reason_of(identity.auth.SignIn(signing_in)) == "SIWE_STATEMENT_MISMATCH"
    to_sign_in = await asked(identity.auth, second.address, client)
    assert await reason_of(identity.verified(user_id, to_sign_in, second.sign(to_sign_in))) == "SIWE_STATEMENT_MISMATCH"
    # Words that were exchanged: what the owner read is not what the nonce was issued for.
    link_words, sign_in_words = LINK_STATEMENT.format(user=user_id), STATEMENT
    posing = to_link.replace(link_words, sign_in_words)
    assert await reason_of(identity.verified(user_id, posing, second.sign(posing))) == "SIWE_STATEMENT_MISMATCH"
    signing_in = pb.SignInRequest(message=posing, signature=second.sign(posing), client=client)
    assert await reason_of(identity.auth.SignIn(signing_in)) == "NONCE_PURPOSE"
    posing = to_sign_in.replace(sign_in_words, link_words)
    assert await reason_of(identity.verified(user_id, posing, second.sign(posing))) == "NONCE_PURPOSE"
    assert await identity.owner_of(second.address) == ""
    assert (await identity.linked(user_id, to_link, second.sign(to_link))).created


async def test_a_message_links_to_the_account_it_names_alone(identity: Identity, wallet: Wallet) -> None:
    owner = (await signed_in(identity.auth, wallet)).user_id
    thief = (await signed_in(identity.auth, Wallet.fresh())).user_id
    second = Wallet.fresh()
    message = await identity.asked_to_link(owner, second.address)
    assert await reason_of(identity.verified(thief, message, second.sign(message))) == "SIWE_STATEMENT_MISMATCH"
    posing = message.replace(owner, thief)
    assert await reason_of(identity.verified(thief, posing, second.sign(posing))) == "NONCE_PURPOSE"
    assert await reason_of(identity.verified(owner, message, wallet.sign(message))) == "SIGNATURE_INVALID"
    assert (await identity.linked(owner, message, second.sign(message))).created


async def test_of_many_uses_of_one_message_at_once_one_counts(identity: Identity, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    second = Wallet.fresh()
    message = await identity.asked_to_link(user_id, second.address)
    signature = second.sign(message)
    request = pb.VerifyLinkRequest(user_id=user_id, message=message, signature=signature)
    answers = await asyncio.gather(
        *(identity.auth.VerifyLink(pb.VerifyLinkRequest(**_fields(request), client=new_client())) for _ in range(9)),
        return_exceptions=True,
    )
    assert sorted(getattr(answer, "reason", "PROVEN") for answer in answers) == ["NONCE_USED"] * 8 + ["PROVEN"]


def _fields(request: pb.VerifyLinkRequest) -> dict[str, object]:
    return {field.name: value for field, value in request.ListFields()}


async def test_of_users_who_link_one_address_at_once_one_gets_it(identity: Identity) -> None:
    users = [(await signed_in(identity.auth, Wallet.fresh())).user_id for _ in range(4)]
    shared = Wallet.fresh()
    proofs = []
    for user_id in users:
        message = await identity.asked_to_link(user_id, shared.address)
        proofs.append(await identity.verified(user_id, message, shared.sign(message)))

    async def insisting(user_id: str, proven: pb.VerifyLinkResponse) -> wallets_pb2.LinkWalletResponse:
        async with asyncio.timeout(60):
            while True:
                try:
                    return await identity.joined(user_id, proven)
                except Unavailable:
                    await asyncio.sleep(0.1)

    answers = await asyncio.gather(*map(insisting, users, proofs), return_exceptions=True)
    (winner,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer.reason for answer in answers if isinstance(answer, MercatoError)]
    assert refused == ["WALLET_OF_ANOTHER_USER"] * 3
    assert await identity.owner_of(shared.address) == winner.wallet.user_id
    assert (await signed_in(identity.auth, shared)).user_id == winner.wallet.user_id


async def test_linking_and_first_sign_in_at_once_agree_on_whose_the_wallet_is(identity: Identity) -> None:
    user_id = (await signed_in(identity.auth, Wallet.fresh())).user_id
    for _ in range(5):
        other = Wallet.fresh()
        message = await identity.asked_to_link(user_id, other.address)
        linked, entered = await asyncio.gather(
            identity.linked(user_id, message, other.sign(message)),
            signed_in(identity.auth, other),
            return_exceptions=True,
        )
        assert isinstance(entered, pb.SignInResponse), entered
        owner = await identity.owner_of(other.address)
        assert entered.user_id == owner
        if isinstance(linked, MercatoError):
            assert linked.reason == "WALLET_OF_ANOTHER_USER"
        else:
            assert owner == user_id


async def test_a_wallet_with_an_account_of_its_own_cannot_be_linked(identity: Identity, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    other = Wallet.fresh()
    theirs = await signed_in(identity.auth, other)
    message = await identity.asked_to_link(user_id, other.address)
    assert await reason_of(identity.linked(user_id, message, other.sign(message))) == "WALLET_OF_ANOTHER_USER"
    assert (await signed_in(identity.auth, other)).user_id == theirs.user_id


async def test_an_unlinked_wallet_is_out_with_its_sessions_and_begins_an_account_of_its_own(
    identity: Identity, wallet: Wallet
) -> None:
    first = await signed_in(identity.auth, wallet)
    second = Wallet.fresh()
    linked = await identity.link(first.user_id, second)
    entered = await signed_in(identity.auth, second)
    assert await identity.unlink(linked) == 1
    access = pb.IntrospectRequest(access_token=entered.tokens.access_token)
    assert await reason_of(identity.auth.Introspect(access)) == "SESSION_REVOKED"
    refresh = pb.RefreshRequest(refresh_token=entered.tokens.refresh_token, client=new_client())
    assert await reason_of(identity.auth.Refresh(refresh)) == "SESSION_REVOKED"
    await identity.auth.Introspect(pb.IntrospectRequest(access_token=first.tokens.access_token))
    own = await signed_in(identity.auth, second)
    assert own.new_user
    assert own.user_id != first.user_id


async def test_whoever_began_with_an_unlinked_wallet_is_not_entered_with_it_again(
    identity: Identity, wallet: Wallet
) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    (began_with,) = await identity.wallets_of(user_id)
    second = Wallet.fresh()
    await identity.link(user_id, second)
    await identity.unlink(began_with)
    thief = await signed_in(identity.auth, wallet)
    assert thief.new_user
    assert thief.user_id != user_id
    assert (await signed_in(identity.auth, wallet)).user_id == thief.user_id
    entered = await signed_in(identity.auth, second)
    assert entered.user_id == user_id
    (left,) = await identity.wallets_of(user_id)
    assert (left.address, left.primary) == (second.address, True)


async def test_a_wallet_that_was_unlinked_can_be_linked_again(identity: Identity, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    second = Wallet.fresh()
    await identity.unlink(await identity.link(user_id, second))
    assert await identity.owner_of(second.address) == ""
    await identity.link(user_id, second)
    assert (await signed_in(identity.auth, second)).user_id == user_id


async def test_no_session_survives_an_unlink_that_came_while_it_opened(identity: Identity, wallet: Wallet) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    for _ in range(5):
        second = Wallet.fresh()
        linked = await identity.link(user_id, second)
        messages = [await asked(identity.auth, second.address, new_client()) for _ in range(4)]
        requests = [pb.SignInRequest(message=m, signature=second.sign(m), client=new_client()) for m in messages]
        _, *answers = await asyncio.gather(
            identity.unlink(linked), *map(identity.auth.SignIn, requests), return_exceptions=True
        )
        opened = [answer for answer in answers if isinstance(answer, pb.SignInResponse)]
        for answer in opened:
            if answer.user_id == user_id:
                access = pb.IntrospectRequest(access_token=answer.tokens.access_token)
                assert await reason_of(identity.auth.Introspect(access)) == "SESSION_REVOKED"


@pytest.mark.parametrize("wrapped", [False, True], ids=["ERC-1271", "ERC-6492"])
async def test_a_contract_wallet_is_linked_on_its_own_chain_alone(
    identity: Identity, stack: LocalStack, wallet: Wallet, wrapped: bool
) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    contract = Address(os.urandom(20))
    for chain in stack.chains:
        async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
            await node.raw("anvil_setCode", contract.text, "0x" + EMPTY_SIGNATURE_WALLET.hex())
    parts: list[object] = [Address(bytes(19) + b"\1"), b"", b""]
    signature = encode(["address", "bytes", "bytes"], parts) + WRAPPER_SUFFIX if wrapped else b""
    message = await identity.asked_to_link(user_id, contract)
    assert await reason_of(identity.linked(user_id, message, b"\1")) == "SIGNATURE_INVALID"
    assert (await identity.linked(user_id, message, signature)).created
    entered = await identity.auth.SignIn(await identity.signing_in(contract, SECOND_CHAIN, signature))
    assert entered.user_id != user_id
    elsewhere = await identity.asked_to_link(user_id, contract, SECOND_CHAIN)
    assert await reason_of(identity.linked(user_id, elsewhere, signature)) == "WALLET_OF_ANOTHER_USER"


async def test_a_contract_wallet_on_two_chains_is_one_users_who_proves_both(
    identity: Identity, stack: LocalStack, wallet: Wallet
) -> None:
    user_id = (await signed_in(identity.auth, wallet)).user_id
    contract = Address(os.urandom(20))
    for chain in stack.chains:
        async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
            await node.raw("anvil_setCode", contract.text, "0x" + EMPTY_SIGNATURE_WALLET.hex())
    for chain_id in (CHAIN, SECOND_CHAIN):
        message = await identity.asked_to_link(user_id, contract, chain_id)
        assert (await identity.linked(user_id, message, b"")).created
    for chain_id in (CHAIN, SECOND_CHAIN):
        entered = await identity.auth.SignIn(await identity.signing_in(contract, chain_id, b""))
        assert entered.user_id == user_id


async def test_a_stranger_cannot_have_a_nonce_for_an_account_that_is_no_id(identity: Identity, wallet: Wallet) -> None:
    assert await reason_of(identity.asked_to_link("me", wallet.address)) == "INVALID_ID"
    message = await identity.asked_to_link(str(uuid4()), wallet.address)
    assert await reason_of(identity.verified(str(uuid4()), message, wallet.sign(message))) == "SIWE_STATEMENT_MISMATCH"
