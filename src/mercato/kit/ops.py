"""The small HTTP server of each service for those who run it: /metrics, /healthz, /readyz."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mercato.kit.settings import Settings

Check = Callable[[], Awaitable[object]]
_CHECK_TIMEOUT = 2.0


@asynccontextmanager
async def serving(settings: Settings, service: str, checks: Mapping[str, Check]) -> AsyncIterator[None]:
    """Serves until the block ends. `/readyz` answers 200 when every check passes within 2 s, else 503 with
    the failed ones by name; `/healthz` answers 200 while the event loop turns."""

    async def ready(_: web.Request) -> web.Response:
        results = dict(zip(checks, await asyncio.gather(*map(_outcome, checks.values())), strict=True))
        return web.json_response(
            {"service": service, "checks": results}, status=200 if set(results.values()) <= {"ok"} else 503
        )

    app = web.Application()
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.ops_port(service)).start()
        yield
    finally:
        await runner.cleanup()


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"
