"""What the document server pays for raw events, by how they are put into documents: the figures of ADR 13.

The recording's 99,941 logs in 5,000 blocks, inserted in batches of 120 blocks, each shape into a collection of its own,
by one connection that waits for each batch to be on disk. The server's CPU seconds count, not ours.
"""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bench import backfill
from bench.cpu import reading
from bench.ground import running_stack
from bench.report import Report
from mercato.kit import mongo

_BLOCKS_AT_ONCE = 120
_KEY = struct.Struct(">QQ32sQ")

Log = tuple[int, bytes, int, bytes, bytes, bytes]
"""Log index, transaction, its index, address, topics, data."""

Block = tuple[int, bytes, list[Log]]
Document = dict[str, Any]
_FIELDS = ("logIndex", "tx", "txIndex", "address", "topics", "data")


def per_log(number: int, hash_: bytes, logs: list[Log]) -> list[Document]:
    """A document for each log."""
    return [{"_id": _KEY.pack(1, number, hash_, log[0])} | dict(zip(_FIELDS[1:], log[1:], strict=True)) for log in logs]


def per_block(number: int, hash_: bytes, logs: list[Log]) -> list[Document]:
    """One for a block, in it a list of logs with the names of their fields: as it is kept."""
    return [{"_id": _KEY.pack(1, number, hash_, 0), "logs": [dict(zip(_FIELDS, log, strict=True)) for log in logs]}]


def columns(number: int, hash_: bytes, logs: list[Log]) -> list[Document]:
    """One for a block, with a list for each field."""
    lists = map(list, zip(*logs, strict=True))
    return [{"_id": _KEY.pack(1, number, hash_, 0)} | dict(zip(_FIELDS, lists, strict=True))]


def packed(number: int, hash_: bytes, logs: list[Log]) -> list[Document]:
    """One for a block, with all logs in one opaque value."""
    return [{"_id": _KEY.pack(1, number, hash_, 0), "logs": msgspec.msgpack.encode(logs)}]


SHAPES: tuple[Callable[[int, bytes, list[Log]], list[Document]], ...] = (per_log, per_block, columns, packed)


async def measure() -> Report:
    """Every shape once, on one server."""
    blocks = list(_blocks(await backfill.recording()))
    report = Report(f"{sum(len(logs) for *_, logs in blocks):,} raw events in {len(blocks):,} blocks")
    async with (
        running_stack(services=(), servers={"mongo"}, chain_ids=()) as stack,
        mongo.connected(stack.settings) as client,
    ):
        server = {"mongo": stack.pid("mongo")}
        for shape in SHAPES:
            collection = client["shapes"][shape.__name__]
            await collection.insert_one({"_id": b"first"})
            before = reading(server)
            for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
                documents = [d for block in blocks[start : start + _BLOCKS_AT_ONCE] for d in shape(*block)]
                await collection.insert_many(documents, ordered=False)
            spent = reading(server) - before
            report.figure(f"raw_shapes.{shape.__name__}.cpu", spent.total, "s")
            report.figure(f"raw_shapes.{shape.__name__}.wall", spent.at, "s")
    return report


def _blocks(recorded: Path) -> Iterator[Block]:
    with gzip.open(recorded) as lines:
        for line in lines:
            record = orjson.loads(line)
            logs = [_log(log) for receipt in record["receipts"] for log in receipt["logs"]]
            if logs:
                yield int(record["block"]["number"], 16), _bytes(record["block"]["hash"]), logs


def _log(log: dict[str, Any]) -> Log:
    return (
        int(log["logIndex"], 16), _bytes(log["transactionHash"]), int(log["transactionIndex"], 16),
        _bytes(log["address"]), b"".join(map(_bytes, log["topics"])), _bytes(log["data"]),
    )  # fmt: skip


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
