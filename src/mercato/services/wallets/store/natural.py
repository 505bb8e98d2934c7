"""The rows about approvals that follow from the chain, named by contract, block hash and log, up to a block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Connection, Database

_CONTRACT = "'0x' || encode(t.contract, 'hex')"
_LOG = (
    f"{_CONTRACT} || ' block ' || lpad(t.block_number::text, 10, '0') || ' 0x' || encode(t.block_hash, 'hex')"
    " || ' log ' || t.log_index"
)
_HELD = (
    f"{_CONTRACT} || coalesce(' token ' || t.token_id,"
    " ' of 0x' || encode(t.owner, 'hex') || ' for 0x' || encode(t.operator, 'hex'))"
)
_UP_TO = "WHERE t.chain_id = $1 AND t.block_number <= $2"


def _select(table: str, key: str, columns: str, where: str = _UP_TO) -> str:
    row = ", ".join(f"'{name}', t.{name}" for name in columns.split())
    return f"SELECT {key} AS key, jsonb_build_object({row})::text AS value FROM {table} t {where}"


TABLES: Mapping[str, str] = {
    "approvals_history": _select("approvals_history", _LOG, "owner operator token_id approved block_time tx_hash"),
    "token_moves": _select("token_moves", f"{_LOG} || ' token ' || t.token_id", "block_time tx_hash"),
    "approvals": _select(
        "approvals",
        _HELD,
        "owner operator token_id approved block_number block_hash block_time tx_hash log_index ended_block_number"
        " ended_block_hash ended_log_index",
        f"{_UP_TO} AND (t.ended_block_number IS NULL OR t.ended_block_number <= $2)",
    ),
}
"""By name, a statement with `key` (natural, unique) and `value` (the rest); $1 is the chain's number, $2 the block."""

# A sum of row hashes is the same in every order, so no table is sorted for it.
_FINGERPRINT = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0) AS high,
    coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0) AS low
FROM (SELECT md5(key || E'\\n' || value) AS h FROM ({table}) rows) hashed
"""
_READ_POINT = """
SELECT block_number, block_hash, generation FROM sync_state WHERE chain_id = $1 AND block_number IS NOT NULL
"""
_ABOVE = """
SELECT EXISTS (SELECT FROM approvals_history WHERE chain_id = $1 AND block_number > $2)
    OR EXISTS (SELECT FROM token_moves WHERE chain_id = $1 AND block_number > $2)
"""
_PREFETCH = 1_000


@dataclass(frozen=True)
class Fingerprint:
    """How many rows a table has, and one hash over all of them: equal when the sets of rows are."""

    rows: int
    digest: str


class NaturalApprovals:
    """One chain's tables up to a block, in one transaction, which sees one moment."""

    def __init__(self, connection: Connection, chain: ChainId, block: int) -> None:
        self._connection = connection
        self._arguments = int(chain), block

    async def fingerprint(self, table: str) -> Fingerprint:
        row = await self._connection.fetchrow(_FINGERPRINT.format(table=TABLES[table]), *self._arguments)
        assert row is not None
        return Fingerprint(row["rows"], sha256(f"{row['high']} {row['low']}".encode()).hexdigest()[:16])

    async def stream(self, table: str) -> AsyncIterator[tuple[str, str]]:
        """Key and value of each row, by key in the order of its bytes."""
        ordered = f'SELECT key, value FROM ({TABLES[table]}) named ORDER BY key COLLATE "C"'
        async for row in self._connection.cursor(ordered, *self._arguments, prefetch=_PREFETCH):
            yield row["key"], row["value"]


@dataclass(frozen=True)
class ReadPoint:
    """The block a chain's approvals are true at, after so many reorganisations."""

    number: int
    hash: bytes
    generation: int


@dataclass(frozen=True)
class Moment:
    """A chain's rows as one transaction sees them; no read point before the first block."""

    connection: Connection
    chain: ChainId
    point: ReadPoint | None

    def up_to(self, block: int) -> NaturalApprovals:
        """As blocks up to this one made them, unless a later one has been applied."""
        return NaturalApprovals(self.connection, self.chain, block)

    async def has_above(self, block: int) -> bool:
        """True when a fact of a later block has been applied."""
        found: bool = await self.connection.fetchval(_ABOVE, int(self.chain), block)
        return found


@asynccontextmanager
async def at_one_moment(database: Database, chain: ChainId) -> AsyncIterator[Moment]:
    """Reads one chain's approvals in one transaction."""
    async with (
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        row = await connection.fetchrow(_READ_POINT, int(chain))
        yield Moment(connection, chain, None if row is None else ReadPoint(*row))
