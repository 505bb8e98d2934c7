"""Mongo events.raw: every log that matters, byte for byte, enough to build the read model anew without a node.

A document holds logs of one block; its `_id` is chain, block number, block hash and a digest of the log indexes in it,
56 bytes, big-endian, so documents lie in the order of the chain. A block read again with the same logs is the same
document and changes nothing; read with more of them (a contract was imported since) it gets one more document, and
readers unite what they hold by log index. One document for each log would cost the server ten times as much (ADR 0013).

Whether a block counts is said once for all its documents, earlier and later ones, by a mark in events.raw_marks under
its chain, number and hash. Both collections are written by `_id` alone: any other filter would read everything, or need
an index.

That (chain, transaction, log index) is unique among canonical logs follows: a chain holds a transaction in one block, a
block holds a log index once, and an orphaned block has its mark before a log of the block that replaces it is written.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.services.indexer.model.chain import RecentBlock
from mercato.services.indexer.model.raw import RawEvent

MAX_BYTES = 2**20
"""Of one document, about; a server takes 16 MiB. A single log is never cut."""

_BULK = 1_000
_LOG_BYTES = 250
"""What a log takes beside its topics and data, with the names of its fields."""

_DUPLICATE = 11000
_BLOCK = struct.Struct(">QQ32s")
_DIGEST = 8
_HIGHEST = 2**64 - 2
_NEVER = -1

Document = dict[str, Any]


class RawEvents:
    """The collections, with the few operations that any server of the protocol answers well."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._blocks = client["events"]["raw"]
        self._marks = client["events"]["raw_marks"]

    async def check(self) -> None:
        """For readiness: raises when the server does not answer."""
        await self._blocks.find_one({"_id": b"readiness"})

    async def add(self, chain: ChainId, events: Sequence[RawEvent]) -> None:
        """Inserts in bulk; documents that are there already stay as they are. Raises `Unavailable`."""
        await _insert(self._blocks, list(_documents(chain, events)))

    async def orphan(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        """The logs of these blocks do not count any more, as reorganisation number `generation` found; they stay where
        they are, and blocks marked since are left alone. Raises `Unavailable`."""
        await self._mark(chain, blocks, {"$lt": generation}, {"canonical": False, "generation": generation})

    async def readopt(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        """Those of blocks that are canonical again after `generation` reorganisations count again, unless the blocks
        were marked since. Raises `Unavailable`."""
        await self._mark(chain, blocks, {"$lte": generation}, {"canonical": True, "generation": generation})

    async def stream(self, chain: ChainId, first: int = 0, last: int = _HIGHEST) -> AsyncIterator[RawEvent]:
        """Each log of blocks `first` to `last`, both included, once, by block and log index, orphans too. Raises
        `Unavailable`.

        Marks are read first: a fork meanwhile is for the caller to notice."""
        bounds = {"$gte": _lowest(chain, first), "$lt": _lowest(chain, last + 1)}
        try:
            orphans = {mark["_id"] async for mark in self._marks.find({"canonical": False})}
            block, united = b"", dict[int, RawEvent]()
            async for document in self._blocks.find({"_id": bounds}).sort("_id", 1):
                of_block = document["_id"][: _BLOCK.size]
                if of_block != block:
                    for event in _in_order(united):
                        yield event
                    block, united = of_block, {}
                for event in _events(document, canonical=of_block not in orphans):
                    united[event.log_index] = event
            for event in _in_order(united):
                yield event
        except PyMongoError as error:
            raise Unavailable("RAW_STORE_UNAVAILABLE", f"events.raw cannot be read: {str(error)[:300]}") from error

    async def _mark(self, chain: ChainId, blocks: Iterable[RecentBlock], older: dict[str, int], mark: Document) -> None:
        """Two steps, both safe to repeat: marks that say nothing yet, then what they say unless they are newer."""
        keys = [_BLOCK.pack(chain, known.block.number, known.block.hash) for known in blocks]
        await _insert(self._marks, [{"_id": key, "canonical": True, "generation": _NEVER} for key in keys])
        for start in range(0, len(keys), _BULK):
            chosen = {"_id": {"$in": keys[start : start + _BULK]}, "generation": older}
            try:
                await self._marks.update_many(chosen, {"$set": mark})
            except PyMongoError as error:
                raise _unavailable(error) from error


async def _insert(collection: AsyncCollection[Document], documents: Sequence[Document]) -> None:
    for start in range(0, len(documents), _BULK):
        try:
            await collection.insert_many(documents[start : start + _BULK], ordered=False)
        except BulkWriteError as error:
            _only_duplicates(error)
        except PyMongoError as error:
            raise _unavailable(error) from error


def _documents(chain: ChainId, events: Iterable[RawEvent]) -> Iterator[Document]:
    blocks: dict[tuple[int, bytes], dict[int, RawEvent]] = {}
    for event in events:
        blocks.setdefault((event.block_number, event.block_hash), {})[event.log_index] = event
    for (number, hash_), united in blocks.items():
        for part in _parts(_in_order(united)):
            indexes = b"".join([event.log_index.to_bytes(8) for event in part])
            yield {
                "_id": _BLOCK.pack(chain, number, hash_) + blake2b(indexes, digest_size=_DIGEST).digest(),
                "timestamp": part[0].timestamp,
                "logs": [
                    {
                        "logIndex": event.log_index,
                        "tx": event.tx_hash,
                        "txIndex": event.tx_index,
                        "address": event.address,
                        "topics": event.topics,
                        "data": event.data,
                    }
                    for event in part
                ],
            }


def _parts(events: Iterable[RawEvent]) -> Iterator[list[RawEvent]]:
    """The logs of a block as they fit into documents: the same logs are always cut in the same places."""
    part: list[RawEvent] = []
    size = 0
    for event in events:
        room = _LOG_BYTES + len(event.topics) + len(event.data)
        if part and size + room > MAX_BYTES:
            yield part
            part, size = [], 0
        part.append(event)
        size += room
    yield part


def _in_order(united: dict[int, RawEvent]) -> list[RawEvent]:
    return [united[index] for index in sorted(united)]


def _events(document: Document, *, canonical: bool) -> Iterator[RawEvent]:
    _, number, hash_ = _BLOCK.unpack(document["_id"][: _BLOCK.size])
    for log in document["logs"]:
        yield RawEvent(
            number, hash_, log["logIndex"], log["tx"], log["txIndex"], log["address"], log["topics"], log["data"],
            document["timestamp"], canonical,
        )  # fmt: skip


def _lowest(chain: ChainId, number: int) -> bytes:
    """Before every document of a block and those above it."""
    return _BLOCK.pack(chain, number, bytes(32)) + bytes(_DIGEST)


def _only_duplicates(error: BulkWriteError) -> None:
    others = [e for e in error.details["writeErrors"] if e["code"] != _DUPLICATE]
    if others or error.details.get("writeConcernErrors"):
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable("RAW_STORE_UNAVAILABLE", f"events.raw took no write: {str(error)[:300]}")
