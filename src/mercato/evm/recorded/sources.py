"""Reads recordings from disk.

A file (``….jsonl.gz``) has one line a block: ``{"block": …with full transactions, "receipts": […]}``. A folder has
``blocks.jsonl.gz``, ``logs.jsonl.gz`` and ``txs.jsonl.gz`` with one JSON-RPC object a line, as `tests/data/onchain`.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mercato.evm.recorded.chain import RecordedBlock, RecordedChain, RecordedLog
from mercato.kit.errors import InvalidArgument

_ENCODE = msgspec.json.encode
_MAINNET = 1


def load(source: Path, max_range: int = 0) -> RecordedChain:
    """The chain in a file or folder. Raises `InvalidArgument` EMPTY_RECORDING, and `OSError` when there is none."""
    chain = _load_folder(source) if source.is_dir() else _load_file(source)
    if not chain.blocks:
        raise InvalidArgument("EMPTY_RECORDING", f"{source} holds no block")
    chain.max_range = max_range
    return chain


def _load_file(path: Path) -> RecordedChain:
    blocks, chain_id = [], 0
    for line in _lines(path):
        block, receipts = line["block"], line["receipts"]
        chain_id = chain_id or int(next((t["chainId"] for t in block["transactions"] if "chainId" in t), "0x0"), 16)
        blocks.append(_recorded(block, receipts))
    return RecordedChain(chain_id, blocks)


def _load_folder(folder: Path) -> RecordedChain:
    logs = _by_transaction(folder / "logs.jsonl.gz", "transactionHash")
    transactions = _by_transaction(folder / "txs.jsonl.gz", "hash")
    blocks = []
    for block in sorted(_lines(folder / "blocks.jsonl.gz"), key=lambda block: int(block["number"], 16)):
        rows = [transactions[tx_hash][0] for tx_hash in block["transactions"]]
        receipts = [_receipt(block, row, logs[row["hash"]]) for row in rows]
        blocks.append(_recorded(block | {"transactions": [_transaction(block, row) for row in rows]}, receipts))
    return RecordedChain(_MAINNET, blocks)


def _transaction(block: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """As far as the data goes: `input` is the selector alone and `gas` what was used."""
    kept = ("hash", "blockNumber", "transactionIndex", "from", "to", "value", "nonce")
    return {field: row[field] for field in kept} | {
        "blockHash": block["hash"],
        "chainId": hex(_MAINNET),
        "type": "0x0",
        "input": row["selector"],
        "gas": row["gasUsed"],
        "gasPrice": row["effectiveGasPrice"],
    }


def _receipt(block: dict[str, Any], row: dict[str, Any], logs: list[dict[str, Any]]) -> dict[str, Any]:
    kept = (
        "blockNumber",
        "transactionIndex",
        "from",
        "to",
        "status",
        "gasUsed",
        "effectiveGasPrice",
        "contractAddress",
    )
    return {field: row[field] for field in kept} | {
        "transactionHash": row["hash"],
        "blockHash": block["hash"],
        "type": "0x0",
        "logs": logs,
    }


def _recorded(block: dict[str, Any], receipts: list[dict[str, Any]]) -> RecordedBlock:
    hashes = tuple(transaction["hash"] for transaction in block["transactions"])
    logs = (log for receipt in receipts for log in receipt["logs"])
    return RecordedBlock(
        number=int(block["number"], 16),
        hash=block["hash"],
        light=_ENCODE(block | {"transactions": hashes}),
        full=_ENCODE(block),
        receipts=_ENCODE(receipts),
        transaction_hashes=hashes,
        logs=tuple(RecordedLog(log["address"].lower(), tuple(log["topics"]), _ENCODE(log)) for log in logs),
    )


def _by_transaction(path: Path, key: str) -> defaultdict[str, list[dict[str, Any]]]:
    grouped: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _lines(path):
        grouped[row[key]].append(row)
    return grouped


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path) as lines:
        for line in lines:
            yield msgspec.json.decode(line)
