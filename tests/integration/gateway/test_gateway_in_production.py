"""A production gateway tells nothing of nodes and shows no explorer."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from gateway_parts import Gateway

from mercato.kit.settings import Settings
from mercato.services.gateway import app


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def with_changes(gateway: Gateway, **changes: object) -> Settings:
    """The settings of the running gateway for another one beside it."""
    known = gateway.stack.settings.model_dump()
    return Settings.model_validate({**known, "ops_ports": f"gateway={free_port()}", **changes})


@pytest.fixture
async def production(gateway: Gateway) -> AsyncIterator[str]:
    """The URL of a second gateway, in production mode."""
    secrets = dict.fromkeys(("postgres_password", "s3_secret_key", "jwt_private_key"), "of its own")
    settings = with_changes(gateway, env="production", gateway_port=free_port(), **secrets)
    async with app.running(settings):
        yield f"http://127.0.0.1:{settings.gateway_port}"


async def test_no_node_and_no_explorer_is_told(production: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{production}/dev/config.json") as response:
            assert response.status == 404
        async with session.get(f"{production}/graphql", headers={"Accept": "text/html"}) as response:
            assert response.status == 406
        async with session.get(production) as response:
            assert "localhost" not in response.headers["Content-Security-Policy"]


async def test_a_taken_port_is_an_error_that_can_be_read(gateway: Gateway) -> None:
    settings = with_changes(gateway)
    with pytest.raises(OSError, match="in use"):
        async with app.running(settings):
            pass
