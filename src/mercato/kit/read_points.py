"""Read points: the block that a chain's rows are true at, moved only when every fact up to it has been applied.

Facts and statements of progress come through different queues, in any order. A statement waits in `awaited_progress`
until the messages it names are in the inbox and the statements before it are true; then `sync_state` moves to its
block. The migrations of a service that has read points make both tables, under a key of their own for a chain.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mercato.kit import topology
from mercato.kit.postgres import Connection

_WAIT = """
INSERT INTO awaited_progress AS a
    ({key}, generation, block_number, block_hash, mined_at, head, safe, finalized, from_block, awaits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ARRAY(
    SELECT unnest($10::text[]) EXCEPT
    SELECT event_id FROM processed_events WHERE consumer = ANY($11::text[]) AND event_id = ANY($10::text[])
))
ON CONFLICT ({key}, generation, block_number) DO UPDATE SET
    head = greatest(a.head, excluded.head), safe = greatest(a.safe, excluded.safe),
    finalized = greatest(a.finalized, excluded.finalized)
"""
_APPLIED = """
UPDATE awaited_progress SET awaits = array_remove(awaits, $2) WHERE {key} = $1 AND $2 = ANY(awaits)
RETURNING cardinality(awaits)
"""
_HOLD = "SELECT block_number, generation FROM sync_state WHERE {key} = $1 FOR UPDATE"
# Statements of before generation $2 are of branches that a fork has ended.
_LIST = """
WITH ended AS (DELETE FROM awaited_progress WHERE {key} = $1 AND generation < $2)
SELECT generation, block_number, from_block, awaits FROM awaited_progress WHERE {key} = $1 AND generation >= $2
ORDER BY generation, block_number
"""

# What is newer is decided by (generation, number); for the same block the wider horizon wins, in any order. A fork
# says nothing of the horizon, so it is unknown until the next advance.
_WIDER = "{0} = CASE WHEN (s.generation, s.block_number) = ($2, $3) THEN greatest(s.{0}, a.{0}) ELSE a.{0} END"
_ADVANCE = f"""
WITH a AS (DELETE FROM awaited_progress WHERE {{key}} = $1 AND generation = $2 AND block_number = $3 RETURNING *)
UPDATE sync_state s SET
    generation = a.generation, block_number = a.block_number, block_hash = a.block_hash, mined_at = a.mined_at,
    observed_at = now(), {", ".join(map(_WIDER.format, ("head", "safe", "finalized")))}
FROM a WHERE s.{{key}} = $1 AND (s.block_number IS NULL OR (s.generation, s.block_number) <= ($2, $3))
"""


class Statement(NamedTuple):
    """What the indexer states: that a chain is read up to a block, after so many reorganisations."""

    generation: int
    number: int
    hash: bytes
    mined_at: datetime
    head: int
    safe: int
    finalized: int
    from_block: int
    """The first block it covers; 0 when it says nothing of what lies before."""
    after: list[str]
    """Ids of the messages with the facts of these blocks."""


class ReadPoints:
    """The read points of a service, `consumer` of the facts; `key` is the column that names a chain. Every method runs
    inside the caller's transaction."""

    def __init__(self, consumer: str, key: str) -> None:
        self._consumers = [queue.name for queue in topology.QUEUES if queue.consumer == consumer]
        self._wait, self._applied, self._hold, self._list, self._advance = (
            text.format(key=key) for text in (_WAIT, _APPLIED, _HOLD, _LIST, _ADVANCE)
        )

    async def record(self, connection: Connection, chain: int, statement: Statement) -> None:
        """Takes a statement in; the read point moves as far as the rows allow."""
        await connection.execute(self._wait, chain, *statement, self._consumers)
        await self.settle(connection, chain)

    async def applied(self, connection: Connection, chain: int, event_id: str) -> None:
        """A message has been applied in this transaction: statements that waited for it wait for one less."""
        left = await connection.fetch(self._applied, chain, event_id)
        if any(row["cardinality"] == 0 for row in left):
            await self.settle(connection, chain)

    async def settle(self, connection: Connection, chain: int) -> None:
        """Moves the read point as far as the rows allow, and drops statements about branches that a fork has ended."""
        # Held first, so that of two transactions which end the wait of two statements the later sees both.
        held = await connection.fetchrow(self._hold, chain)
        assert held is not None, "who has something to settle has added the chain"
        number = held["block_number"]
        # A statement that comes after the fork that ended its branch would have later ones wait for ever.
        for row in await connection.fetch(self._list, chain, held["generation"]):
            follows = row["from_block"] == 0 or (number is not None and row["from_block"] <= number + 1)
            if row["awaits"] or not follows:
                return
            await connection.execute(self._advance, chain, row["generation"], row["block_number"])
            number = max(number or 0, row["block_number"])
