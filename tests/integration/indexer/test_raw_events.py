"""What any store of raw events does: the one on MongoDB, and the one in memory that simulations use instead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.chaos.simulation.raw_memory import RawEventsInMemory
from tests.integration.indexer.indexer_rig import new_chain

from mercato.kit import mongo
from mercato.kit.ids import keccak256
from mercato.kit.settings import Settings
from mercato.services.indexer.model.chain import Block, RecentBlock
from mercato.services.indexer.model.raw import RawEvent
from mercato.services.indexer.store.raw import BULK, RawEvents

ONE, OTHER = keccak256(b"one"), keccak256(b"other")


@pytest.fixture(params=["mongo", "memory"])
async def raw(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield RawEventsInMemory()
        return
    async with mongo.connected(settings) as client:
        yield RawEvents(client)


def event(index: int, block: bytes = ONE, number: int = 7, data: bytes = b"\1") -> RawEvent:
    return RawEvent(number, block, index, keccak256(b"tx"), 2, bytes(range(20)), bytes(64), data, 1_700_000_000)


def recent(block: bytes, *logs: int, number: int = 7) -> RecentBlock:
    return RecentBlock(Block(number, block, 1_700_000_000), bytes(32), logs)


async def everything(raw: Any, chain: Any) -> list[RawEvent]:
    return sorted([row async for row in raw.stream(chain)], key=lambda row: (row.block_hash == OTHER, row.log_index))


async def test_a_row_comes_back_byte_for_byte(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(3, data=bytes(range(256)))])
    assert await raw.list_block(chain, 7, ONE, [3]) == [event(3, data=bytes(range(256)))]
    assert await everything(raw, chain) == [event(3, data=bytes(range(256)))]


async def test_a_row_that_is_there_stays_as_it_is(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0)])
    await raw.orphan(chain, [recent(ONE, 0)], 1)
    await raw.add(chain, [event(0), event(1)])
    assert [(row.log_index, row.canonical) for row in await everything(raw, chain)] == [(0, False), (1, True)]


async def test_a_block_of_the_same_height_is_another(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(0, OTHER)])
    await raw.orphan(chain, [recent(ONE, 0)], 1)
    assert [(row.block_hash, row.canonical) for row in await everything(raw, chain)] == [(ONE, False), (OTHER, True)]


async def test_only_the_logs_named_of_a_block_are_marked(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(1), event(2)])
    await raw.orphan(chain, [recent(ONE, 0, 2, 9), recent(OTHER, 1)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [False, True, False]
    await raw.readopt(chain, [recent(ONE, 2)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [False, True, True]


async def test_a_mark_that_is_older_than_the_last_one_changes_nothing(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(1)])
    await raw.orphan(chain, [recent(ONE, 0, 1)], 3)
    await raw.readopt(chain, [recent(ONE, 0, 1)], 2)
    assert [row.canonical for row in await everything(raw, chain)] == [False, False]
    await raw.readopt(chain, [recent(ONE, 0, 1)], 3)
    assert [row.canonical for row in await everything(raw, chain)] == [True, True]
    await raw.orphan(chain, [recent(ONE, 0)], 3)
    await raw.orphan(chain, [recent(ONE, 1)], 4)
    assert [row.canonical for row in await everything(raw, chain)] == [True, False]


async def test_chains_do_not_see_each_other(raw: Any) -> None:
    chain, neighbour = new_chain(), new_chain()
    await raw.add(chain, [event(0)])
    await raw.add(neighbour, [event(0), event(1)])
    await raw.orphan(chain, [recent(ONE, 0, 1)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [False]
    assert [row.canonical for row in await everything(raw, neighbour)] == [True, True]


async def test_a_block_is_listed_by_log_index_and_without_what_is_not_there(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(5), event(1), event(3)])
    assert [row.log_index for row in await raw.list_block(chain, 7, ONE, [5, 1, 1, 4])] == [1, 5]
    assert await raw.list_block(chain, 8, ONE, [5]) == []


async def test_more_rows_than_one_request_takes_are_kept_and_marked(raw: Any) -> None:
    chain, count = new_chain(), BULK + 3
    await raw.add(chain, [event(index) for index in range(count)])
    await raw.orphan(chain, [recent(ONE, *range(count))], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [False] * count


async def test_nothing_is_no_error(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [])
    await raw.orphan(chain, [], 1)
    await raw.readopt(chain, [recent(ONE)], 1)
    assert await everything(raw, chain) == []
