"""Read points: the block that a chain's rows are true at, moved only when every fact up to it has been applied.

Facts and statements of progress come through different queues, in any order. A statement waits here until the messages
it names are in the inbox and the statements before it are true.
"""

from __future__ import annotations

from mercato.kit import topology
from mercato.kit.postgres import Connection
from mercato.services.catalog.model.facts import Progress

_CONSUMERS = [queue.name for queue in topology.QUEUES if queue.consumer == "catalog"]

_WAIT = """
INSERT INTO awaited_progress AS a
    (chain_ref, generation, block_number, block_hash, mined_at, head, safe, finalized, from_block, awaits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ARRAY(
    SELECT unnest($10::text[]) EXCEPT
    SELECT event_id FROM processed_events WHERE consumer = ANY($11::text[]) AND event_id = ANY($10::text[])
))
ON CONFLICT (chain_ref, generation, block_number) DO UPDATE SET
    head = greatest(a.head, excluded.head), safe = greatest(a.safe, excluded.safe),
    finalized = greatest(a.finalized, excluded.finalized)
"""
_APPLIED = """
UPDATE awaited_progress SET awaits = array_remove(awaits, $2) WHERE chain_ref = $1 AND $2 = ANY(awaits)
RETURNING cardinality(awaits)
"""
_FORGET = "DELETE FROM awaited_progress WHERE chain_ref = $1 AND generation < $2"
_HOLD = "SELECT block_number, generation FROM sync_state WHERE chain_ref = $1 FOR UPDATE"
_LIST = """
SELECT generation, block_number, from_block, awaits FROM awaited_progress WHERE chain_ref = $1
ORDER BY generation, block_number
"""
_DONE = "DELETE FROM awaited_progress WHERE chain_ref = $1 AND generation = $2 AND block_number = $3"

# What is newer is decided by (generation, number); for the same block the wider horizon wins, in any order. A fork
# says nothing of the horizon, so it is unknown until the next advance.
_WIDER = "{0} = CASE WHEN (s.generation, s.block_number) = ($2, $3) THEN greatest(s.{0}, a.{0}) ELSE a.{0} END"
_ADVANCE = f"""
UPDATE sync_state s SET
    generation = a.generation, block_number = a.block_number, block_hash = a.block_hash, mined_at = a.mined_at,
    observed_at = now(), {", ".join(map(_WIDER.format, ("head", "safe", "finalized")))}
FROM awaited_progress a
WHERE s.chain_ref = $1 AND a.chain_ref = $1 AND a.generation = $2 AND a.block_number = $3
    AND (s.block_number IS NULL OR (s.generation, s.block_number) <= ($2, $3))
"""


class ReadPoint:
    """The read point of one chain, inside one transaction."""

    def __init__(self, connection: Connection, chain_ref: int) -> None:
        self._connection = connection
        self._chain_ref = chain_ref

    async def record(self, progress: Progress) -> None:
        """Takes a statement in; the read point moves as far as the rows allow."""
        block = progress.indexed
        await self._connection.execute(
            _WAIT, self._chain_ref, progress.generation, block.number, block.hash, block.mined_at, progress.head,
            progress.safe, progress.finalized, progress.from_block, progress.after, _CONSUMERS,
        )  # fmt: skip
        await self.settle()

    async def applied(self, event_id: str) -> None:
        """A message has been applied in this transaction: statements that waited for it wait for one less."""
        left = await self._connection.fetch(_APPLIED, self._chain_ref, event_id)
        if any(row["cardinality"] == 0 for row in left):
            await self.settle()

    async def settle(self) -> None:
        """Moves the read point as far as the rows allow, and drops statements about branches that a fork has ended."""
        # Held first, so that of two transactions which end the wait of two statements the later sees both.
        held = await self._connection.fetchrow(_HOLD, self._chain_ref)
        assert held is not None, "the store adds a chain before it writes to it"
        number = held["block_number"]
        # A statement that comes after the fork that ended its branch would have later ones wait for ever.
        await self._connection.execute(_FORGET, self._chain_ref, held["generation"])
        for row in await self._connection.fetch(_LIST, self._chain_ref):
            follows = row["from_block"] == 0 or (number is not None and row["from_block"] <= number + 1)
            if row["awaits"] or not follows:
                return
            statement = self._chain_ref, row["generation"], row["block_number"]
            await self._connection.execute(_ADVANCE, *statement)
            await self._connection.execute(_DONE, *statement)
            number = max(number or 0, row["block_number"])
