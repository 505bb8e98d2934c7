"""Every end of a session is marked and told in its own step: nothing here repairs what that step forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from contract_wallets import change_signer, put
from identity_parts import POLICY, Edge, Wallet, asked, closing, new_client, registered

from mercato.evm.directory import ChainDirectory
from mercato.kit import channels, grpc, postgres, redis
from mercato.kit.errors import Unauthenticated
from mercato.kit.ids import Address
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceStub, add_AuthServiceServicer_to_server
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub
from mercato.services.auth.app import Ports, compose
from mercato.services.auth.rpc.clients import ChainsClient, UsersClient, WalletsClient
from mercato.services.auth.store.keys import KeyStore
from mercato.services.auth.store.limits import RateLimiter
from mercato.services.auth.store.logins import LoginEventStore
from mercato.services.auth.store.nonces import NonceStore
from mercato.services.auth.store.sessions import SessionStore
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.sessions import ManageSessions
from mercato.services.chains import app as chains_app
from mercato.services.users import app as users_app
from mercato.services.wallets import app as wallets_app

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.stack import LocalStack

ACCESS_TTL = timedelta(minutes=15)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def without_jobs(settings: Settings) -> AsyncIterator[None]:
    """Auth as it is, but for the loops beside it: no mark that was forgotten is put back."""
    log = get_logger("auth")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "auth_db"))
        client = await enter(redis.connected(settings))
        directory = ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub)))
        sessions = SessionStore(database, client, ACCESS_TTL, log)
        ports = Ports(
            NonceStore(database, client, log), sessions, LoginEventStore(database),
            KeyRing(KeyStore(database), [], ACCESS_TTL, now),
            RateLimiter(client, settings.auth_rate_limit, settings.auth_address_limit, log),
            ChainsClient(await enter(directory)),
            UsersClient(await enter(grpc.connected(settings, "users", UsersServiceStub))),
            WalletsClient(await enter(grpc.connected(settings, "wallets", WalletsServiceStub)), log),
        )  # fmt: skip
        await ports.keys.load()
        servicer = compose(settings, ports, ManageSessions(sessions, now))
        served = (add_AuthServiceServicer_to_server, servicer, "mercato.auth.v1.AuthService")
        await enter(grpc.serving(settings, "auth", [served]))
        yield


@pytest.fixture(scope="module")
async def auth(settings: Settings, stack: LocalStack) -> AsyncIterator[AuthServiceAsyncStub]:
    async with AsyncExitStack() as services:
        enter = services.enter_async_context
        await enter(without_jobs(settings.model_copy(update=POLICY)))
        for app in (users_app, wallets_app, chains_app):
            await enter(app.running(settings))
        await registered(settings, stack)
        yield await enter(grpc.connected(settings, "auth", AuthServiceStub))


async def entered(auth: AuthServiceAsyncStub, stack: LocalStack) -> pb.SignInResponse:
    """A session of a contract wallet, which can end in every way there is."""
    signer, client = Wallet.fresh(), new_client()
    address = await put(stack.chains[0], signer)
    message = await asked(auth, address, client)
    return await auth.SignIn(pb.SignInRequest(message=message, signature=signer.sign(message), client=client))


async def end(
    auth: AuthServiceAsyncStub, database: Database, session: pb.SignInResponse, how: str, stack: LocalStack
) -> None:
    wallet_id = await database.pool.fetchval("SELECT wallet_id FROM sessions WHERE id = $1", UUID(session.session_id))
    user_id, refresh = session.user_id, pb.RefreshRequest(refresh_token=session.tokens.refresh_token)
    match how:
        case "one":
            await auth.RevokeSession(pb.RevokeSessionRequest(user_id=user_id, session_id=session.session_id))
        case "all":
            await auth.RevokeAllSessions(pb.RevokeAllSessionsRequest(user_id=user_id))
        case "re-use":
            await auth.Refresh(refresh)
            with pytest.raises(Unauthenticated, match="REFRESH_REUSED"):
                await auth.Refresh(refresh)
        case "unlinking":
            request = pb.RevokeWalletSessionsRequest(
                user_id=user_id, wallet_id=str(wallet_id), address=session.address, chain_id=session.chain_id
            )
            await auth.RevokeWalletSessions(request)
        case "withdrawal":
            await change_signer(stack.chains[0], Address(session.address), Wallet.fresh())
            with pytest.raises(Unauthenticated, match="SIGNATURE_WITHDRAWN"):
                await auth.Refresh(refresh)


@pytest.mark.parametrize("how", ["one", "all", "re-use", "unlinking", "withdrawal"])
async def test_an_end_is_marked_and_told_once_before_whoever_asked_for_it_has_an_answer(
    auth: AuthServiceAsyncStub, database: Database, cache: Redis, stack: LocalStack, how: str
) -> None:
    session = await entered(auth, stack)
    key = f"session:blacklist:{session.session_id}"
    async with cache.pubsub() as news:
        await news.subscribe(channels.SESSIONS_ENDED)
        assert (await news.get_message(timeout=10))["type"] == "subscribe"
        await end(auth, database, session, how, stack)
        assert 890_000 < await cache.pttl(key) <= 900_000
        assert (await news.get_message(timeout=10))["data"] == session.session_id.encode()
        await end(auth, database, await entered(auth, stack), "one", stack)
        # What comes next is about the next one: each end is told once.
        assert (await news.get_message(timeout=10))["data"] != session.session_id.encode()


@pytest.mark.parametrize("how", ["one", "all", "re-use", "unlinking", "withdrawal"])
async def test_a_socket_closes_by_the_news_alone(
    auth: AuthServiceAsyncStub, database: Database, edge: Edge, stack: LocalStack, how: str
) -> None:
    """The gateway's own look comes every 30 s; whatever ends a session here is heard of before two such looks."""
    for _ in range(3):
        session = await entered(auth, stack)
        async with edge.socket({"authorization": f"Bearer {session.tokens.access_token}"}) as ws:
            assert (await ws.receive_json(timeout=30))["type"] == "connection_ack"
            await end(auth, database, session, how, stack)
            assert await asyncio.wait_for(closing(ws), 10) == (4403, "SESSION_REVOKED")
