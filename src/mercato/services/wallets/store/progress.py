"""The read point of a chain's approvals (see `kit.read_points`). Whoever writes here holds the chain alone."""

from __future__ import annotations

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Connection
from mercato.kit.read_points import ReadPoints, Statement
from mercato.services.wallets.model import Progress, Retraction

_POINTS = ReadPoints("wallets", "chain_id")

_RETREAT = """
UPDATE sync_state SET
    generation = $2, block_number = $3, block_hash = $4, mined_at = $5, observed_at = now(),
    head = NULL, safe = NULL, finalized = NULL
WHERE chain_id = $1 AND generation < $2
"""


class ReadPoint:
    """The read point of one chain, which the store has added, inside one transaction."""

    def __init__(self, connection: Connection, chain: ChainId) -> None:
        self._connection = connection
        self._chain = int(chain)

    async def record(self, progress: Progress) -> None:
        """Takes a statement in; the read point moves as far as the rows allow."""
        block = progress.indexed
        statement = Statement(
            progress.generation, block.number, block.hash, block.time, progress.head, progress.safe,
            progress.finalized, progress.from_block, list(progress.after),
        )  # fmt: skip
        await _POINTS.record(self._connection, self._chain, statement)

    async def applied(self, event_id: str) -> None:
        """A message has been applied in this transaction: statements that waited for it wait for one less."""
        await _POINTS.applied(self._connection, self._chain, event_id)

    async def retreat(self, retraction: Retraction) -> None:
        """Moves the read point back to the common ancestor, unless a newer statement has moved it; and on from there
        where what follows has been said already."""
        block = retraction.ancestor
        await self._connection.execute(
            _RETREAT, self._chain, retraction.generation, block.number, block.hash, block.time
        )
        await _POINTS.settle(self._connection, self._chain)
