"""MongoDB: one client per service; only find, insert, update and delete, so that any server of its protocol serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

from mercato.kit.settings import Settings

Client = AsyncMongoClient[dict[str, Any]]


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """A client with acknowledged, journalled writes."""
    client: Client = AsyncMongoClient(
        settings.mongo_url, tz_aware=True, w=1, journal=True, serverSelectionTimeoutMS=5000, appname="mercato"
    )
    try:
        yield client
    finally:
        await client.close()
