"""Sixty-seven real mainnet blocks through the reader: exactly the movements that another decoder found in them."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.indexer.indexer_rig import Received, Stores, handle_of, open_mailbox, reading

from mercato.evm.recorded import load, serve
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit.ids import ChainId
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.common.v1 import common_pb2

DATA = Path(__file__).parents[2] / "data" / "onchain"
MAINNET = ChainId(1)
FIRST, LAST = 4_625_198, 19_575_404
STANDARDS = {common_pb2.STANDARD_ERC721: "erc721", common_pb2.STANDARD_ERC1155: "erc1155"}

Movement = tuple[str, int, str, int, int, str, str, str, str, str]


@pytest.fixture(params=[0, 5_000_000], ids=["any range", "refused ranges"])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[RpcPool]:
    """The recording as a node, once with a limit of its own on the length of a range."""
    server = await serve(load(DATA, max_range=request.param))
    host, port = server.sockets[0].getsockname()[:2]
    async with RpcPool(MAINNET, [Endpoint(f"http://{host}:{port}")]) as pool:
        yield pool
    server.close()


def _expected() -> set[Movement]:
    with gzip.open(DATA / "expected_transfers.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == 3_685
    return {
        (
            row["standard"], row["blockNumber"], row["transactionHash"], row["logIndex"], row["batchIndex"],
            row["contract"].lower(), row["from"].lower(), row["to"].lower(), row["tokenId"], row["amount"],
        )
        for row in rows
    }  # fmt: skip


def _published(received: list[Received]) -> list[Movement]:
    return [
        (
            STANDARDS[t.standard], item.message.at.blocks[t.block].number, "0x" + t.tx_hash.hex(), t.log_index,
            t.batch_index, "0x" + t.contract.hex(), "0x" + getattr(t, "from").hex(), "0x" + t.to.hex(), t.token_id,
            t.amount or "1",
        )
        for item in received
        if item.kind in ("minted", "transferred")
        for t in item.facts
    ]  # fmt: skip


async def test_every_movement_of_the_recording_is_published_once(stores: Stores, node: RpcPool) -> None:
    everything = handle_of(MAINNET, node, scope=chains_pb2.INDEX_SCOPE_ALL, finality=1, start_block=FIRST)
    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = 1")
    async with open_mailbox(stores.settings, MAINNET) as mailbox:
        async with reading(stores.tools(log_range=400_000), everything):
            progress = await stores.indexed(MAINNET, LAST)
        received = await mailbox.read()
    published = _published(received)
    assert set(published) == _expected()
    assert len(published) == 3_685
    counts: dict[str, int] = {}
    for item in received:
        if item.kind != "advanced":
            counts[item.kind] = counts.get(item.kind, 0) + len(item.facts)
    assert counts["approved"] >= 436
    assert "created" not in counts
    assert "configured" not in counts
    assert progress.facts_published == sum(counts.values())
    last: Any = received[-1].message
    assert (received[-1].kind, last.indexed.number) == ("advanced", LAST)


async def test_the_raw_events_alone_give_the_movements_again(stores: Stores, node: RpcPool) -> None:
    from mercato.evm.logs import TransferFact, decode

    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = 1")
    everything = handle_of(MAINNET, node, scope=chains_pb2.INDEX_SCOPE_ALL, finality=0, start_block=FIRST)
    async with reading(stores.tools(), everything):
        await stores.indexed(MAINNET, LAST)
    rows = await stores.raw_rows(MAINNET)
    facts = decode([row.as_log() for row in rows])
    assert len({(row.tx_hash, row.log_index) for row in rows}) == len(rows)
    assert sum(isinstance(fact, TransferFact) for fact in facts) == 3_685
    assert {fact.position[2:] for fact in facts if isinstance(fact, TransferFact)} == {
        (bytes.fromhex(tx[2:]), log_index, batch_index) for _, _, tx, log_index, batch_index, *_ in _expected()
    }
