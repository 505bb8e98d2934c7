"""PostgreSQL chain_registry_db.chain_audit: who changed what, written with the change and never again."""

from __future__ import annotations

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Connection, Database
from mercato.services.chains.model.audit import Change, difference
from mercato.services.chains.model.chains import Chain
from mercato.services.chains.model.edits import Action, Instruction

_APPEND = """
INSERT INTO chain_audit (chain_id, version, action, requested_by, request_id, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_LIST = """
SELECT * FROM chain_audit WHERE ($1::bigint IS NULL OR chain_id = $1) AND ($2::bigint IS NULL OR change_id < $2)
ORDER BY change_id DESC LIMIT $3
"""


async def append(
    connection: Connection, action: Action, before: Chain | None, after: Chain, instruction: Instruction
) -> None:
    """One line, in the transaction of the change."""
    told = difference(before, after)
    await connection.execute(
        _APPEND, after.spec.chain_id, after.version, action.value, instruction.account, instruction.request_id, *told
    )


class ChainAudit:
    """The lines that are there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_changes(self, chain_id: ChainId | None, limit: int, before: int | None) -> list[Change]:
        """Newest first, those older than the one with the ref `before`; None stands for any."""
        return [_change(row) for row in await self._database.pool.fetch(_LIST, chain_id, before, limit)]


def _change(row: asyncpg.Record) -> Change:
    account = row["requested_by"]
    return Change(
        row["change_id"], ChainId(row["chain_id"]), row["version"], row["action"],
        Address(account) if account is not None else None, row["request_id"], row["at"], row["before"], row["after"],
    )  # fmt: skip
