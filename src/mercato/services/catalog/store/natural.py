"""The tables that follow from the chain, their rows named as anybody could name them: by contract, block hash and log.

Two databases that were filled from the same facts number chains, collections and forks differently; by natural keys
their rows are the same, to the letter. What people or documents said (flags, metadata, traits) is not of the chain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from mercato.kit.errors import NotFound
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Connection, Database

_BLOCK = "lpad({0}.number::text, 10, '0') || ' 0x' || encode({0}.hash, 'hex')"
_CONTRACT = "'0x' || encode(c.contract, 'hex')"
_LOG = f"{_CONTRACT} || ' block ' || {_BLOCK.format('b')} || ' log ' || t.log_index"
_OWNER = "' of 0x' || encode(t.owner, 'hex')"
_COLLECTION = "JOIN collections c USING (collection_ref)"
_PLACED = f"{_COLLECTION} JOIN blocks b USING (block_ref)"


def _select(table: str, key: str, columns: str, joins: str = "", where: str = "c.chain_ref = $1") -> str:
    """Rows of `table` (as t) as one text each. A column is a name, or a name and its expression after a colon."""
    pairs = [column.partition(":")[::2] for column in columns.split()]
    row = ", ".join(f"'{name}', {how or 't.' + name}" for name, how in pairs)
    return f"SELECT {key} AS key, jsonb_build_object({row})::text AS value FROM {table} t {joins} WHERE {where}"


def _facts(table: str, columns: str, key: str = _LOG) -> str:
    """Rows that name the block they stand in."""
    return _select(table, key, columns, _PLACED)


TABLES: Mapping[str, str] = {
    "blocks": _select("blocks", _BLOCK.format("t"), "mined_at", where="t.chain_ref = $1 AND NOT t.orphaned"),
    "collections": _select(
        "collections",
        "'0x' || encode(t.contract, 'hex')",
        "created_as moved_as followed name symbol base_uri contract_uri creator owner royalty_receiver royalty_bps"
        " token_count holder_count supply",
        where="t.chain_ref = $1",
    ),
    "collection_bindings": _facts(
        "collection_bindings", "kind source tx_hash creator standard salt name symbol base_uri contract_uri"
    ),
    "collection_roles": _facts("collection_roles", "role account granted"),
    "collection_mint_config": _facts(
        "collection_mint_config",
        "token_id price max_supply per_wallet_limit starts_at ends_at allowlist_root payee",
    ),
    "collection_owners": _facts("collection_owners", "owner"),
    "collection_royalties": _facts("collection_royalties", "receiver bps"),
    "activities": _facts("activities", "kind account tx_hash"),
    "ownership_transfers": _facts(
        "ownership_transfers",
        "token_id sender recipient tx_hash operator amount",
        f"{_LOG} || '.' || t.batch_index",
    ),
    "tokens": _select(
        "tokens",
        f"{_CONTRACT} || ' token ' || t.token_id",
        "owner supply moved_block:encode(m.hash,'hex') moved_log_index moved_batch_index"
        " minted_block:encode(n.hash,'hex')",
        f"{_COLLECTION} LEFT JOIN blocks m ON m.block_ref = t.moved_block_ref"
        " LEFT JOIN blocks n ON n.block_ref = t.minted_block_ref",
    ),
    "token_balances": _select(
        "token_balances",
        f"{_CONTRACT} || ' token ' || t.token_id || {_OWNER}",
        "amount moves last_block:encode(b.hash,'hex')",
        f"{_COLLECTION} LEFT JOIN blocks b ON b.block_ref = t.last_block_ref",
    ),
    "collection_holders": _select("collection_holders", f"{_CONTRACT} || {_OWNER}", "units moves", _COLLECTION),
}
"""By name, a statement with `key` (natural, unique) and `value` (the rest of the row); $1 is the chain's small key."""

_FACT_TABLES = (
    "collection_bindings", "collection_roles", "collection_mint_config", "collection_owners", "collection_royalties",
    "ownership_transfers",
)  # fmt: skip

# A sum of row hashes is the same in every order, so no table is sorted for it.
_FINGERPRINT = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0) AS high,
    coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0) AS low
FROM (SELECT md5(key || E'\\n' || value) AS h FROM ({table}) rows) hashed
"""
_READ_POINT = """
SELECT generation, block_number, block_hash, finalized FROM sync_state
WHERE chain_number = $1 AND block_number IS NOT NULL
"""
_PREFETCH = 1_000


@dataclass(frozen=True)
class ReadPoint:
    """The block a chain's rows are true at; `finalized` is the highest block that no fork may reach."""

    chain: ChainId
    number: int
    hash: bytes
    finalized: int | None
    generation: int

    @property
    def finality(self) -> str:
        """``final``, or ``not final`` while a fork may still take the block away."""
        return "final" if self.finalized is not None and self.number <= self.finalized else "not final"


@dataclass(frozen=True)
class Fingerprint:
    """How many rows a table has, and one hash over all of them: equal when the sets of rows are."""

    rows: int
    digest: str


class NaturalTables:
    """One chain's tables in one transaction, which sees one moment."""

    def __init__(self, connection: Connection, chain_ref: int) -> None:
        self._connection = connection
        self._chain_ref = chain_ref

    async def fingerprint(self, table: str) -> Fingerprint:
        row = await self._connection.fetchrow(_FINGERPRINT.format(table=TABLES[table]), self._chain_ref)
        assert row is not None
        return Fingerprint(row["rows"], sha256(f"{row['high']} {row['low']}".encode()).hexdigest()[:16])

    async def stream(self, table: str) -> AsyncIterator[tuple[str, str]]:
        """Key and value of each row, by key in the order of its bytes."""
        ordered = f'SELECT key, value FROM ({TABLES[table]}) named ORDER BY key COLLATE "C"'
        async for row in self._connection.cursor(ordered, self._chain_ref, prefetch=_PREFETCH):
            yield row["key"], row["value"]

    async def count_facts(self) -> int:
        """Rows that are facts, not what follows from them."""
        total = 0
        for table in _FACT_TABLES:
            statement = f"SELECT count(*) FROM {table} {_COLLECTION} WHERE c.chain_ref = $1"
            total += await self._connection.fetchval(statement, self._chain_ref)
        return total

    async def newest_block(self) -> int:
        """The highest block that any fact names; -1 without one."""
        found: int = await self._connection.fetchval(
            "SELECT coalesce(max(number), -1) FROM blocks WHERE chain_ref = $1 AND NOT orphaned", self._chain_ref
        )
        return found

    async def has_any(self, hashes: list[bytes]) -> bool:
        """True when a fact of one of these blocks was applied."""
        found: bool = await self._connection.fetchval(
            "SELECT EXISTS (SELECT FROM blocks WHERE chain_ref = $1 AND hash = ANY($2::bytea[]))",
            self._chain_ref, hashes,
        )  # fmt: skip
        return found


@dataclass(frozen=True)
class Moment:
    """A chain's rows as one transaction sees them, and the block they are true at; None before the first."""

    connection: Connection
    chain_ref: int
    point: ReadPoint | None

    @property
    def tables(self) -> NaturalTables:
        return NaturalTables(self.connection, self.chain_ref)


@asynccontextmanager
async def at_one_moment(database: Database, chain: ChainId) -> AsyncIterator[Moment]:
    """Reads one chain in one transaction.

    Raises `NotFound` CHAIN_NOT_CATALOGUED.
    """
    async with (
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        chain_ref = await connection.fetchval("SELECT chain_ref FROM sync_state WHERE chain_number = $1", chain)
        if chain_ref is None:
            raise NotFound("CHAIN_NOT_CATALOGUED", f"the catalog has nothing of {chain.caip2}")
        yield Moment(connection, chain_ref, await _read_point(connection, chain))


async def list_chains(database: Database) -> list[ChainId]:
    """The chains that have a read point, by number."""
    statement = "SELECT chain_number FROM sync_state WHERE block_number IS NOT NULL ORDER BY chain_number"
    return [ChainId(row["chain_number"]) for row in await database.pool.fetch(statement)]


async def _read_point(connection: Connection, chain: ChainId) -> ReadPoint | None:
    row = await connection.fetchrow(_READ_POINT, chain)
    if row is None:
        return None
    return ReadPoint(chain, row["block_number"], row["block_hash"], row["finalized"], row["generation"])
