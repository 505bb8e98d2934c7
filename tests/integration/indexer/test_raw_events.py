"""What any store of raw events does: the one on MongoDB, and the one in memory that simulations use instead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.chaos.simulation.raw_memory import RawEventsInMemory
from tests.integration.indexer.indexer_rig import new_chain

from mercato.kit import mongo
from mercato.kit.ids import keccak256
from mercato.kit.settings import Settings
from mercato.services.indexer.model.chain import Block, RecentBlock
from mercato.services.indexer.model.raw import RawEvent
from mercato.services.indexer.store.raw import MAX_BYTES, RawEvents

ONE, OTHER = sorted((keccak256(b"one"), keccak256(b"other")))


@pytest.fixture(params=["mongo", "memory"])
async def raw(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield RawEventsInMemory()
        return
    async with mongo.connected(settings) as client:
        yield RawEvents(client)


def event(index: int, block: bytes = ONE, number: int = 7, data: bytes = b"\1") -> RawEvent:
    return RawEvent(number, block, index, keccak256(b"tx"), 2, bytes(range(20)), bytes(64), data, 1_700_000_000)


def recent(block: bytes, number: int = 7) -> RecentBlock:
    return RecentBlock(Block(number, block, 1_700_000_000), bytes(32))


async def everything(raw: Any, chain: Any) -> list[RawEvent]:
    return [row async for row in raw.stream(chain)]


def flags(rows: Sequence[RawEvent]) -> list[tuple[bytes, int, bool]]:
    return [(row.block_hash, row.log_index, row.canonical) for row in rows]


async def test_a_log_comes_back_byte_for_byte(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(3, data=bytes(range(256)))])
    assert await everything(raw, chain) == [event(3, data=bytes(range(256)))]


async def test_what_is_there_stays_as_it_is(raw: Any) -> None:
    chain = new_chain()
    for _ in range(2):
        await raw.add(chain, [event(0), event(1, data=b"\2"), event(0, OTHER)])
    assert await everything(raw, chain) == [event(0), event(1, data=b"\2"), event(0, OTHER)]


async def test_a_block_read_again_with_more_logs_has_each_once(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(1), event(4)])
    await raw.add(chain, [event(0), event(1), event(4), event(5)])
    await raw.add(chain, [event(5), event(9)])
    assert await everything(raw, chain) == [event(0), event(1), event(4), event(5), event(9)]


async def test_logs_come_in_the_order_of_the_chain_however_they_were_added(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(5, number=300), event(1, OTHER), event(3, number=300), event(0, number=2)])
    await raw.add(chain, [event(2)])
    assert [(row.block_number, row.log_index) for row in await everything(raw, chain)] == [
        (2, 0), (7, 2), (7, 1), (300, 3), (300, 5),
    ]  # fmt: skip


async def test_a_range_has_both_its_ends_and_nothing_beyond(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0, number=number) for number in (6, 7, 255, 256, 257)])
    assert [row.block_number async for row in raw.stream(chain, 7, 256)] == [7, 255, 256]


async def test_a_block_of_the_same_height_is_another(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(0, OTHER)])
    await raw.orphan(chain, [recent(ONE)], 1)
    assert flags(await everything(raw, chain)) == [(ONE, 0, False), (OTHER, 0, True)]


async def test_a_mark_is_of_all_documents_of_a_block_and_of_later_ones(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(0, OTHER)])
    await raw.add(chain, [event(1)])
    await raw.orphan(chain, [recent(ONE)], 1)
    await raw.add(chain, [event(0), event(1), event(2)])
    assert flags(await everything(raw, chain)) == [(ONE, 0, False), (ONE, 1, False), (ONE, 2, False), (OTHER, 0, True)]
    await raw.readopt(chain, [recent(ONE)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [True] * 4


async def test_a_block_marked_before_anything_of_it_is_kept_does_not_count(raw: Any) -> None:
    chain = new_chain()
    await raw.orphan(chain, [recent(ONE), recent(OTHER)], 1)
    await raw.readopt(chain, [recent(OTHER)], 2)
    await raw.add(chain, [event(0), event(0, OTHER)])
    assert flags(await everything(raw, chain)) == [(ONE, 0, False), (OTHER, 0, True)]


async def test_a_mark_that_is_older_than_the_last_one_changes_nothing(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0), event(0, OTHER)])
    both = [recent(ONE), recent(OTHER)]
    await raw.orphan(chain, both, 3)
    await raw.readopt(chain, both, 2)
    assert [row.canonical for row in await everything(raw, chain)] == [False, False]
    await raw.readopt(chain, both, 3)
    assert [row.canonical for row in await everything(raw, chain)] == [True, True]
    await raw.orphan(chain, [recent(ONE)], 3)
    await raw.orphan(chain, [recent(OTHER)], 4)
    assert [row.canonical for row in await everything(raw, chain)] == [True, False]


async def test_giving_back_a_block_outlives_an_older_mark_that_comes_late(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [event(0)])
    await raw.readopt(chain, [recent(ONE)], 2)
    await raw.orphan(chain, [recent(ONE)], 1)
    assert flags(await everything(raw, chain)) == [(ONE, 0, True)]


async def test_chains_do_not_see_each_other(raw: Any) -> None:
    chain, neighbour = new_chain(), new_chain()
    await raw.add(chain, [event(0)])
    await raw.add(neighbour, [event(0), event(1)])
    await raw.orphan(chain, [recent(ONE)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [False]
    assert [row.canonical for row in await everything(raw, neighbour)] == [True, True]


async def test_a_block_too_large_for_one_document_is_kept_whole(raw: Any) -> None:
    chain = new_chain()
    large = [event(index, data=bytes([index]) * (MAX_BYTES // 3)) for index in range(7)]
    small = [event(7), event(8)]
    for _ in range(2):
        await raw.add(chain, [*large, *small])
    assert await everything(raw, chain) == [*large, *small]
    await raw.orphan(chain, [recent(ONE)], 1)
    assert {row.canonical for row in await everything(raw, chain)} == {False}


async def test_more_blocks_than_one_request_takes_are_kept_and_marked(raw: Any) -> None:
    chain, count = new_chain(), 1_203
    await raw.add(chain, [event(0, number=number) for number in range(count)])
    await raw.orphan(chain, [recent(ONE, number) for number in range(1, count)], 1)
    assert [row.canonical for row in await everything(raw, chain)] == [True] + [False] * (count - 1)


async def test_nothing_is_no_error(raw: Any) -> None:
    chain = new_chain()
    await raw.add(chain, [])
    await raw.orphan(chain, [], 1)
    await raw.readopt(chain, [recent(ONE)], 1)
    assert await everything(raw, chain) == []
