"""Pages of approvals and of their history, with the read points they are true at, from one statement and so from one
snapshot of the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg
import orjson

from mercato.kit.ids import Address, ChainId, TokenId
from mercato.kit.postgres import Database
from mercato.services.wallets.model import Approval, ApprovalFilter, Block, Entry, Found, Place, ReadPoint
from mercato.services.wallets.store.approvals import FIELDS, FIRST_MOVE

R = TypeVar("R")

_WANTED = """
WHERE word.owner = ANY($1::bytea[]) AND ($2::bigint IS NULL OR word.chain_id = $2)
AND ($3::bytea IS NULL OR word.operator = $3) AND ($4::bytea IS NULL OR word.contract = $4)
AND ($5::bigint IS NULL OR (word.block_time, word.chain_id, word.block_number, word.log_index)
     < (to_timestamp($5::bigint), $6::bigint, $7::bigint, $8::int))
"""
_NEWEST_FIRST = "ORDER BY block_time DESC, chain_id DESC, block_number DESC, log_index DESC LIMIT $9"
_PAGE = f"SELECT {FIELDS} FROM approvals word {_WANTED} AND approved {_NEWEST_FIRST}"
# A word that came before the move ended the approval itself.
_HISTORY = f"""
WITH page AS (SELECT word.* FROM approvals_history word {_WANTED} {_NEWEST_FIRST})
SELECT page.*, ended.block_number AS ended_block_number, ended.block_hash AS ended_block_hash,
    ended.block_time AS ended_block_time, ended.tx_hash AS ended_tx_hash, ended.log_index AS ended_log_index
FROM page LEFT JOIN LATERAL ({FIRST_MOVE.format(word="page")}) ended ON NOT EXISTS (
    SELECT FROM approvals_history other
    WHERE other.contract = page.contract AND other.token_id = page.token_id AND other.chain_id = page.chain_id
    AND other.token_id IS NOT NULL
    AND (other.block_number, other.log_index) > (page.block_number, page.log_index)
    AND (other.block_number, other.log_index) < (ended.block_number, ended.log_index)
)
ORDER BY page.block_time DESC, page.chain_id DESC, page.block_number DESC, page.log_index DESC
"""
# One row of read points with the rows beside it; a nested loop over one row keeps the order of what is inside. The
# points travel with the first row only.
_BESIDE = """
SELECT rows.*, CASE WHEN row_number() OVER () = 1 THEN points.points END AS read_points
FROM (
    SELECT coalesce(json_agg(json_build_array(
        chain_id, block_number, encode(block_hash, 'hex'), mined_at, observed_at, safe, finalized
    ) ORDER BY chain_id), '[]')::text AS points
    FROM sync_state WHERE block_number IS NOT NULL AND ($2::bigint IS NULL OR chain_id = $2)
) points LEFT JOIN LATERAL (SELECT true AS there, found.* FROM ({rows}) found) rows ON true
"""
_PAGE_AT = _BESIDE.format(rows=_PAGE)
_HISTORY_AT = _BESIDE.format(rows=_HISTORY)


class ApprovalPages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> Found[Approval]:
        """Approvals in force, newest first, after the key of `sort_key`."""
        return await self._found(_PAGE_AT, wanted, after, limit, _approval)

    async def history(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> Found[Entry]:
        """Every word, newest first, after the key of `sort_key`."""
        return await self._found(_HISTORY_AT, wanted, after, limit, lambda row: Entry(_approval(row), _end_of(row)))

    async def _found(
        self,
        statement: str,
        wanted: ApprovalFilter,
        after: Sequence[int] | None,
        limit: int,
        view: Callable[[asyncpg.Record], R],
    ) -> Found[R]:
        chain = None if wanted.chain is None else int(wanted.chain)
        conditions = [list(wanted.owners), chain, wanted.operator, wanted.contract, *(after or (None,) * 4)]
        records = await self._database.pool.fetch(statement, *conditions, limit)
        return Found([view(record) for record in records if record["there"]], _points(records[0]["read_points"]))


def _points(text: str) -> list[ReadPoint]:
    return [
        ReadPoint(
            ChainId(chain), Block(number, bytes.fromhex(hash_), _time(mined)), _time(observed), safe, finalized
        )
        for chain, number, hash_, mined, observed, safe, finalized in orjson.loads(text)
    ]  # fmt: skip


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _end_of(row: asyncpg.Record) -> Place | None:
    if row["ended_block_hash"] is None:
        return None
    return Place(
        row["ended_block_number"],
        row["ended_block_hash"],
        row["ended_block_time"],
        row["ended_tx_hash"],
        row["ended_log_index"],
    )


def _approval(row: asyncpg.Record) -> Approval:
    return Approval(
        chain=ChainId(row["chain_id"]),
        contract=Address(row["contract"]),
        owner=Address(row["owner"]),
        operator=Address(row["operator"]),
        token_id=None if row["token_id"] is None else TokenId(int(row["token_id"])),
        approved=row["approved"],
        place=Place(row["block_number"], row["block_hash"], row["block_time"], row["tx_hash"], row["log_index"]),
    )
