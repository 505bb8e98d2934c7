"""Nodes that give too little, too late, or somebody else's: nothing is lost and nothing is invented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.chaos.indexer.lying_node import TRUTH, Lie, LyingNode, Refusal, first_times, running
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

from mercato.evm.rpc import RpcPool
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.model.chain import State


@dataclass
class Scene:
    """A node, its reader's stores, and the mail."""

    node: LyingNode
    pool: RpcPool
    stores: Stores
    mailbox: Mailbox
    finality: int = 8

    @asynccontextmanager
    async def reading(self, **changes: Any) -> AsyncIterator[None]:
        handle = handle_of(self.node.chain, self.pool, scope=chains_pb2.INDEX_SCOPE_ALL, finality=self.finality)
        async with reading(self.stores.tools(**changes), handle):
            yield

    async def settled(self) -> None:
        """Waits until the node's head is indexed."""
        await self.stores.indexed(self.node.chain, self.node.head.number, self.node.head_hash)

    async def end(self) -> None:
        """The end state equals the node's canonical chain, in the messages and in the raw events."""
        await self.mailbox.read()
        assert canonical_positions(self.mailbox.received) == self.node.positions()
        rows = await self.stores.raw_rows(self.node.chain)
        assert {(row.block_hash, row.tx_hash, row.log_index) for row in rows if row.canonical} == {
            (block, tx, index) for _, _, block, tx, index, _ in self.node.positions()
        }
        canonical = [(row.tx_hash, row.log_index) for row in rows if row.canonical]
        assert len(canonical) == len(set(canonical))

    def reorgs(self) -> list[Any]:
        return [item.message for item in self.mailbox.received if item.kind == "reorged"]


@pytest.fixture
async def scene(settings: Settings, stores: Stores) -> AsyncIterator[Scene]:
    node = LyingNode(new_chain())
    async with running(node) as pool, open_mailbox(settings, node.chain) as mailbox:
        yield Scene(node, pool, stores, mailbox)


def _without_last(node: LyingNode) -> Lie:
    return lambda params: node.truth("eth_getLogs", params)[:-1]


def _of_another_block(node: LyingNode) -> Lie:
    return lambda params: [log | {"blockHash": "0x" + "99" * 32} for log in node.truth("eth_getLogs", params)]


@pytest.mark.parametrize("lie", ["empty", "one log short", "another block's", "unknown block"])
async def test_incomplete_logs_of_a_fresh_block_are_read_again(scene: Scene, lie: str) -> None:
    node = scene.node

    def refuse(_: list[Any]) -> Any:
        raise Refusal("unknown block")

    lies: dict[str, Lie] = {
        "empty": lambda _: [],
        "one log short": _without_last(node),
        "another block's": _of_another_block(node),
        "unknown block": refuse,
    }
    async with scene.reading():
        await scene.settled()
        for logs in (1, 3, 2):
            node.lie("eth_getLogs", first_times(2, lies[lie]))
            node.mine(logs)
            await scene.settled()
    await scene.end()
    assert not scene.reorgs()


async def test_the_checkpoint_stays_in_front_of_a_gap_until_it_is_filled(scene: Scene) -> None:
    node = scene.node
    node.mine(2, 2)
    async with scene.reading():
        await scene.settled()
        node.mine(3)
        gap = node.head
        node.lie("eth_getLogs", lambda params: [] if params[0].get("blockHash") == gap.hash else TRUTH)
        node.mine(1, 1)

        async def stuck() -> str | None:
            progress = await scene.stores.progress(node.chain)
            return progress.reason if progress and progress.state is State.UNREACHABLE else None

        reason = await eventually(stuck)
        assert "LOGS_INCOMPLETE" in reason
        assert gap.hash in reason
        progress = await scene.stores.progress(node.chain)
        assert progress is not None
        assert progress.indexed == gap.number - 1
        node.lies.clear()
        await scene.settled()
    await scene.end()


async def test_a_chain_with_empty_filters_is_read_all_the_same(scene: Scene) -> None:
    node = scene.node

    def without_filter(params: list[Any]) -> Any:
        header = node.truth("eth_getBlockByNumber", params)
        return header and header | {"logsBloom": "0x" + "00" * 256}

    node.lie("eth_getBlockByNumber", without_filter)
    async with scene.reading():
        node.mine(2, 0, 1)
        await scene.settled()
    await scene.end()


@pytest.mark.parametrize(
    "message",
    [
        "query exceeds max block range 3",
        "eth_getLogs is limited to a 3 range",
        "You can make eth_getLogs requests with up to a 3 block range",
        "requested too many blocks from 1 to 99, maximum is set to 3",
        "exceed maximum block range: 3",
        "query returned more than 10000 results",
        "block range is too wide",
        "an error nobody has ever seen",
    ],
)
async def test_ranges_shrink_to_what_the_node_gives(scene: Scene, message: str) -> None:
    node = scene.node
    node.mine(*([2] * 110))

    def at_most_three(params: list[Any]) -> Any:
        wanted = params[0]
        if "blockHash" not in wanted and int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= 3:
            raise Refusal(message, -32005)
        return TRUTH

    node.lie("eth_getLogs", at_most_three)
    async with scene.reading():
        await scene.settled()
    await scene.end()


async def test_a_single_block_over_the_limit_is_read_from_its_receipts(scene: Scene) -> None:
    node = scene.node
    node.mine(2, 2, 5, 2, *([1] * 70))
    huge = node.blocks[3]
    node.mine(5)
    fresh = node.head

    def refuses(params: list[Any]) -> Any:
        wanted = params[0]
        in_range = "fromBlock" in wanted and (int(wanted["fromBlock"], 16) <= huge.number <= int(wanted["toBlock"], 16))
        if in_range or wanted.get("blockHash") == fresh.hash:
            raise Refusal("query returned more than 4 results", -32005)
        return TRUTH

    node.lie("eth_getLogs", refuses)
    async with scene.reading():
        await scene.settled()
    await scene.end()
    asked = {params[0] for method, params in node.asked if method == "eth_getBlockReceipts"}
    assert asked == {hex(huge.number), fresh.hash}


async def test_a_node_that_falls_back_is_waited_for(scene: Scene) -> None:
    node = scene.node
    async with scene.reading():
        node.mine(1, 2, 1, 2)
        await scene.settled()
        before = await scene.stores.progress(node.chain)
        node.lie("eth_getBlockByNumber", lambda p: node.blocks[1].header() if p[0] == "latest" else TRUTH)

        async def behind() -> bool | None:
            progress = await scene.stores.progress(node.chain)
            return True if progress and "behind" in progress.reason else None

        await eventually(behind)
        after = await scene.stores.progress(node.chain)
        assert before is not None
        assert after is not None
        assert (after.indexed, after.indexed_hash, after.head) == (before.indexed, before.indexed_hash, 1)
        node.lies.clear()
        node.mine(1)
        await scene.settled()
    await scene.end()
    assert not scene.reorgs()


async def test_history_from_a_node_that_lacks_the_end_of_a_range_is_not_taken(scene: Scene) -> None:
    """Behind a balancer another node may answer, whose logs end where its chain ends."""
    node = scene.node
    node.mine(*([1] * 100))
    lagging_at = 10

    def lagging_logs(params: list[Any]) -> Any:
        return [log for log in node.truth("eth_getLogs", params) if int(log["blockNumber"], 16) <= lagging_at]

    def lagging_blocks(params: list[Any]) -> Any:
        return None if params[0] != "latest" and int(params[0], 16) > lagging_at else TRUTH

    node.lie("eth_getLogs", lagging_logs)
    node.lie("eth_getBlockByNumber", lagging_blocks)
    async with scene.reading():

        async def refused() -> bool | None:
            progress = await scene.stores.progress(node.chain)
            return True if progress and progress.state is State.UNREACHABLE else None

        await eventually(refused)
        progress = await scene.stores.progress(node.chain)
        assert progress is not None
        assert progress.indexed < lagging_at
        node.lies.clear()
        await scene.settled()
    await scene.end()


async def test_a_chain_that_flips_between_two_branches_ends_on_the_last_one(scene: Scene) -> None:
    node = scene.node
    node.mine(2, 2, 2)
    first = list(node.blocks)
    node.fork(2, "b", 2, 1, 1)
    second = list(node.blocks)
    async with scene.reading():
        for branch in (first, second, first, second, first):
            node.switch(branch)
            await scene.settled()
        await scene.end()
        node.mine(1, label="c")
        await scene.settled()
    await scene.end()
    assert [reorg.generation for reorg in scene.reorgs()] == [1, 2, 3, 4]
    ids = [item.id for item in scene.mailbox.received if item.kind != "advanced"]
    assert len(ids) == len(set(ids))
    assert set(await scene.stores.checkpoints.list_orphans(node.chain, 0)) == {
        bytes.fromhex(block.hash[2:]) for block in second if block not in first
    }


async def test_a_block_that_comes_back_while_history_is_read_is_canonical_again(scene: Scene) -> None:
    node = scene.node
    node.mine(2, 2, 2)
    first = list(node.blocks)
    node.fork(2, "b", 1, 1)
    second = list(node.blocks)
    async with scene.reading():
        for branch in (first, second):
            node.switch(branch)
            await scene.settled()
    node.switch(first)
    node.mine(*([1] * 90), label="c")
    async with scene.reading():
        await scene.settled()
    await scene.end()
    assert any(item.message.at.catching_up for item in scene.mailbox.received if item.kind == "minted")


async def test_a_node_that_switches_branch_between_two_answers_leads_to_no_wrong_retraction(scene: Scene) -> None:
    node = scene.node
    node.mine(1, 1, 1)
    async with scene.reading():
        await scene.settled()
        good = list(node.blocks)
        node.fork(2, "b", 1, 1, 1)
        bad_head = node.head.header()
        node.switch(good)
        # The head is of a branch that nobody has; everything else is ours.
        node.lie("eth_getBlockByNumber", lambda p: bad_head if p[0] == "latest" else TRUTH)

        async def inconsistent() -> bool | None:
            progress = await scene.stores.progress(node.chain)
            return True if progress and progress.state is State.UNREACHABLE else None

        await eventually(inconsistent)
        node.lies.clear()
        node.mine(2)
        await scene.settled()
    await scene.end()
    assert not scene.reorgs()


async def test_a_halted_chain_goes_on_when_its_node_is_honest_again(scene: Scene) -> None:
    scene.finality = 2
    node = scene.node
    node.mine(1, 1, 1, 1, 1)
    async with scene.reading():
        await scene.settled()
        good = list(node.blocks)
        node.fork(4, "evil", 1, 1, 1, 1, 1)

        async def halted() -> bool | None:
            progress = await scene.stores.progress(node.chain)
            return True if progress and progress.state is State.HALTED else None

        await eventually(halted)
        node.switch(good)
        node.mine(1)
        await scene.settled()
    await scene.end()
    assert not scene.reorgs()
    assert fact_positions(scene.mailbox.received) == node.positions()
