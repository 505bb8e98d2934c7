"""Several endpoints of one chain that do not say the same: nothing wrong is confirmed, and who lies is set apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.chaos.indexer.lying_node import TRUTH, LyingNode, ScriptedBlock, running
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Stores,
    canonical_positions,
    eventually,
    fact_positions,
    handle_of,
    new_chain,
    open_mailbox,
    reading,
)

from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.model.chain import Progress, State

GRACE = 0.5


@dataclass
class Council:
    """Some nodes of one chain and a reader that asks them all."""

    nodes: list[LyingNode]
    pool: RpcPool
    stores: Stores
    mailbox: Mailbox

    @asynccontextmanager
    async def reading(self, grace: float = GRACE) -> AsyncIterator[None]:
        handle = handle_of(self.nodes[0].chain, self.pool, scope=chains_pb2.INDEX_SCOPE_ALL, finality=16)
        async with reading(self.stores.tools(grace=grace), handle):
            yield

    def mine(self, *logs: int) -> None:
        """On every node that is on the first one's branch."""
        before = self.nodes[0].head.hash
        together = [node for node in self.nodes if node.head.hash == before]
        for node in together:
            node.mine(*logs)

    async def settled(self, node: LyingNode) -> None:
        await self.stores.indexed(node.chain, node.head.number, node.head_hash)

    async def progress(self) -> Progress:
        found = await self.stores.progress(self.nodes[0].chain)
        assert found is not None
        return found

    async def stopped_by(self, word: str) -> str:
        async def look() -> str | None:
            progress = await self.progress()
            return progress.reason if word in progress.reason else None

        return await eventually(look)

    def in_quarantine(self) -> list[int]:
        return [i for i, state in enumerate(self.pool.endpoints) if state.strikes]

    async def end(self, honest: LyingNode) -> None:
        await self.mailbox.read()
        assert canonical_positions(self.mailbox.received) == honest.positions()

    def reorgs(self) -> list[Any]:
        return [item.message for item in self.mailbox.received if item.kind == "reorged"]


@asynccontextmanager
async def council(
    settings: Settings, stores: Stores, size: int, priorities: tuple[int, ...] = ()
) -> AsyncIterator[Any]:
    chain = new_chain()
    nodes = [LyingNode(chain) for _ in range(size)]
    async with AsyncExitStack() as opened:
        for node in nodes:
            await opened.enter_async_context(running(node))
        ranks = priorities or (0,) * size
        endpoints = [Endpoint(node.url, priority=rank) for node, rank in zip(nodes, ranks, strict=True)]
        pool = await opened.enter_async_context(RpcPool(chain, endpoints))
        mailbox = await opened.enter_async_context(open_mailbox(settings, chain))
        yield Council(nodes, pool, stores, mailbox)


async def test_of_three_the_one_that_lies_is_set_apart_and_the_chain_goes_on(
    settings: Settings, stores: Stores
) -> None:
    async with council(settings, stores, 3) as seats, seats.reading():
        honest, liar = seats.nodes[0], seats.nodes[2]
        seats.mine(1, 2, 1)
        await seats.settled(honest)
        liar.fork(1, "lie", 3)
        seats.mine(2)
        await eventually(lambda: _true(seats.in_quarantine() == [2]))
        await seats.settled(honest)
        seats.mine(1)
        await seats.settled(honest)
        assert "its block" in await seats.stopped_by("quarantine")
        labels = {
            "chain": honest.chain.caip2,
            "endpoint": seats.pool.endpoints[2].endpoint.name,
            "reason": "disagreement",
        }
        assert REGISTRY.get_sample_value("mercato_indexer_quarantines_total", labels) == 1
        await seats.end(honest)
        assert seats.reorgs() == []
        assert fact_positions(seats.mailbox.received) == honest.positions()
        asked = len(liar.asked)
        seats.mine(1)
        await seats.settled(honest)
        assert len(liar.asked) == asked


async def test_of_two_that_contradict_each_other_neither_is_followed(settings: Settings, stores: Stores) -> None:
    """Both are sound, both grow, both have all that was read: nothing tells which of them lies."""
    async with council(settings, stores, 2) as seats, seats.reading():
        one, other = seats.nodes
        seats.mine(1, 2, 1)
        await seats.settled(one)
        read = await seats.progress()
        one.mine(1, label="left")
        other.mine(2, label="right")
        reason = await seats.stopped_by("ENDPOINTS_DISAGREE")
        assert one.head.hash in reason
        assert other.head.hash in reason
        for _ in range(4):
            one.mine(1, label="left")
            other.mine(1, label="right")
            await seats.stopped_by("ENDPOINTS_DISAGREE")
        stuck = await seats.progress()
        assert (stuck.indexed, stuck.indexed_hash, stuck.state) == (read.indexed, read.indexed_hash, State.UNREACHABLE)
        assert seats.in_quarantine() == []
        other.switch(one.blocks)
        await seats.settled(one)
        await seats.end(one)
        assert seats.reorgs() == []


async def test_of_two_the_registrys_better_one_is_believed_when_a_dispute_lasts(
    settings: Settings, stores: Stores
) -> None:
    async with council(settings, stores, 2, priorities=(0, 1)) as seats, seats.reading():
        better, worse = seats.nodes
        seats.mine(1, 1)
        await seats.settled(better)
        better.mine(1, label="left")
        worse.mine(2, label="right")
        await seats.settled(better)
        assert seats.in_quarantine() == [1]
        await seats.end(better)


async def test_what_one_of_two_said_before_the_other_could_deny_it_makes_it_no_more_believed(
    settings: Settings, stores: Stores
) -> None:
    """A block of the liar was read while the honest one was late; that the liar still holds it proves nothing."""
    async with council(settings, stores, 2) as seats, seats.reading():
        honest, liar = seats.nodes
        seats.mine(1, 2)
        await seats.settled(honest)
        liar.mine(3, label="lie")
        await seats.settled(liar)
        honest.mine(1)
        await seats.stopped_by("ENDPOINTS_DISAGREE")
        for _ in range(3):
            honest.mine(1)
            liar.mine(1, label="lie")
            await asyncio.sleep(GRACE / 2)
        stuck = await seats.progress()
        assert (stuck.indexed, seats.in_quarantine()) == (3, [])
        liar.switch(honest.blocks)
        await seats.settled(honest)
        await seats.end(honest)
        assert len(seats.reorgs()) == 1


async def test_a_cache_that_serves_an_orphan_is_found_out_by_the_block_above_it(
    settings: Settings, stores: Stores
) -> None:
    """Though the registry has it asked first."""
    async with council(settings, stores, 2, priorities=(1, 0)) as seats, seats.reading():
        honest, cached = seats.nodes
        seats.mine(1, 2)
        await seats.settled(honest)
        orphan = ScriptedBlock(honest.head.number + 1, honest.head.hash, "orphan", (777,))
        cached.lie("eth_getBlockByNumber", lambda p: orphan.header() if p[0] == hex(orphan.number) else TRUTH)
        seats.mine(1, 1, 2)
        await eventually(lambda: _true(seats.in_quarantine() == [1]))
        await seats.settled(honest)
        await seats.end(honest)
        assert seats.reorgs() == []


async def test_a_node_that_is_stuck_on_the_old_branch_does_not_hold_up_a_fork_for_ever(
    settings: Settings, stores: Stores
) -> None:
    async with council(settings, stores, 2) as seats, seats.reading():
        moving, stuck = seats.nodes
        seats.mine(1, 2, 1)
        await seats.settled(moving)
        moving.fork(2, "b", 1, 1, 1)
        await seats.stopped_by("ENDPOINTS_DISAGREE")
        moving.mine(1, label="b")
        await seats.settled(moving)
        assert seats.in_quarantine() == [1]
        await seats.end(moving)
        assert len(seats.reorgs()) == 1
        assert stuck.head.label == "a"


async def test_a_fork_that_reaches_the_endpoints_one_after_the_other_is_no_disagreement(
    settings: Settings, stores: Stores
) -> None:
    async with council(settings, stores, 2) as seats, seats.reading(grace=10.0):
        first, second = seats.nodes
        seats.mine(1, 2, 1)
        await seats.settled(first)
        first.fork(1, "b", 1, 1)
        await seats.stopped_by("ENDPOINTS_DISAGREE")
        assert seats.reorgs() == []
        second.switch(first.blocks)
        await seats.settled(first)
        await seats.end(first)
        assert seats.in_quarantine() == []
        assert len(seats.reorgs()) == 1


@pytest.mark.parametrize("behind", [1, 3])
async def test_an_endpoint_that_is_a_few_blocks_behind_is_taken_neither_for_a_fork_nor_for_a_liar(
    settings: Settings, stores: Stores, behind: int
) -> None:
    async with council(settings, stores, 2) as seats, seats.reading():
        ahead, late = seats.nodes
        for logs in (1, 2, 1, 3, 1, 2):
            ahead.mine(logs)
            late.switch(ahead.blocks[: max(1, len(ahead.blocks) - behind)])
            await seats.settled(ahead)
        await seats.end(ahead)
        assert seats.reorgs() == []
        assert seats.in_quarantine() == []


async def test_an_endpoint_that_falls_far_behind_is_set_aside_and_nothing_is_retracted(
    settings: Settings, stores: Stores
) -> None:
    async with council(settings, stores, 2) as seats, seats.reading():
        ahead, late = seats.nodes
        seats.mine(*([1] * 80))
        await seats.settled(ahead)
        late.switch(late.blocks[:6])
        ahead.mine(2)
        await seats.settled(ahead)
        ahead.mine(1)
        await seats.settled(ahead)
        await seats.stopped_by("blocks behind")
        assert (await seats.progress()).indexed == ahead.head.number
        await seats.end(ahead)
        assert seats.reorgs() == []
        assert seats.in_quarantine() == []


async def _true(found: bool) -> bool | None:
    return True if found else None
