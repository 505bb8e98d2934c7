"""The HTTP server for those who run a service: alive, ready, measured."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from mercato.kit import ops
from mercato.kit.errors import Unavailable
from mercato.kit.settings import Settings


class Dependency:
    """A store that can be away, or hang."""

    def __init__(self) -> None:
        self.is_away = False
        self.hangs = False

    async def check(self) -> None:
        if self.hangs:
            await asyncio.sleep(60)
        if self.is_away:
            raise Unavailable("DATABASE_UNAVAILABLE", "no answer")


@pytest.fixture
async def served() -> AsyncIterator[tuple[str, Dependency]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = Dependency()
    async with ops.serving(Settings(ops_ports=f"users={port}"), "users", {"store": store.check}):
        yield f"http://127.0.0.1:{port}", store


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_a_service_is_ready_while_its_dependencies_answer(served: tuple[str, Dependency]) -> None:
    url, store = served
    assert (await get(f"{url}/readyz"))[0] == 200
    store.is_away = True
    status, body = await get(f"{url}/readyz")
    assert status == 503
    assert "DATABASE_UNAVAILABLE" in body
    assert (await get(f"{url}/healthz"))[0] == 200, "alive does not mean ready"
    store.is_away = False
    assert (await get(f"{url}/readyz"))[0] == 200


async def test_a_hanging_dependency_does_not_hang_the_answer(served: tuple[str, Dependency]) -> None:
    url, store = served
    store.hangs = True
    async with asyncio.timeout(5):
        status, body = await get(f"{url}/readyz")
    assert status == 503
    assert "TimeoutError" in body


async def test_metrics_are_in_prometheus_form(served: tuple[str, Dependency]) -> None:
    status, body = await get(f"{served[0]}/metrics")
    assert status == 200
    assert "# TYPE process_cpu_seconds_total counter" in body
