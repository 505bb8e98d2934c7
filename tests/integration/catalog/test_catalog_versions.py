"""Read versions: every commit that may have changed rows is told, with or without an event, and nothing is forgotten
while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from catalog_facts import Chain, Created, Move, account, block, contract

from mercato.kit import read_versions, redis
from mercato.kit.ids import Address
from mercato.kit.postgres import Database
from mercato.kit.read_versions import ReadVersions
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.store.flags import Flags
from mercato.services.catalog.store.reading.tokens import TokenReads
from mercato.services.catalog.store.versions import ChangedRows
from mercato.services.catalog.store.writing import CatalogStore
from mercato.services.catalog.usecases.reading import FlagToken

CATS, DOGS = contract("cats"), contract("dogs")


class Told:
    """What was noted since the last look."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def note(self, names: Iterable[str]) -> None:
        self._names.update(names)

    def taken(self) -> set[str]:
        names, self._names = self._names, set()
        return names


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[redis.Redis]:
    async with redis.connected(settings) as opened:
        yield opened


def of(chain: Chain, *contracts: bytes) -> set[str]:
    return {name for one in contracts for name in read_versions.of_collection(chain.id, Address(one))}


async def test_each_commit_tells_the_collections_it_wrote_to(database: Database, chain: Chain, told: Told) -> None:
    by_queue = handlers(CatalogStore(database, note=told.note))
    created, minted = by_queue["catalog.collections.created"], by_queue["catalog.mints.created"]
    (message,) = chain.messages([(block(1), [Created(0, CATS)])])
    await created(message)
    assert told.taken() == of(chain, CATS)
    (message,) = chain.messages(
        [(block(2), [Move(0, CATS, 1, recipient=account("a")), Move(1, DOGS, 1, recipient=account("a"))])]
    )
    await minted(message)
    assert told.taken() == of(chain, CATS, DOGS)
    await minted(message)
    assert told.taken() == set()


async def test_a_document_that_could_not_be_had_has_no_event_and_is_told(
    database: Database, chain: Chain, told: Told
) -> None:
    by_queue = handlers(CatalogStore(database, note=told.note))
    (message,) = chain.messages([(block(1), [Move(0, CATS, 1, recipient=account("a"))])])
    await by_queue["catalog.mints.created"](message)
    told.taken()
    failed = pb.TokenMetadata(token_id="1", failure="FETCH_FAILED")
    failed.resolved_at.GetCurrentTime()
    await by_queue["catalog.metadata.resolved"](
        chain.incoming(pb.MetadataResolved(chain_id=chain.id.caip2, contract=CATS, tokens=[failed]))
    )
    assert told.taken() == of(chain, CATS)


async def test_a_fork_is_told_for_the_whole_chain_and_an_advance_for_nothing(
    database: Database, chain: Chain, told: Told
) -> None:
    by_queue = handlers(CatalogStore(database, note=told.note))
    (message,) = chain.messages([(block(2, "lost"), [Move(0, CATS, 1, recipient=account("a"))])])
    await by_queue["catalog.mints.created"](message)
    told.taken()
    await by_queue["catalog.chains.changed"](chain.advanced(block(1), 2, 0))
    assert told.taken() == set()
    await by_queue["catalog.chains.changed"](chain.reorged([block(2, "lost")], block(1), 1))
    assert told.taken() >= set(read_versions.of_fork(chain.id))


async def test_a_flag_is_told_before_the_moderator_has_the_answer(
    database: Database, chain: Chain, client: redis.Redis
) -> None:
    (message,) = chain.messages([(block(1), [Move(0, CATS, 1, recipient=account("a"))])])
    await handlers(CatalogStore(database))["catalog.mints.created"](message)
    name = read_versions.collection(chain.id, Address(CATS))
    changed = ChangedRows(ReadVersions(client))
    flag = FlagToken(Flags(database.pool), TokenReads(database.pool), changed.tell)
    await flag.put_up((chain.id, Address(CATS), "1"), "SPAM", "airdropped", "moderator")
    first = await client.get(name)
    await flag.take_down((chain.id, Address(CATS), "1"), "SPAM", "", "moderator")
    second = await client.get(name)
    assert first is not None
    assert second not in (None, first)


async def test_what_redis_did_not_take_is_told_when_it_is_back(
    settings: Settings, chain: Chain, client: redis.Redis
) -> None:
    names = read_versions.of_collection(chain.id, Address(CATS))
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"})

    class Returning(ReadVersions):
        """Is away until `there`."""

        there = asyncio.Event()

        async def change(self, names: Iterable[str]) -> None:
            if self.there.is_set():
                await ReadVersions(client).change(names)
            else:
                await super().change(names)

    async with redis.connected(away) as nobody:
        versions = Returning(nobody)
        changed = ChangedRows(versions)
        running = asyncio.create_task(changed.run())
        await changed.tell(names[:1])
        changed.note(names[1:])
        await asyncio.sleep(0.05)
        assert await client.get(names[0]) is None
        versions.there.set()
        async with asyncio.timeout(10):
            while None in await client.mget(names):
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
