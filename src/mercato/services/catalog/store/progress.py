"""The read point of a chain's tokens and collections (see `kit.read_points`)."""

from __future__ import annotations

from mercato.kit.postgres import Connection
from mercato.kit.read_points import ReadPoints, Statement
from mercato.services.catalog.model.facts import Progress

_POINTS = ReadPoints("catalog", "chain_ref")


class ReadPoint:
    """The read point of one chain, which the store has added, inside one transaction."""

    def __init__(self, connection: Connection, chain_ref: int) -> None:
        self._connection = connection
        self._chain_ref = chain_ref

    async def record(self, progress: Progress) -> None:
        """Takes a statement in; the read point moves as far as the rows allow."""
        block = progress.indexed
        statement = Statement(
            progress.generation, block.number, block.hash, block.mined_at, progress.head, progress.safe,
            progress.finalized, progress.from_block, list(progress.after),
        )  # fmt: skip
        await _POINTS.record(self._connection, self._chain_ref, statement)

    async def applied(self, event_id: str) -> None:
        """A message has been applied in this transaction: statements that waited for it wait for one less."""
        await _POINTS.applied(self._connection, self._chain_ref, event_id)

    async def settle(self) -> None:
        """Moves the read point as far as the rows allow."""
        await _POINTS.settle(self._connection, self._chain_ref)
