"""Collections and the facts about them: creations, owners, roles, royalties and sale terms."""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Sequence

import asyncpg

from mercato.kit.postgres import Connection
from mercato.services.catalog.model.collections import LockedCollection, Place
from mercato.services.catalog.model.facts import Creation, Import, MintTerms, Ownership, RoleGrant, Royalty, Standard
from mercato.services.catalog.store.arrays import numerics

# Rows that exist are not tried, so that no identity value is used up for them.
_ADD = """
INSERT INTO collections (chain_ref, contract)
SELECT $1, i.contract FROM unnest($2::bytea[]) AS i (contract)
WHERE NOT EXISTS (SELECT FROM collections c WHERE c.chain_ref = $1 AND c.contract = i.contract)
ORDER BY i.contract
ON CONFLICT DO NOTHING
RETURNING collection_ref
"""
_LOCK = """
SELECT collection_ref, contract, standard, followed, name, creator, token_count FROM collections
WHERE chain_ref = $1 AND contract = ANY($2::bytea[])
ORDER BY collection_ref FOR NO KEY UPDATE
"""
_BIND = """
WITH bound AS (
    INSERT INTO collection_bindings (collection_ref, block_ref, log_index, kind, source, tx_hash, creator, standard,
        salt, name, symbol, base_uri, contract_uri)
    SELECT i.collection_ref, i.block_ref, i.log_index, 'factory', i.source, i.tx_hash, i.creator, i.standard,
        i.salt, i.name, i.symbol, i.base_uri, i.contract_uri
    FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[], $5::bytea[], $6::bytea[], $7::smallint[], $8::bytea[],
        $9::text[], $10::text[], $11::text[], $12::text[]) AS i (collection_ref, block_ref, log_index, source,
        tx_hash, creator, standard, salt, name, symbol, base_uri, contract_uri)
    ON CONFLICT DO NOTHING
    RETURNING collection_ref, block_ref, log_index, creator, tx_hash
), told AS (
    INSERT INTO activities (collection_ref, block_ref, log_index, kind, account, tx_hash)
    SELECT collection_ref, block_ref, log_index, 'collection_created', creator, tx_hash FROM bound
    ON CONFLICT DO NOTHING
)
SELECT block_ref, log_index FROM bound
"""
_BIND_IMPORTS = """
INSERT INTO collection_bindings (collection_ref, block_ref, log_index, kind, source, standard, salt, name, symbol,
    base_uri, contract_uri)
SELECT i.collection_ref, i.block_ref, i.log_index, 'import', i.source, i.standard, '', i.name, i.symbol, '', ''
FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[], $5::smallint[], $6::text[], $7::text[])
    AS i (collection_ref, block_ref, log_index, source, standard, name, symbol)
ON CONFLICT DO NOTHING RETURNING block_ref, log_index
"""
_ADD_OWNERS = """
INSERT INTO collection_owners (collection_ref, block_ref, log_index, owner)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[])
ON CONFLICT DO NOTHING RETURNING block_ref, log_index
"""
_ADD_ROYALTIES = """
INSERT INTO collection_royalties (collection_ref, block_ref, log_index, receiver, bps)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[], $5::bigint[])
ON CONFLICT DO NOTHING RETURNING block_ref, log_index
"""
_ADD_ROLES = """
INSERT INTO collection_roles (collection_ref, block_ref, log_index, role, account, granted)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[], $5::bytea[], $6::bool[])
ON CONFLICT DO NOTHING RETURNING block_ref, log_index
"""
_ADD_TERMS = """
INSERT INTO collection_mint_config (collection_ref, block_ref, log_index, token_id, price, max_supply,
    per_wallet_limit, starts_at, ends_at, allowlist_root, payee)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::int[], $4::text::numeric[], $5::text::numeric[],
    $6::text::numeric[], $7::text::numeric[], $8::text::numeric[], $9::text::numeric[], $10::bytea[],
    $11::bytea[])
ON CONFLICT DO NOTHING RETURNING block_ref, log_index
"""
# What the facts say last, of bindings what a factory says before an import. Without any, the column is as empty as it
# was made.
_REFRESH = """
UPDATE collections c SET
    created_as = b.standard, followed = b.collection_ref IS NOT NULL, creator = b.creator,
    name = coalesce(b.name, ''), symbol = coalesce(b.symbol, ''),
    base_uri = coalesce(b.base_uri, ''), contract_uri = coalesce(b.contract_uri, ''),
    owner = o.owner, royalty_receiver = r.receiver, royalty_bps = coalesce(r.bps, 0)
FROM unnest($1::int[]) AS i (collection_ref)
LEFT JOIN LATERAL (
    SELECT * FROM collection_bindings x WHERE x.collection_ref = i.collection_ref
    ORDER BY kind, block_ref DESC, log_index DESC LIMIT 1
) b ON true
LEFT JOIN LATERAL (
    SELECT owner FROM collection_owners x WHERE x.collection_ref = i.collection_ref
    ORDER BY block_ref DESC, log_index DESC LIMIT 1
) o ON true
LEFT JOIN LATERAL (
    SELECT receiver, bps FROM collection_royalties x WHERE x.collection_ref = i.collection_ref
    ORDER BY block_ref DESC, log_index DESC LIMIT 1
) r ON true
WHERE c.collection_ref = i.collection_ref
RETURNING c.collection_ref, c.contract, c.standard, c.followed, c.name, c.creator, c.token_count
"""


class Collections:
    """The collections of one chain, inside one transaction."""

    def __init__(self, connection: Connection, chain_ref: int) -> None:
        self._connection = connection
        self._chain_ref = chain_ref
        self.held: set[bytes] = set()
        """The contracts whose rows this transaction may have changed."""

    async def add(self, contracts: Some[bytes]) -> set[int]:
        """Makes the collections that are not there; their keys. Call before `lock`, which other transactions wait
        for in the same order."""
        rows = await self._connection.fetch(_ADD, self._chain_ref, contracts)
        return {row["collection_ref"] for row in rows}

    async def lock(self, contracts: Some[bytes]) -> dict[bytes, LockedCollection]:
        """Holds the collections of these contracts, by contract, until the end of the transaction; unknown ones are
        left out. Nothing of a collection is written without holding it, so writers of the same one take turns."""
        rows = await self._connection.fetch(_LOCK, self._chain_ref, contracts)
        self.held.update(row["contract"] for row in rows)
        return {row["contract"]: _locked(row) for row in rows}

    async def bind(self, creations: Sequence[tuple[Place, Creation]]) -> set[tuple[int, int]]:
        """Adds creations and their activities; (block_ref, log_index) of those that were new."""
        rows = [
            (*place, c.factory, c.tx_hash, c.creator, c.standard, c.salt, c.name, c.symbol, c.base_uri, c.contract_uri)
            for place, c in creations
        ]
        return await self._insert(_BIND, rows)

    async def bind_imports(self, imports: Sequence[tuple[Place, Import]]) -> set[tuple[int, int]]:
        """Adds imports; (block_ref, log_index) of those that were new. They are no activity on the chain."""
        rows = [(*place, i.requested_by, i.standard, i.name, i.symbol) for place, i in imports]
        return await self._insert(_BIND_IMPORTS, rows)

    async def add_terms(self, facts: Sequence[tuple[Place, MintTerms]]) -> set[tuple[int, int]]:
        """Adds sale terms; (block_ref, log_index) of those that were new, as the next three do."""
        rows = [(*place, *terms[:6], terms.allowlist_root or None, terms.payee or None) for place, terms in facts]
        return await self._insert(_ADD_TERMS, rows, numeric=range(3, 9))

    async def add_roles(self, facts: Sequence[tuple[Place, RoleGrant]]) -> set[tuple[int, int]]:
        return await self._insert(_ADD_ROLES, [(*place, *grant) for place, grant in facts])

    async def add_owners(self, facts: Sequence[tuple[Place, Ownership]]) -> set[tuple[int, int]]:
        return await self._insert(_ADD_OWNERS, [(*place, *ownership) for place, ownership in facts])

    async def add_royalties(self, facts: Sequence[tuple[Place, Royalty]]) -> set[tuple[int, int]]:
        return await self._insert(_ADD_ROYALTIES, [(*place, *royalty) for place, royalty in facts])

    async def refresh(self, refs: Some[int]) -> dict[int, LockedCollection]:
        """Brings what `collections` repeats of its fact tables up to date; the rows as they are now."""
        return {row["collection_ref"]: _locked(row) for row in await self._connection.fetch(_REFRESH, list(refs))}

    async def _insert(
        self, statement: str, rows: Sequence[tuple[object, ...]], numeric: Some[int] = ()
    ) -> set[tuple[int, int]]:
        """Hands rows to a statement as columns, those at the places `numeric` as numeric[]."""
        if not rows:
            return set()
        columns = [
            numerics(map(str, column)) if place in numeric else column
            for place, column in enumerate(zip(*rows, strict=True))
        ]
        found = await self._connection.fetch(statement, *columns)
        return {(row["block_ref"], row["log_index"]) for row in found}


def _locked(row: asyncpg.Record) -> LockedCollection:
    ref, contract, standard, followed, name, creator, token_count = row
    return LockedCollection(ref, contract, Standard(standard), followed, name, creator, token_count)
