"""A catalog on the real database; every test has a chain of its own, so none sees another's rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest
from catalog_facts import Chain, Deliver, Published, new_chain, queue_of

from mercato.kit import messages, postgres, redis
from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.read_versions import ReadVersions
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.store.versions import ChangedRows
from mercato.services.catalog.store.writing import CatalogStore


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "catalog_db") as opened:
        yield opened


@pytest.fixture(scope="session")
def store(database: Database) -> CatalogStore:
    return CatalogStore(database)


@pytest.fixture(scope="session")
async def changed(settings: Settings) -> AsyncIterator[ChangedRows]:
    async with redis.connected(settings) as client:
        yield ChangedRows(ReadVersions(client))


@pytest.fixture
def chain() -> Chain:
    return new_chain()


@pytest.fixture(scope="session")
def deliver(store: CatalogStore) -> Deliver:
    by_queue = handlers(store)

    async def deliver_all(incoming: Iterable[Incoming]) -> None:
        for message in incoming:
            await by_queue[queue_of(message)](message)

    return deliver_all


def news_of(row: asyncpg.Record) -> list[Incoming]:
    """What an outbox row tells; each event of a token by itself, under its own id and one of the row's keys."""
    message = messages.decode(row["type"], row["body"])
    if not isinstance(message, pb.TokenEvents):
        return [Incoming(row["message_id"], row["type"], message, {"key": row["routing_key"]}, 1)]
    keys = [row["routing_key"], *row["headers"].get(messages.FURTHER_KEYS, ())]
    return [_news(event, keys) for event in message.events]


def _news(event: pb.TokenEvent, keys: list[str]) -> Incoming:
    told = getattr(event, event.WhichOneof("body") or "")
    place = f"{ChainId.parse(told.chain_id).routing}.0x{told.contract.hex()}.{told.token_id}"
    (key,) = [key for key in keys if key.partition(".")[2] == place]
    return Incoming(event.id, told.DESCRIPTOR.full_name, told, {"key": key}, 1)


@pytest.fixture
async def published(database: Database, chain: Chain) -> Published:
    await database.pool.execute("DELETE FROM outbox")

    async def take() -> list[Incoming]:
        rows = await database.pool.fetch("DELETE FROM outbox RETURNING *")
        told = [news for row in sorted(rows, key=lambda row: row["id"]) for news in news_of(row)]
        return [m for m in told if m.message.chain_id == chain.id.caip2]  # type: ignore[attr-defined]

    return take
