"""The real gateway on a real Redis, with hand-written services behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from gateway_fakes import World, serving_fakes
from gateway_parts import Gateway

from mercato.kit import logging as mercato_logging
from mercato.kit import redis
from mercato.services.gateway import app
from mercato.services.gateway.http.sockets import SocketTimes
from mercato.stack import LocalStack

TIMES = SocketTimes(init=0.4, session_check=60.0, send=1.0)


@pytest.fixture(scope="session")
async def gateway_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """One gateway for all tests here; `gateway` gives it with a fresh world."""
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            LocalStack(
                tmp_path_factory.mktemp("gateway"),
                services=[],
                servers={"redis"},
                env={
                    "MERCATO_WEB_DIR": str(tmp_path_factory.mktemp("web")),
                    "MERCATO_UPLOAD_LIMIT": "2000000",
                    "MERCATO_READ_CACHE": "false",  # each test has a world of its own behind the same requests
                },
            )
        )
        mercato_logging.setup(stack.settings)
        world = World()
        await opened.enter_async_context(serving_fakes(stack.settings, world))
        await opened.enter_async_context(app.running(stack.settings, TIMES))
        session = await opened.enter_async_context(aiohttp.ClientSession())
        client = await opened.enter_async_context(redis.connected(stack.settings))
        yield Gateway(stack, session, client, world)


@pytest.fixture
def gateway(gateway_site: Gateway) -> Gateway:
    """The gateway, with nothing called yet and nothing failing."""
    fresh = World()
    gateway_site.world.__dict__.update(fresh.__dict__)
    return gateway_site
