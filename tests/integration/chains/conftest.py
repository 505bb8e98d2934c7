"""The registry as a running service, empty for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from mercato.kit import grpc, postgres, redis
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.chains import app

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub


@pytest.fixture
async def emptied(settings: Settings) -> Settings:
    """Settings of a registry without chains."""
    async with postgres.connected(settings, "chain_registry_db") as database, redis.connected(settings) as cache:
        await database.pool.execute("TRUNCATE chains, chain_audit CASCADE")
        await cache.flushdb()
    return settings


@pytest.fixture
async def registry(emptied: Settings) -> AsyncIterator[ChainsServiceAsyncStub]:
    """The running service with an empty registry."""
    settings = emptied
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.running(settings))
        yield await stack.enter_async_context(grpc.connected(settings, "chains", ChainsServiceStub))
