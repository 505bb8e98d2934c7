"""The relay: outbox rows to the broker, with confirms, at least once, any number of relays at once."""

from __future__ import annotations

import asyncio

import asyncpg

from mercato.kit.messages import FURTHER_KEYS, Outgoing
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Publisher

BATCH = 500
_IDLE_POLL = 1.0

# Rows are locked while they are published and deleted in the same transaction: a relay that dies
# in between leaves them, and another one skips what is locked.
_TAKE = """
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, exchange, routing_key, message_id, type, headers, body
"""

# A delete that a power cut undoes sends messages once more, which is what they promise: no need to wait for the disk.
_COMMIT_SOON = "SET LOCAL synchronous_commit = off"


class OutboxRelay:
    """Publishes what transactions left in `outbox`."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def run(self) -> None:
        """Never returns. Wakes at each local commit that published, and every second for rows that others left."""
        filled = self._database.outbox_filled
        while True:
            filled.clear()
            while await self.drain_once() == BATCH:
                pass
            try:
                async with asyncio.timeout(_IDLE_POLL):
                    await filled.wait()
            except TimeoutError:
                continue

    async def drain_once(self) -> int:
        """Publishes one batch; returns its size. Raises `Unavailable` and keeps the rows when the broker is away."""
        async with self._database.pool.acquire() as connection, connection.transaction():
            await connection.execute(_COMMIT_SOON)
            rows = await connection.fetch(_TAKE, BATCH)
            rows.sort(key=lambda row: row["id"])
            await self._publisher.publish_all(map(_outgoing, rows))
        return len(rows)


def _outgoing(row: asyncpg.Record) -> Outgoing:
    headers = dict(row["headers"])
    further = headers.pop(FURTHER_KEYS, ())
    return Outgoing(row["exchange"], row["routing_key"], row["message_id"], row["type"], row["body"], headers, further)
