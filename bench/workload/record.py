"""Plays the planned workload on a fresh anvil and records every block and receipt.

    python -m bench.workload.record OUT.jsonl.gz [--blocks 5000] [--seed 42]

One line a block: ``{"block": …with full transactions, "receipts": […]}``. The same plan gives the same
recording. Anvil hashes its whole state for each block, so the time grows with the square of the number of blocks.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.workload import plan
from bench.workload.expected import RECORDED, end_states
from bench.workload.node import Node, fresh_anvil

_HERE = Path(__file__).parent
_CALL_GAS = 600_000
_DEPLOY_GAS = 10_000_000


class RecordingFailed(Exception):
    """The chain is not the planned one, or the tools to make it are missing."""


async def record(out: Path, blocks: int, seed: int, progress: Progress) -> str:
    """Writes the recording and gives the address of the collection. Raises `RecordingFailed`."""
    code = creation_code()
    unfinished = out.with_name(out.name + ".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    async with fresh_anvil() as node:
        with gzip.open(unfinished, "wb", compresslevel=6) as file:
            _write(file, *await _block(node, 0))
            collection = await _deploy(node, code)
            _write(file, *await _block(node, 1))
            planned = progress.track(plan.blocks(blocks, seed), total=blocks, description="recording blocks")
            await _play(node, collection, planned, file)
    unfinished.rename(out)
    return collection


def creation_code() -> str:
    """BenchNFT compiled, as 0x-hex; its packages are installed from the lock file when they are missing."""
    if not (_HERE / "node_modules" / "solc").is_dir():
        _run("npm", "ci")
    return _run("node", "compile.mjs")


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=_HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecordingFailed(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


async def _deploy(node: Node, code: str) -> str:
    transaction = {"from": plan.holder(0).text, "data": code, "gas": hex(_DEPLOY_GAS), "gasPrice": "0x0"}
    tx_hash = await node.call("eth_sendTransaction", transaction)
    await node.call("evm_mine")
    receipt = await node.call("eth_getTransactionReceipt", tx_hash)
    return str(receipt["contractAddress"])


async def _play(node: Node, collection: str, planned: Iterable[plan.PlannedBlock], file: gzip.GzipFile) -> None:
    for number, block in enumerate(planned, start=2):
        hashes = await node.batch([_send(call, collection) for call in block.calls])
        await node.call("evm_mine")
        mined, receipts = await _block(node, number)
        # The node handles a batch concurrently; the order of the mints gives the token ids.
        order = [transaction["hash"] for transaction in mined["transactions"]]
        if [h for h in order if h in hashes[: len(block.mints)]] != hashes[: len(block.mints)]:
            raise RecordingFailed(f"block {number} was mined in another order than planned")
        if sum(len(receipt["logs"]) for receipt in receipts) != block.events:
            raise RecordingFailed(f"block {number} has other events than planned")
        _write(file, mined, receipts)


def _send(call: plan.PlannedCall, collection: str) -> tuple[str, list[object]]:
    fields = {
        "from": call.sender.text,
        "to": collection,
        "data": "0x" + call.data.hex(),
        "gas": hex(_CALL_GAS),
        "gasPrice": "0x0",
    }
    return "eth_sendTransaction", [fields]


async def _block(node: Node, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    block, receipts = await node.batch(
        [("eth_getBlockByNumber", [hex(number), True]), ("eth_getBlockReceipts", [hex(number)])]
    )
    if block is None:
        raise RecordingFailed(f"block {number} was not mined")
    return block, receipts or []


def _write(file: gzip.GzipFile, block: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
    file.write(orjson.dumps({"block": block, "receipts": receipts}) + b"\n")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--blocks", type=int, default=plan.BLOCKS)
    parser.add_argument("--seed", type=int, default=plan.SEED)
    options = parser.parse_args()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        collection = asyncio.run(record(options.out, options.blocks, options.seed, progress))
    (state,) = end_states(options.out, [options.blocks + 1])
    print(f"collection {collection}, {state}, in {options.out}")
    if (options.blocks, options.seed) == (plan.BLOCKS, plan.SEED) and (collection, state) != RECORDED:
        raise SystemExit(f"this is not the workload others were measured with: {RECORDED}")


if __name__ == "__main__":
    main()
