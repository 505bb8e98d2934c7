"""The transaction of a message: once per event, tried again after a deadlock, alone when a fork is undone."""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pytest
from catalog_facts import Chain

from mercato.kit.postgres import Database
from mercato.services.catalog.model.facts import Cause
from mercato.services.catalog.store.writing import CatalogStore, Unit


@pytest.fixture
def cause() -> Cause:
    return Cause("catalog.test", os.urandom(8).hex())


class Stumbling:
    """Work that meets a deadlock so many times."""

    def __init__(self, stumbles: int) -> None:
        self.runs = 0
        self._stumbles = stumbles

    async def __call__(self, unit: Unit) -> None:
        await unit.collections.add([os.urandom(20)])
        self.runs += 1
        if self.runs <= self._stumbles:
            raise asyncpg.DeadlockDetectedError("two met")


async def collections(database: Database, chain: Chain) -> int:
    count = await database.pool.fetchval(
        "SELECT count(*) FROM collections JOIN sync_state USING (chain_ref) WHERE chain_number = $1", chain.id
    )
    assert isinstance(count, int)
    return count


async def test_a_deadlock_is_tried_again_and_leaves_nothing_behind(
    store: CatalogStore, database: Database, chain: Chain, cause: Cause
) -> None:
    work = Stumbling(2)
    await store.beside_others(cause, chain.id, work)
    assert (work.runs, await collections(database, chain)) == (3, 1)
    await store.beside_others(cause, chain.id, work)
    assert work.runs == 3


async def test_a_deadlock_that_stays_is_told_and_the_event_is_not_remembered(
    store: CatalogStore, database: Database, chain: Chain, cause: Cause
) -> None:
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await store.beside_others(cause, chain.id, Stumbling(100))
    assert await collections(database, chain) == 0
    work = Stumbling(0)
    await store.beside_others(cause, chain.id, work)
    assert work.runs == 1


async def test_of_eight_deliveries_at_once_one_is_done(
    store: CatalogStore, database: Database, chain: Chain, cause: Cause
) -> None:
    work = Stumbling(0)
    await asyncio.gather(*(store.beside_others(cause, chain.id, work) for _ in range(8)))
    assert (work.runs, await collections(database, chain)) == (1, 1)


async def test_who_works_alone_waits_for_those_who_are_at_it_and_others_wait_for_it(
    store: CatalogStore, chain: Chain
) -> None:
    order: list[str] = []
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def first(unit: Unit) -> None:
        entered.set()
        await go_on.wait()
        order.append("first")

    async def alone(unit: Unit) -> None:
        order.append("alone")
        await asyncio.sleep(0.05)
        order.append("alone, still")

    async def later(unit: Unit) -> None:
        order.append("later")

    async with asyncio.TaskGroup() as group:
        group.create_task(store.beside_others(Cause("catalog.test", os.urandom(8).hex()), chain.id, first))
        await entered.wait()
        group.create_task(store.alone(Cause("catalog.test", os.urandom(8).hex()), chain.id, alone))
        await asyncio.sleep(0.1)
        group.create_task(store.beside_others(Cause("catalog.test", os.urandom(8).hex()), chain.id, later))
        await asyncio.sleep(0.1)
        go_on.set()
    assert order == ["first", "alone", "alone, still", "later"]
