"""The raw store in memory; held to the suite of the real one, tests/integration/indexer/test_raw_events.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from mercato.kit.ids import ChainId
from mercato.services.indexer.model.chain import RecentBlock
from mercato.services.indexer.model.raw import RawEvent

_Key = tuple[ChainId, int, bytes, int]


class RawEventsInMemory:
    """Rows by their natural key, as `services.indexer.store.raw.RawEvents` keeps them."""

    def __init__(self) -> None:
        self._rows: dict[_Key, RawEvent] = {}
        self._marked: dict[_Key, int] = {}

    async def add(self, chain: ChainId, events: Sequence[RawEvent]) -> None:
        for event in events:
            self._rows.setdefault((chain, event.block_number, event.block_hash, event.log_index), event)

    async def orphan(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        for key in self._of(chain, blocks):
            if self._marked.get(key, -1) < generation:
                self._mark(key, generation, canonical=False)

    async def readopt(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        for key in self._of(chain, blocks):
            if self._marked.get(key, -1) <= generation:
                self._mark(key, generation, canonical=True)

    async def list_block(self, chain: ChainId, number: int, hash_: bytes, indexes: Iterable[int]) -> list[RawEvent]:
        found = (self._rows.get((chain, number, hash_, index)) for index in sorted(set(indexes)))
        return [row for row in found if row is not None]

    async def stream(self, chain: ChainId) -> AsyncIterator[RawEvent]:
        for (of_chain, *_), row in list(self._rows.items()):
            if of_chain == chain:
                yield row

    def _of(self, chain: ChainId, blocks: Iterable[RecentBlock]) -> list[_Key]:
        keys = [(chain, known.block.number, known.block.hash, index) for known in blocks for index in known.raw_logs]
        return [key for key in keys if key in self._rows]

    def _mark(self, key: _Key, generation: int, *, canonical: bool) -> None:
        self._rows[key] = msgspec.structs.replace(self._rows[key], canonical=canonical)
        self._marked[key] = generation
