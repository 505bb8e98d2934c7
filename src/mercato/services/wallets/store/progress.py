"""Read points: the block that a chain's approvals are true at, moved only when every fact up to it has been applied.

Facts and statements of progress come through different queues, in any order. A statement waits here until the messages
it names are in the inbox and the statements before it are true. Whoever writes here holds the chain alone.
"""

from __future__ import annotations

from mercato.kit import topology
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Connection
from mercato.services.wallets.model import Progress, Retraction

_CONSUMERS = [queue.name for queue in topology.QUEUES if queue.consumer == "wallets"]

_ADD = "INSERT INTO sync_state (chain_id) VALUES ($1) ON CONFLICT DO NOTHING"
_WAIT = """
INSERT INTO awaited_progress AS a
    (chain_id, generation, block_number, block_hash, mined_at, head, safe, finalized, from_block, awaits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ARRAY(
    SELECT unnest($10::text[]) EXCEPT
    SELECT event_id FROM processed_events WHERE consumer = ANY($11::text[]) AND event_id = ANY($10::text[])
))
ON CONFLICT (chain_id, generation, block_number) DO UPDATE SET
    head = greatest(a.head, excluded.head), safe = greatest(a.safe, excluded.safe),
    finalized = greatest(a.finalized, excluded.finalized)
"""
_APPLIED = """
UPDATE awaited_progress SET awaits = array_remove(awaits, $2) WHERE chain_id = $1 AND $2 = ANY(awaits)
RETURNING cardinality(awaits)
"""
_FORGET = "DELETE FROM awaited_progress WHERE chain_id = $1 AND generation < $2"
_HELD = "SELECT block_number, generation FROM sync_state WHERE chain_id = $1"
_LIST = """
SELECT generation, block_number, from_block, awaits FROM awaited_progress WHERE chain_id = $1
ORDER BY generation, block_number
"""
_DONE = "DELETE FROM awaited_progress WHERE chain_id = $1 AND generation = $2 AND block_number = $3"

# What is newer is decided by (generation, number); for the same block the wider horizon wins, in any order. A fork
# says nothing of the horizon, so it is unknown until the next advance.
_WIDER = "{0} = CASE WHEN (s.generation, s.block_number) = ($2, $3) THEN greatest(s.{0}, a.{0}) ELSE a.{0} END"
_ADVANCE = f"""
UPDATE sync_state s SET
    generation = a.generation, block_number = a.block_number, block_hash = a.block_hash, mined_at = a.mined_at,
    observed_at = now(), {", ".join(map(_WIDER.format, ("head", "safe", "finalized")))}
FROM awaited_progress a
WHERE s.chain_id = $1 AND a.chain_id = $1 AND a.generation = $2 AND a.block_number = $3
    AND (s.block_number IS NULL OR (s.generation, s.block_number) <= ($2, $3))
"""
_RETREAT = """
UPDATE sync_state SET
    generation = $2, block_number = $3, block_hash = $4, mined_at = $5, observed_at = now(),
    head = NULL, safe = NULL, finalized = NULL
WHERE chain_id = $1 AND generation < $2
"""


class ReadPoint:
    """The read point of one chain, inside one transaction."""

    def __init__(self, connection: Connection, chain: ChainId) -> None:
        self._connection = connection
        self._chain = int(chain)

    async def record(self, progress: Progress) -> None:
        """Takes a statement in; the read point moves as far as the rows allow."""
        block = progress.indexed
        await self._connection.execute(_ADD, self._chain)
        await self._connection.execute(
            _WAIT, self._chain, progress.generation, block.number, block.hash, block.time, progress.head,
            progress.safe, progress.finalized, progress.from_block, progress.after, _CONSUMERS,
        )  # fmt: skip
        await self._settle()

    async def applied(self, event_id: str) -> None:
        """A message has been applied in this transaction: statements that waited for it wait for one less."""
        left = await self._connection.fetch(_APPLIED, self._chain, event_id)
        if any(row["cardinality"] == 0 for row in left):
            await self._settle()

    async def retreat(self, retraction: Retraction) -> None:
        """Moves the read point back to the common ancestor, unless a newer statement has moved it; and on from there
        where what follows has been said already."""
        block = retraction.ancestor
        await self._connection.execute(_ADD, self._chain)
        await self._connection.execute(
            _RETREAT, self._chain, retraction.generation, block.number, block.hash, block.time
        )
        await self._settle()

    async def _settle(self) -> None:
        """Moves the read point as far as the rows allow, and drops statements about branches that a fork has ended."""
        held = await self._connection.fetchrow(_HELD, self._chain)
        assert held is not None, "who has something to settle has added the chain"
        number = held["block_number"]
        # A statement that comes after the fork that ended its branch would have later ones wait for ever.
        await self._connection.execute(_FORGET, self._chain, held["generation"])
        for row in await self._connection.fetch(_LIST, self._chain):
            follows = row["from_block"] == 0 or (number is not None and row["from_block"] <= number + 1)
            if row["awaits"] or not follows:
                return
            statement = self._chain, row["generation"], row["block_number"]
            await self._connection.execute(_ADVANCE, *statement)
            await self._connection.execute(_DONE, *statement)
            number = max(number or 0, row["block_number"])
