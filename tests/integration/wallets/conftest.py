"""The approvals of wallets on the real stores, fed by hand."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from approval_parts import Handlers

from mercato.kit import postgres, redis
from mercato.kit.ids import ChainId
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.services.wallets.store.approvals import ApprovalStore
from mercato.services.wallets.store.cache import ApprovalCache
from mercato.services.wallets.store.reading import ApprovalPages
from mercato.services.wallets.usecases import ListApprovals


@pytest.fixture(scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "wallet_db") as opened:
        yield opened


@pytest.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[Redis]:
    async with redis.connected(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def cache(client: Redis) -> ApprovalCache:
    return ApprovalCache(client, get_logger("wallets"))


@pytest.fixture(scope="module")
def store(database: Database) -> ApprovalStore:
    return ApprovalStore(database)


@pytest.fixture(scope="module")
def reads(database: Database) -> ApprovalPages:
    return ApprovalPages(database)


@pytest.fixture(scope="module")
def listing(reads: ApprovalPages, cache: ApprovalCache) -> ListApprovals:
    return ListApprovals(reads, cache)


@pytest.fixture
def chain() -> ChainId:
    """A chain of the test's own, so that tests share tables and no rows."""
    return ChainId(int.from_bytes(os.urandom(6)) + 1)


@pytest.fixture(scope="module")
def handle(store: ApprovalStore, cache: ApprovalCache) -> Handlers:
    return Handlers(store, cache)
