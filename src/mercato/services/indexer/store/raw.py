"""Mongo events.raw: every log that matters, byte for byte, enough to build the read model anew without a node.

The natural key is the `_id`: chain, block number, block hash and log index, 52 bytes, big-endian, so rows lie in the
order of the chain and a repeated insert changes nothing. One more index would cost more than half of the insert rate.
That (chain, transaction, log index) is unique among canonical rows follows: a chain holds a transaction in one block,
and the rows of an orphaned block lose their flag before a row of the block that replaces it is written.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import BulkWriteError, PyMongoError

from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.services.indexer.model.chain import RecentBlock
from mercato.services.indexer.model.raw import RawEvent

BULK = 2_500
_DUPLICATE = 11000
_KEY = struct.Struct(">QQ32sI")
_LOWEST = bytes(32)


class RawEvents:
    """The collection, with the few operations that any server of the protocol answers well."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._rows = client["events"]["raw"]

    async def check(self) -> None:
        """For readiness: raises when the server does not answer."""
        await self._rows.find_one({"_id": b"readiness"})

    async def add(self, chain: ChainId, events: Sequence[RawEvent]) -> None:
        """Inserts in bulk; rows that are there already stay as they are. Raises `Unavailable`."""
        for start in range(0, len(events), BULK):
            rows = [_row(chain, event) for event in events[start : start + BULK]]
            try:
                await self._rows.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                _only_duplicates(error)
            except PyMongoError as error:
                raise _unavailable(error) from error

    async def orphan(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        """Takes the flag from the rows of these blocks, as reorganisation number `generation` found; they stay where
        they are, and those marked since are left alone. Raises `Unavailable`."""
        await self._mark(chain, blocks, {"$lt": generation}, {"canonical": False, "generation": generation})

    async def readopt(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        """Gives it back to blocks that are canonical again after `generation` reorganisations, unless they were
        marked since. Raises `Unavailable`."""
        await self._mark(chain, blocks, {"$lte": generation}, {"canonical": True, "generation": generation})

    async def _mark(
        self, chain: ChainId, blocks: Iterable[RecentBlock], older: dict[str, int], flag: dict[str, Any]
    ) -> None:
        """A row without `generation` was never marked."""
        unmarked = [{"generation": {"$exists": False}}, {"generation": older}]
        wanted = [
            key(chain, known.block.number, known.block.hash, index) for known in blocks for index in known.raw_logs
        ]
        for start in range(0, len(wanted), BULK):
            chosen = {"_id": {"$in": wanted[start : start + BULK]}, "$or": unmarked}
            try:
                await self._rows.update_many(chosen, {"$set": flag})
            except PyMongoError as error:
                raise _unavailable(error) from error

    async def list_block(self, chain: ChainId, number: int, hash_: bytes, indexes: Iterable[int]) -> list[RawEvent]:
        """The rows of one block, by log index."""
        keys = [key(chain, number, hash_, index) for index in indexes]
        rows = await self._rows.find({"_id": {"$in": keys}}).to_list(None)
        return sorted((_event(row) for row in rows), key=lambda e: e.log_index)

    async def stream(self, chain: ChainId) -> AsyncIterator[RawEvent]:
        """All rows of a chain, orphans included, in no promised order."""
        async for row in self._rows.find({}, batch_size=BULK):
            if row["_id"][:8] == int(chain).to_bytes(8, "big"):
                yield _event(row)

    async def stream_between(self, chain: ChainId, first: int, last: int) -> AsyncIterator[RawEvent]:
        """The rows of blocks `first` to `last`, both included, orphans too. Raises `Unavailable`."""
        bounds = {"$gte": key(chain, first, _LOWEST, 0), "$lt": key(chain, last + 1, _LOWEST, 0)}
        try:
            async for row in self._rows.find({"_id": bounds}, batch_size=BULK):
                yield _event(row)
        except PyMongoError as error:
            raise Unavailable("RAW_STORE_UNAVAILABLE", f"events.raw cannot be read: {str(error)[:300]}") from error


def key(chain: ChainId, number: int, hash_: bytes, log_index: int) -> bytes:
    """The `_id` of a log."""
    return _KEY.pack(chain, number, hash_, log_index)


def _row(chain: ChainId, event: RawEvent) -> dict[str, Any]:
    return {
        "_id": _KEY.pack(chain, event.block_number, event.block_hash, event.log_index),
        "tx": event.tx_hash,
        "txIndex": event.tx_index,
        "address": event.address,
        "topics": event.topics,
        "data": event.data,
        "timestamp": event.timestamp,
        "canonical": event.canonical,
    }


def _event(row: dict[str, Any]) -> RawEvent:
    _, number, hash_, log_index = _KEY.unpack(row["_id"])
    return RawEvent(
        number, hash_, log_index, row["tx"], row["txIndex"], row["address"], row["topics"], row["data"],
        row["timestamp"], row["canonical"],
    )  # fmt: skip


def _only_duplicates(error: BulkWriteError) -> None:
    others = [e for e in error.details["writeErrors"] if e["code"] != _DUPLICATE]
    if others or error.details.get("writeConcernErrors"):
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable("RAW_STORE_UNAVAILABLE", f"events.raw took no write: {str(error)[:300]}")
