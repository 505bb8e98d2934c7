"""Keeps inboxes small: an event that was processed long ago cannot come again, so its row may go."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from mercato.kit.postgres import Database

KEPT_FOR = timedelta(days=30)
"""Far beyond the retry ladder and any parked message somebody still means to replay."""

_BATCH = 5_000
_PAUSE = 600.0
_PRUNE = """
DELETE FROM processed_events WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM processed_events WHERE processed_at < now() - $1::interval LIMIT $2
))
"""


class InboxPruner:
    """Deletes what is older than `KEPT_FOR`, in small batches, every ten minutes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Never returns."""
        while True:
            while await self.prune_once() == _BATCH:
                pass
            await asyncio.sleep(_PAUSE)

    async def prune_once(self) -> int:
        """Deletes one batch; returns its size."""
        done = await self._database.pool.execute(_PRUNE, KEPT_FOR, _BATCH)
        return int(done.rpartition(" ")[2])
