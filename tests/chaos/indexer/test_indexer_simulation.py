"""Random blocks, forks, lies and crashes; whatever happened, the end equals the canonical chain."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest
from tests.chaos.indexer.lying_node import TRUTH, LyingNode, Refusal, first_times, running
from tests.integration.indexer.indexer_faults import Crash, FailsOnce
from tests.integration.indexer.indexer_rig import (
    Stores,
    canonical_positions,
    close,
    handle_of,
    new_chain,
    open_mailbox,
    reading,
)

from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.jobs import ChainReader, Tools

SEEDS = int(os.environ.get("MERCATO_INDEXER_SIMULATION_SEEDS", "6"))
"""More of them find more; a failure names its seed."""

FINALITY = 6
ACTIONS = 14
CALLS = [
    ("checkpoints", "announce"), ("checkpoints", "advance"), ("checkpoints", "retract"),
    ("checkpoints", "mark_published"), ("checkpoints", "list_recent"), ("raw", "add"), ("raw", "orphan"),
    ("raw", "readopt"), ("publisher", "publish_all"),
]  # fmt: skip


def _faulty(tools: Tools, draw: random.Random) -> Tools:
    """Dies at a random step, or not at all."""
    part, method = draw.choice(CALLS)
    parts: dict[str, Any] = {"checkpoints": tools.checkpoints, "raw": tools.raw, "publisher": tools.publisher}
    parts[part] = FailsOnce(parts[part], method, draw.choice(["before", "after"]), draw.randint(1, 4))
    return Tools(
        **parts, leases=tools.leases, leader=tools.leader, poll_interval=tools.poll_interval,
        log_range=draw.randint(1, 9), log=tools.log,
    )  # fmt: skip


def _unknown(params: list[Any]) -> Any:
    raise Refusal("unknown block")


def _empty(params: list[Any]) -> Any:
    """Of a fresh block; what a node says of old ones has to be believed."""
    return [] if "blockHash" in params[0] else TRUTH


def _short_range(params: list[Any]) -> Any:
    wanted = params[0]
    if "fromBlock" in wanted and int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= 5:
        raise Refusal("query returned more than 10000 results", -32005)
    return TRUTH


def _act(node: LyingNode, draw: random.Random, step: int, floor: int) -> None:
    """One thing that happens on the chain; `floor` is the highest block that is final for the reader."""
    deepest = min(FINALITY, node.head.number - floor)
    if draw.random() < 0.4 and deepest > 0:
        depth = draw.randint(1, deepest)
        length = draw.randint(max(1, depth - 1), depth + 2)
        node.fork(depth, f"f{step}", *(draw.randint(0, 3) for _ in range(length)))
    else:
        blocks = draw.choice([1, 2, 3, 4, 90])
        node.mine(*(draw.randint(0, 3) for _ in range(blocks)), label=f"m{step}")
    node.lies.clear()
    if draw.random() < 0.6:
        node.lie("eth_getLogs", first_times(draw.randint(1, 3), draw.choice([_empty, _unknown, _short_range])))


async def _read_a_while(stores: Stores, node: LyingNode, pool: Any, draw: random.Random) -> None:
    handle = handle_of(node.chain, pool, scope=chains_pb2.INDEX_SCOPE_ALL, finality=FINALITY)
    tools = _faulty(stores.tools(), draw)
    running_reader = asyncio.create_task(ChainReader(tools, handle).run())
    done, _ = await asyncio.wait([running_reader], timeout=draw.choice([0.02, 0.1, 0.3]))
    if not done:
        running_reader.cancel()
    (outcome,) = await asyncio.gather(running_reader, return_exceptions=True)
    assert isinstance(outcome, Crash | asyncio.CancelledError), outcome
    await close(tools.leases)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_any_history_ends_as_the_canonical_chain(settings: Settings, stores: Stores, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    node = LyingNode(new_chain())
    async with running(node) as pool, open_mailbox(settings, node.chain) as mailbox:
        for step in range(ACTIONS):
            progress = await stores.progress(node.chain)
            _act(node, draw, step, floor=max(progress.finalized, 0) if progress else 0)
            await _read_a_while(stores, node, pool, draw)
        node.lies.clear()
        node.mine(1, label="end")
        handle = handle_of(node.chain, pool, scope=chains_pb2.INDEX_SCOPE_ALL, finality=FINALITY)
        async with reading(stores.tools(), handle):
            await stores.indexed(node.chain, node.head.number, node.head_hash)
        await mailbox.read()
    assert canonical_positions(mailbox.received) == node.positions()
    orphans = await stores.checkpoints.list_orphans(node.chain, 0)
    rows = await stores.raw_rows(node.chain)
    canonical = {(row.block_hash, row.tx_hash, row.log_index) for row in rows if row.canonical}
    assert canonical == {(block, tx, index) for _, _, block, tx, index, _ in node.positions()}
    assert {row.block_hash for row in rows if not row.canonical} <= orphans.keys()
    assert not {block for block, _, _ in canonical} & orphans.keys()
