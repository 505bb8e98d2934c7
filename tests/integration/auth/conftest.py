"""Auth with the services it calls, in this process, on the real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
from identity_parts import POLICY, Edge, Wallet, registered

from mercato.kit import grpc, postgres, redis
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceStub
from mercato.services.auth import app as auth_app
from mercato.services.chains import app as chains_app
from mercato.services.gateway import app as gateway_app
from mercato.services.users import app as users_app
from mercato.services.wallets import app as wallets_app

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.stack import LocalStack


@pytest.fixture(scope="module")
async def auth(settings: Settings, stack: LocalStack) -> AsyncIterator[AuthServiceAsyncStub]:
    """A client of a running auth service that knows both local chains."""
    async with AsyncExitStack() as services:
        enter = services.enter_async_context
        # Auth first: it must not need the others in order to start.
        await enter(auth_app.running(settings.model_copy(update=POLICY)))
        for app in (users_app, wallets_app, chains_app):
            await enter(app.running(settings))
        await registered(settings, stack)
        yield await enter(grpc.connected(settings, "auth", AuthServiceStub))


@pytest.fixture(scope="module")
async def edge(auth: AuthServiceAsyncStub, settings: Settings, stack: LocalStack) -> AsyncIterator[Edge]:
    """A gateway before that auth service; it believes the client's X-Forwarded-For."""
    # A refusal in mid-body leaves a connection that is over.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        gateway_app.running(settings.model_copy(update={**POLICY, "trusted_proxies": "127.0.0.1"})),
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Edge(f"http://127.0.0.1:{settings.gateway_port}", session)


@pytest.fixture(scope="module")
async def database(settings: Settings, stack: LocalStack) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "auth_db") as opened:
        yield opened


@pytest.fixture(scope="module")
async def cache(settings: Settings) -> AsyncIterator[Redis]:
    async with redis.connected(settings) as opened:
        yield opened


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.fresh()
