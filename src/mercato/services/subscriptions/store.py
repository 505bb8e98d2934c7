"""How much a commit is worth."""

from __future__ import annotations

from mercato.kit.postgres import Transaction


async def commit_without_waiting(transaction: Transaction) -> None:
    """Lets the commit return before the disk has it: right where a power cut would only make a message be handled
    again."""
    await transaction.connection.execute("SET LOCAL synchronous_commit = off")
