"""Sign-in through gRPC on real servers: what opens a session, what is refused and why, and what is written down."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from google.protobuf.message import Message
from identity_parts import ADDRESS_LIMIT, CHAIN, DOMAINS, Wallet, asked, new_client, signed_in

from mercato.kit import grpc, postgres, rabbit
from mercato.kit.errors import InvalidArgument, MercatoError, RateLimited, Unauthenticated
from mercato.kit.ids import Address
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.events.v1.events_pb2 import UserLoggedIn, WalletLinked
from mercato.rpc.users.v1.users_pb2 import EnsureUserRequest
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECOND_CHAIN = "eip155:31338"


async def refusal(auth: AuthServiceAsyncStub, message: str, signature: bytes, client: pb.Client | None = None) -> str:
    with pytest.raises(MercatoError) as error:
        await auth.SignIn(pb.SignInRequest(message=message, signature=signature, client=client or new_client()))
    return error.value.reason


async def sessions_of(database: Database, address: Address) -> int:
    count: int = await database.pool.fetchval("SELECT count(*) FROM sessions WHERE address = $1", address)
    return count


async def reasons(database: Database, address: Address) -> Counter[str]:
    rows = await database.pool.fetch("SELECT reason FROM login_events WHERE address = $1", address)
    return Counter(row["reason"] for row in rows)


async def test_a_signed_message_opens_a_session_for_user_and_wallet(
    auth: AuthServiceAsyncStub, database: Database, settings: Settings, wallet: Wallet
) -> None:
    client = new_client()
    answer = await signed_in(auth, wallet, client)
    assert (answer.address, answer.chain_id, answer.new_user) == (wallet.address, CHAIN, True)
    principal = await auth.Introspect(pb.IntrospectRequest(access_token=answer.tokens.access_token))
    assert (principal.user_id, principal.session_id, principal.address, principal.chain_id, list(principal.roles)) == (
        answer.user_id, answer.session_id, wallet.address, CHAIN, [],
    )  # fmt: skip
    async with grpc.connected(settings, "users", UsersServiceStub) as users:
        known = await users.EnsureUser(EnsureUserRequest(address=wallet.address))
    assert (known.user.id, known.created) == (answer.user_id, False)
    async with grpc.connected(settings, "wallets", WalletsServiceStub) as wallets:
        listed = await wallets.ListWallets(wallets_pb2.ListWalletsRequest(user_ids=[answer.user_id]))
    assert [(w.address, w.chain_id, w.primary) for w in listed.wallets] == [(wallet.address, CHAIN, True)]
    (event,) = await database.pool.fetch("SELECT * FROM login_events WHERE address = $1", wallet.address)
    assert (event["succeeded"], event["reason"], event["ip"], event["user_agent"], str(event["session_id"])) == (
        True, "SIGNED_IN", client.ip, "tests/1", answer.session_id,
    )  # fmt: skip


async def test_the_sign_in_is_told_to_the_users_service(
    auth: AuthServiceAsyncStub, settings: Settings, wallet: Wallet
) -> None:
    before = datetime.now(UTC)
    answer = await signed_in(auth, wallet)
    async with postgres.connected(settings, "user_db") as users, asyncio.timeout(10):
        told = None
        while told is None:
            told = await users.pool.fetchval("SELECT last_login_at FROM users WHERE id = $1", UUID(answer.user_id))
            await asyncio.sleep(0.02)
    assert before <= told <= datetime.now(UTC)


async def test_each_sign_in_and_the_one_new_wallet_travel_through_the_broker(
    auth: AuthServiceAsyncStub, settings: Settings, wallet: Wallet
) -> None:
    heard: list[Message] = []

    async def listen(incoming: Incoming) -> None:
        heard.append(incoming.message)

    def of(kind: type[UserLoggedIn | WalletLinked], user_id: str) -> list[UserLoggedIn | WalletLinked]:
        return [m for m in heard if isinstance(m, kind) and m.user_id == user_id]

    async with (
        rabbit.connected(settings, "subscriptions") as broker,
        broker.consuming("subs.auth.logged_in", listen),
        broker.consuming("subs.wallets.linked", listen),
    ):
        first, second = await signed_in(auth, wallet), await signed_in(auth, wallet)
        async with asyncio.timeout(10):
            while len(of(UserLoggedIn, first.user_id)) < 2 or not of(WalletLinked, first.user_id):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
    logins = of(UserLoggedIn, first.user_id)
    assert {m.session_id for m in logins if isinstance(m, UserLoggedIn)} == {first.session_id, second.session_id}
    assert len(logins) == 2
    assert [m.address for m in of(WalletLinked, first.user_id)] == [wallet.address]


async def test_a_second_sign_in_is_the_same_user_in_another_session(auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    first, second = await signed_in(auth, wallet), await signed_in(auth, wallet, chain=SECOND_CHAIN)
    assert (second.user_id, second.new_user) == (first.user_id, False)
    assert second.session_id != first.session_id
    assert second.chain_id == SECOND_CHAIN


async def test_fifty_verifications_of_one_message_at_once_open_one_session(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    message = await asked(auth, wallet.address, new_client())
    request = pb.SignInRequest(message=message, signature=wallet.sign(message), client=new_client())
    answers = await asyncio.gather(*(auth.SignIn(request) for _ in range(50)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unauthenticated)]
    assert [error.reason for error in refused] == ["NONCE_USED"] * 49
    assert len([answer for answer in answers if isinstance(answer, pb.SignInResponse)]) == 1
    assert await sessions_of(database, wallet.address) == 1
    assert await reasons(database, wallet.address) == {"SIGNED_IN": 1, "NONCE_USED": 49}


async def test_a_message_that_signed_in_is_refused_also_after_redis_forgot_it(
    auth: AuthServiceAsyncStub, database: Database, cache: Redis, wallet: Wallet
) -> None:
    message = await asked(auth, wallet.address, new_client())
    signature = wallet.sign(message)
    await auth.SignIn(pb.SignInRequest(message=message, signature=signature, client=new_client()))
    assert await refusal(auth, message, signature) == "NONCE_USED"
    nonce = message.partition("Nonce: ")[2].partition("\n")[0]
    assert await cache.delete(f"siwe:nonce:{nonce}") == 1
    assert await refusal(auth, message, signature) == "NONCE_USED"
    assert await sessions_of(database, wallet.address) == 1


async def test_a_wrong_signature_is_refused_and_leaves_the_nonce_to_its_owner(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    message = await asked(auth, wallet.address, new_client())
    thief = Wallet.fresh()
    for signature in (
        thief.sign(message),
        wallet.sign(message + " "),
        b"",
        os.urandom(65),
        os.urandom(64),
        b"x" * 17_000,
    ):
        assert await refusal(auth, message, signature) == "SIGNATURE_INVALID"
    assert await sessions_of(database, wallet.address) == 0
    answer = await auth.SignIn(pb.SignInRequest(message=message, signature=wallet.sign(message), client=new_client()))
    assert answer.address == wallet.address
    assert await reasons(database, wallet.address) == {"SIGNATURE_INVALID": 6, "SIGNED_IN": 1}


async def test_compact_signatures_and_bare_parities_are_accepted_and_high_s_is_not(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    async def attempt(change: str) -> str:
        message = await asked(auth, wallet.address, new_client())
        full = wallet.sign(message)
        r, s, v = full[:32], int.from_bytes(full[32:64]), full[64] - 27
        forms = {
            "bare": full[:64] + bytes([v]),
            "compact": r + (v << 255 | s).to_bytes(32),
            "high": r + (ORDER - s).to_bytes(32) + bytes([28 - v]),
        }
        try:
            await auth.SignIn(pb.SignInRequest(message=message, signature=forms[change], client=new_client()))
        except Unauthenticated as error:
            return error.reason
        return "accepted"

    assert [await attempt(form) for form in ("bare", "compact", "high")] == [
        "accepted", "accepted", "SIGNATURE_INVALID",
    ]  # fmt: skip


async def resigned(auth: AuthServiceAsyncStub, wallet: Wallet, old: str, new: str) -> str:
    """The refusal of a well-signed message in which something was changed before signing."""
    message = await asked(auth, wallet.address, new_client())
    assert old in message
    changed = message.replace(old, new)
    return await refusal(auth, changed, wallet.sign(changed))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("localhost:8080 wants", "evil.example wants", "SIWE_DOMAIN_NOT_ALLOWED"),
        ("URI: http://localhost:8080", "URI: http://localhost:8080@evil.example", "SIWE_URI_NOT_ALLOWED"),
        ("Chain ID: 31337", "Chain ID: 5", "SIWE_CHAIN_UNKNOWN"),
        ("Chain ID: 31337", "Chain ID: 31338", "SIWE_CHAIN_MISMATCH"),
        ("Version: 1", "Version: 2", "SIWE_MALFORMED"),
        ("Nonce: ", "Nonce: 00", "NONCE_UNKNOWN"),
        ("Issued At: 20", "Issued At: 21", "SIWE_ISSUED_IN_FUTURE"),
        ("Expiration Time: 20", "Expiration Time: 19", "SIWE_EXPIRED"),
        ("\nExpiration Time: 20", "\nExpiration Time: 2100-01-01T00:00:00Z\nNot Before: 20", "SIWE_NOT_YET_VALID"),
        ("Sign in to", "Sign\nin to", "SIWE_MALFORMED"),
    ],
)
async def test_each_rule_refuses_with_its_own_reason_and_is_written_down(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet, old: str, new: str, reason: str
) -> None:
    assert await resigned(auth, wallet, old, new) == reason
    assert await sessions_of(database, wallet.address) == 0
    written = await database.pool.fetch("SELECT reason, succeeded, address FROM login_events ORDER BY at DESC LIMIT 1")
    address = None if reason == "SIWE_MALFORMED" else wallet.address
    assert [tuple(row) for row in written] == [(reason, False, address)]


async def test_a_nonce_serves_the_address_it_was_issued_to_alone(
    auth: AuthServiceAsyncStub, database: Database, cache: Redis, wallet: Wallet
) -> None:
    thief = Wallet.fresh()
    message = await asked(auth, wallet.address, new_client())
    stolen = message.replace(wallet.address.checksum, thief.address.checksum)
    assert await refusal(auth, stolen, thief.sign(stolen)) == "SIWE_ADDRESS_MISMATCH"
    for key in await cache.keys("siwe:nonce:*"):
        await cache.delete(key)
    assert await refusal(auth, stolen, thief.sign(stolen)) == "SIWE_ADDRESS_MISMATCH"
    assert await sessions_of(database, thief.address) == 0
    assert await auth.SignIn(pb.SignInRequest(message=message, signature=wallet.sign(message), client=new_client()))


async def test_a_nonce_serves_the_domain_it_was_issued_for_alone(
    auth: AuthServiceAsyncStub, database: Database, cache: Redis, wallet: Wallet
) -> None:
    """Both domains may sign in: what the page of one was given, nobody else uses, not even with a fresh signature."""
    message = await asked(auth, wallet.address, new_client())
    assert message.startswith(f"{DOMAINS[0]} wants")
    moved = message.replace(DOMAINS[0], DOMAINS[1])
    assert await refusal(auth, moved, wallet.sign(moved)) == "SIWE_DOMAIN_MISMATCH"
    nonce = message.partition("Nonce: ")[2].partition("\n")[0]
    assert await cache.delete(f"siwe:nonce:{nonce}") == 1
    assert await refusal(auth, moved, wallet.sign(moved)) == "SIWE_DOMAIN_MISMATCH"
    pointing = message.replace(f"URI: http://{DOMAINS[0]}", f"URI: http://{DOMAINS[1]}")
    assert await refusal(auth, pointing, wallet.sign(pointing)) == "SIWE_URI_NOT_ALLOWED"
    assert await sessions_of(database, wallet.address) == 0
    assert await auth.SignIn(pb.SignInRequest(message=message, signature=wallet.sign(message), client=new_client()))


async def test_a_nonce_expires_even_when_the_message_names_no_end(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    message = await asked(auth, wallet.address, new_client())
    endless = message.partition("\nExpiration Time")[0]
    await database.pool.execute(
        "UPDATE auth_nonces SET expires_at = $2 WHERE address = $1", wallet.address, datetime.now(UTC)
    )
    # Redis still holds the copy in which it is alive: the database decides.
    assert await refusal(auth, endless, wallet.sign(endless)) == "NONCE_EXPIRED"
    assert await sessions_of(database, wallet.address) == 0


async def test_a_malformed_message_tells_where_and_is_written_down(
    auth: AuthServiceAsyncStub, database: Database
) -> None:
    client = pb.Client(ip="192.0.2.7\0", user_agent="Mozilla\r\nX-Evil: 1")
    for text, field in (
        ("", "domain"),
        ("hello", "domain"),
        ("\0" * 100, "domain"),
        ("x" * 9000, "message"),
        ("x wants you to sign in with your Ethereum account:", "address"),
    ):
        with pytest.raises(InvalidArgument) as error:
            await auth.SignIn(pb.SignInRequest(message=text, signature=b"", client=client))
        assert (error.value.reason, error.value.details["field"]) == ("SIWE_MALFORMED", field)
    rows = await database.pool.fetch("SELECT reason, ip, user_agent FROM login_events WHERE ip = '192.0.2.7'")
    assert [tuple(row) for row in rows] == [("SIWE_MALFORMED", "192.0.2.7", "MozillaX-Evil: 1")] * 5


async def test_a_nonce_is_issued_for_a_served_chain_an_allowed_domain_and_a_real_address_only(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    for address, chain, domain, reason in (
        (wallet.address, "eip155:5", "", "SIWE_CHAIN_UNKNOWN"),
        (wallet.address, "1", "", "INVALID_CHAIN_ID"),
        (wallet.address, CHAIN, "evil.example", "SIWE_DOMAIN_NOT_ALLOWED"),
        (wallet.address, CHAIN, "x\nURI: y", "SIWE_DOMAIN_NOT_ALLOWED"),
        (b"short", CHAIN, "", "INVALID_ADDRESS"),
    ):
        request = pb.IssueNonceRequest(address=address, chain_id=chain, domain=domain, client=new_client())
        with pytest.raises(InvalidArgument) as error:
            await auth.IssueNonce(request)
        assert error.value.reason == reason
    answer = await auth.IssueNonce(
        pb.IssueNonceRequest(address=wallet.address, chain_id=CHAIN, domain="127.0.0.1:8080", client=new_client())
    )
    assert answer.message.startswith("127.0.0.1:8080 wants")
    assert "\nURI: http://127.0.0.1:8080\n" in answer.message
    assert f"\nNonce: {answer.nonce}\n" in answer.message
    left = answer.expires_at.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)


async def test_nobody_keeps_a_wallet_out_by_asking_for_it(
    auth: AuthServiceAsyncStub, settings: Settings, wallet: Wallet
) -> None:
    attacker = new_client()
    for _ in range(settings.auth_rate_limit):
        await asked(auth, wallet.address, attacker)
    with pytest.raises(RateLimited):
        await asked(auth, wallet.address, attacker)
    assert (await signed_in(auth, wallet)).new_user


async def test_a_wallet_asked_for_from_everywhere_is_let_in_where_it_signed_in_lately(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    home = new_client()
    await signed_in(auth, wallet, home)
    answers = [await answer_to(asked(auth, wallet.address, new_client())) for _ in range(ADDRESS_LIMIT)]
    # The sign-in itself was two requests, before its network was known.
    assert answers == ["let in"] * (ADDRESS_LIMIT - 2) + ["TOO_MANY_ATTEMPTS"] * 2
    with pytest.raises(RateLimited) as error:
        await asked(auth, wallet.address, new_client())
    assert 1 <= int(error.value.details["retry_after"]) <= 60
    assert not (await signed_in(auth, wallet, home)).new_user


async def answer_to(call: Awaitable[object]) -> str:
    try:
        await call
    except MercatoError as error:
        return error.reason
    return "let in"
