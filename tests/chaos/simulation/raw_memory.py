"""The raw store in memory; held to the suite of the real one, tests/integration/indexer/test_raw_events.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from mercato.kit.ids import ChainId
from mercato.services.indexer.model.chain import RecentBlock
from mercato.services.indexer.model.raw import RawEvent

_Block = tuple[ChainId, int, bytes]
_HIGHEST = 2**64 - 2


class RawEventsInMemory:
    """Logs by their natural key and marks by block, as `services.indexer.store.raw.RawEvents` keeps them."""

    def __init__(self) -> None:
        self._logs: dict[_Block, dict[int, RawEvent]] = {}
        self._marks: dict[_Block, tuple[int, bool]] = {}

    async def add(self, chain: ChainId, events: Sequence[RawEvent]) -> None:
        for event in events:
            block = (chain, event.block_number, event.block_hash)
            self._logs.setdefault(block, {}).setdefault(event.log_index, event)

    async def orphan(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        for block in _keys(chain, blocks):
            if self._marked(block) < generation:
                self._marks[block] = (generation, False)

    async def readopt(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None:
        for block in _keys(chain, blocks):
            if self._marked(block) <= generation:
                self._marks[block] = (generation, True)

    async def stream(self, chain: ChainId, first: int = 0, last: int = _HIGHEST) -> AsyncIterator[RawEvent]:
        for block, logs in sorted(self._logs.items()):
            if block[0] == chain and first <= block[1] <= last:
                _, canonical = self._marks.get(block, (-1, True))
                for _, event in sorted(logs.items()):
                    yield msgspec.structs.replace(event, canonical=canonical)

    def _marked(self, block: _Block) -> int:
        return self._marks.get(block, (-1, True))[0]


def _keys(chain: ChainId, blocks: Iterable[RecentBlock]) -> list[_Block]:
    return [(chain, known.block.number, known.block.hash) for known in blocks]
