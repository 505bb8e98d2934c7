"""Redis: one client per service, opened and closed with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from mercato.kit.settings import Settings

Redis = redis.asyncio.Redis


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Redis]:
    """A client that answers bytes; it reconnects by itself and gives up on a command after 2 s."""
    client = redis.asyncio.from_url(
        settings.redis_url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=15
    )
    try:
        yield client
    finally:
        await client.aclose()
