"""An unlinked wallet is out though nobody but the event says so: lost second steps, repeats, late news, races."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from identity_parts import CHAIN, WHO, Edge, Wallet, asked, closing, new_client, signed_in

from mercato.kit import channels, grpc, postgres
from mercato.kit.errors import Poison, Unauthenticated
from mercato.kit.ids import Address, ChainId, SessionId, UserId, new_id, parse_id
from mercato.kit.logging import get_logger
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.events.v1.events_pb2 import WalletLinked, WalletUnlinked
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub
from mercato.services.auth.consumers import OnWalletUnlinked
from mercato.services.auth.model.nonces import new_nonce
from mercato.services.auth.model.sessions import SIGNED_IN, Client, Link, LoginEvent, Proof, Session
from mercato.services.auth.model.tokens import new_refresh_token, refresh_token_hash
from mercato.services.auth.rpc.servicer import user_logged_in
from mercato.services.auth.store.sessions import SessionStore
from mercato.services.auth.usecases.sessions import ManageSessions
from mercato.services.wallets.rpc import wallet_linked, wallet_unlinked
from mercato.services.wallets.store.wallets import WalletStore

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceAsyncStub

LOG = get_logger("auth")
HOUR = timedelta(hours=1)
SECOND_CHAIN = "eip155:31338"
HERE = ChainId.parse(CHAIN)
LIVE_OF_WALLET = "SELECT count(*) FROM sessions WHERE wallet_id = $1 AND revoked_at IS NULL"


@pytest.fixture(scope="module")
async def wallets(auth: AuthServiceAsyncStub, settings: Settings) -> AsyncIterator[WalletsServiceAsyncStub]:
    async with grpc.connected(settings, "wallets", WalletsServiceStub) as stub:
        yield stub


@pytest.fixture
def store(database: Database, cache: Redis) -> SessionStore:
    return SessionStore(database, cache, HOUR, LOG)


@pytest.fixture
def manage(store: SessionStore) -> ManageSessions:
    return ManageSessions(store, lambda: datetime.now(UTC))


async def linked(
    wallets: WalletsServiceAsyncStub, user_id: str, address: Address, chain: str = CHAIN
) -> wallets_pb2.Wallet:
    """As the gateway does it once the wallet has signed."""
    request = wallets_pb2.LinkWalletRequest(
        user_id=user_id, address=address, chain_id=chain, proof=wallets_pb2.PROOF_KEY,
        occasion=wallets_pb2.OCCASION_LINK,
    )  # fmt: skip
    return (await wallets.LinkWallet(request)).wallet


async def unlinked(wallets: WalletsServiceAsyncStub, wallet: wallets_pb2.Wallet) -> None:
    """The first of the gateway's two steps; it dies before the second."""
    await wallets.UnlinkWallet(wallets_pb2.UnlinkWalletRequest(user_id=wallet.user_id, wallet_id=wallet.id))


async def refusal(auth: AuthServiceAsyncStub, session: pb.SignInResponse) -> str:
    """The reason for which the session's access token is refused; empty while it is good."""
    try:
        await auth.Introspect(pb.IntrospectRequest(access_token=session.tokens.access_token))
    except Unauthenticated as error:
        return error.reason
    return ""


async def until_ended(auth: AuthServiceAsyncStub, session: pb.SignInResponse) -> None:
    async with asyncio.timeout(20):
        while await refusal(auth, session) != "SESSION_REVOKED":
            await asyncio.sleep(0.05)


async def test_sessions_and_sockets_end_though_the_gateway_died_between_its_two_steps(
    auth: AuthServiceAsyncStub, wallets: WalletsServiceAsyncStub, edge: Edge, wallet: Wallet
) -> None:
    first, second = await signed_in(auth, wallet), Wallet.fresh()
    link = await linked(wallets, first.user_id, second.address)
    session = await signed_in(auth, second)
    token = {"authorization": f"Bearer {session.tokens.access_token}"}
    async with edge.socket(token) as ws, edge.socket({"authorization": f"Bearer {first.tokens.access_token}"}) as other:
        for socket in (ws, other):
            assert (await socket.receive_json(timeout=30))["type"] == "connection_ack"
        await unlinked(wallets, link)
        # The gateway's own next look is 30 s away: it hears of the end, and of this end alone.
        assert await asyncio.wait_for(closing(ws), 20) == (4403, "SESSION_REVOKED")
        await other.send_json({"type": "ping"})
        assert (await other.receive_json(timeout=30))["type"] == "pong"
    answer = await edge.post(WHO, headers={"Authorization": f"Bearer {session.tokens.access_token}"})
    assert answer.reason == "SESSION_REVOKED"
    with pytest.raises(Unauthenticated, match="closed"):
        await auth.Refresh(pb.RefreshRequest(refresh_token=session.tokens.refresh_token, client=new_client()))
    assert await refusal(auth, first) == ""


async def test_sessions_end_though_the_wallets_process_died_after_its_commit(
    auth: AuthServiceAsyncStub, wallets: WalletsServiceAsyncStub, wallet: Wallet, settings: Settings, cache: Redis
) -> None:
    """Committed by somebody who relays nothing: the row waits in the outbox for any other process of the service."""
    first, second = await signed_in(auth, wallet), Wallet.fresh()
    link = await linked(wallets, first.user_id, second.address)
    session = await signed_in(auth, second)
    async with postgres.connected(settings, "wallet_db") as dying:
        store = WalletStore(dying, cache, wallet_linked, wallet_unlinked, LOG)
        await store.unlink(UserId(parse_id(link.user_id)), parse_id(link.id), datetime.now(UTC))
    await until_ended(auth, session)


async def test_a_session_that_opened_while_its_wallet_was_unlinked_ends_though_another_chain_keeps_the_address(
    auth: AuthServiceAsyncStub, wallets: WalletsServiceAsyncStub, wallet: Wallet, database: Database
) -> None:
    """The address has not left, so whoever signs in after that links this chain anew, as another wallet."""
    user_id = (await signed_in(auth, wallet)).user_id
    for _ in range(4):
        second = Wallet.fresh()
        await linked(wallets, user_id, second.address, SECOND_CHAIN)
        link = await linked(wallets, user_id, second.address)
        messages = [await asked(auth, second.address, new_client()) for _ in range(4)]
        requests = [pb.SignInRequest(message=m, signature=second.sign(m), client=new_client()) for m in messages]
        gone, *_ = await asyncio.gather(unlinked(wallets, link), *map(auth.SignIn, requests), return_exceptions=True)
        assert gone is None
        async with asyncio.timeout(20):
            while await database.pool.fetchval(LIVE_OF_WALLET, parse_id(link.id)):
                await asyncio.sleep(0.05)


def link_of(user: UserId, address: Address) -> Link:
    return Link(new_id(), user, address, HERE)


async def opened(store: SessionStore, link: Link, *, noted: bool = True) -> SessionId:
    """A session that came through a link, which older ones do not say."""
    now = datetime.now(UTC)
    session = Session(
        SessionId(new_id()), link.user_id, link.address, link.chain, Proof.KEY, Client("10.0.0.1", "tests"),
        now, now, now + HOUR, link.wallet_id if noted else None,
    )  # fmt: skip
    event = LoginEvent(new_id(), now, SIGNED_IN, session.client, session.user_id, session.id)
    await store.open(session, new_nonce(), refresh_token_hash(new_refresh_token()), event, user_logged_in(session))
    return session.id


def news(link: Link) -> Incoming:
    event = WalletUnlinked(
        user_id=str(link.user_id), wallet_id=str(link.wallet_id), address=link.address, chain_id=link.chain.caip2
    )
    return Incoming(f"{link.wallet_id}:unlinked", event.DESCRIPTOR.full_name, event, {}, 1)


async def ended(database: Database, sessions: list[SessionId]) -> list[SessionId]:
    rows = await database.pool.fetch(
        "SELECT id FROM sessions WHERE id = ANY($1::uuid[]) AND revoked_reason = 'WALLET_UNLINKED'", sessions
    )
    return [session for session in sessions if session in {row["id"] for row in rows}]


@pytest.mark.parametrize("order", [*permutations([0, 0, 1, 1])][::5], ids=str)
async def test_news_twice_and_in_any_order_end_what_came_through_their_link_alone(
    store: SessionStore, manage: ManageSessions, database: Database, cache: Redis, order: tuple[int, ...]
) -> None:
    """Three links of one address, one after the other: two are over, the third stands."""
    user, address = UserId(new_id()), Address(new_id().bytes + b"\0\0\0\0")
    links = [link_of(user, address) for _ in range(3)]
    sessions = [await opened(store, link) for link in links]
    hear = OnWalletUnlinked(manage)
    for which in order:
        await hear(news(links[which]))
    assert await ended(database, sessions) == sessions[:2]
    blacklisted = [bool(await cache.exists(f"session:blacklist:{session}")) for session in sessions]
    assert blacklisted == [True, True, False]
    assert await manage.list_live(user) != []


async def test_a_session_from_before_links_were_noted_ends_with_its_address(
    store: SessionStore, manage: ManageSessions, database: Database
) -> None:
    user, address = UserId(new_id()), Address(new_id().bytes + b"\0\0\0\0")
    link, elsewhere = link_of(user, address), link_of(user, Address(bytes(20)))
    sessions = [await opened(store, link, noted=False), await opened(store, elsewhere, noted=False)]
    await OnWalletUnlinked(manage)(news(link))
    assert await ended(database, sessions) == sessions[:1]


async def test_question_and_news_at_once_end_each_session_once_and_both_know_which(
    store: SessionStore, manage: ManageSessions, cache: Redis
) -> None:
    link = link_of(UserId(new_id()), Address(new_id().bytes + b"\0\0\0\0"))
    sessions = {await opened(store, link) for _ in range(5)}
    hear, heard = OnWalletUnlinked(manage), set[str]()
    async with cache.pubsub() as pubsub:
        await pubsub.subscribe(channels.SESSIONS_ENDED)
        answers = await asyncio.gather(
            *(manage.revoke_of_wallet(link) for _ in range(5)), *(hear(news(link)) for _ in range(5))
        )
        assert [set(answer or ()) for answer in answers] == [sessions] * 5 + [set()] * 5
        async with asyncio.timeout(10):
            while not heard >= {str(session) for session in sessions}:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
                if message is not None and (text := message["data"].decode()) in map(str, sessions):
                    assert text not in heard
                    heard.add(text)
    assert set(await manage.revoke_of_wallet(link)) == sessions


async def test_another_message_and_an_unreadable_one_are_refused_for_good(manage: ManageSessions) -> None:
    hear = OnWalletUnlinked(manage)
    stray = WalletLinked(wallet_id="w")
    with pytest.raises(Poison) as error:
        await hear(Incoming("1", stray.DESCRIPTOR.full_name, stray, {}, 1))
    assert error.value.reason == "UNEXPECTED_TYPE"
    broken = WalletUnlinked(user_id=str(new_id()), wallet_id="w")
    with pytest.raises(Exception, match="wallet_id") as refused:
        await hear(Incoming("2", broken.DESCRIPTOR.full_name, broken, {}, 1))
    assert not getattr(refused.value, "retryable", True)
