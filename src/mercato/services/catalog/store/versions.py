"""Says in Redis that rows have changed, so that no kept answer shows the old ones (see `kit.read_versions`).

Who is pushed an event gets no older answer: subscriptions sees to that. What changes without an event (a fork taken
back, a document that could not be had, a flag) is told from here, right after its commit. While Redis is away it is
remembered, and told when Redis is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.exceptions import RedisError

from mercato.kit.read_versions import ReadVersions

_PAUSE = 0.5


class ChangedRows:
    """What has changed and is still to be told; at most a name for each collection there is."""

    def __init__(self, versions: ReadVersions) -> None:
        self._versions = versions
        self._waiting: set[str] = set()
        self._noted = asyncio.Event()

    def note(self, names: Iterable[str]) -> None:
        """Is told by `run`, at once when Redis is there."""
        self._waiting.update(names)
        self._noted.set()

    async def tell(self, names: Iterable[str]) -> None:
        """Tells before it returns; what Redis did not take is left to `run`."""
        self._waiting.update(names)
        await self._flush()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._noted.wait()
            if not await self._flush():
                await asyncio.sleep(_PAUSE)

    async def _flush(self) -> bool:
        self._noted.clear()
        telling, self._waiting = self._waiting, set()
        try:
            await self._versions.change(telling)
        except RedisError:
            self.note(telling)
            return False
        return True
