"""More gateways beside the one under test, on the same servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from gateway_parts import Gateway

from mercato.kit.settings import Settings
from mercato.services.gateway import app
from mercato.stack.ports import Ports


@asynccontextmanager
async def another_gateway(gateway: Gateway, **changes: object) -> AsyncIterator[Gateway]:
    """A second gateway with other settings; to its clients each one begun is a restarted one."""
    async with AsyncExitStack() as opened:
        ports = Ports.free([])
        opened.callback(ports.release)
        known = gateway.stack.settings.model_dump()
        own = {"gateway_port": ports["gateway"], "ops_ports": f"gateway={ports['ops.gateway']}"}
        settings = Settings.model_validate({**known, **own, **changes})
        await opened.enter_async_context(app.running(settings))
        session = await opened.enter_async_context(aiohttp.ClientSession())
        found = Gateway(gateway.stack, session, gateway.redis, gateway.world)
        found.url = f"http://127.0.0.1:{settings.gateway_port}"
        yield found
