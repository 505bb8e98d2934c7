"""Collections with their terms, roles and bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.facts import WHOLE_COLLECTION, MintTerms, Standard
from mercato.services.catalog.model.views import (
    Binding,
    CollectionFilter,
    CollectionView,
    Found,
    Page,
    Role,
    block_number,
)
from mercato.services.catalog.store.reading import snapshot
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

# A collection of which only the configuration is known yet has no standard, and is not shown.
_SELECT = f"""
SELECT c.collection_ref, s.chain_number, c.contract, c.standard, c.name, c.symbol, c.base_uri, c.contract_uri,
    c.creator, c.owner, c.royalty_receiver, c.royalty_bps, c.token_count, c.supply::text, c.holder_count,
    terms.price::text, terms.max_supply::text, terms.per_wallet_limit::text, terms.starts_at::text,
    terms.ends_at::text, terms.allowlist_root, terms.payee,
    granted.roles, granted.accounts, bound.kinds, bound.sources, bound.tx_hashes, bound.block_refs,
    seen.block_ref AS seen_block_ref, seen.tx_hash AS seen_tx_hash, first.mined_at AS created_at
FROM collections c
JOIN sync_state s USING (chain_ref)
LEFT JOIN LATERAL (
    SELECT * FROM collection_mint_config x WHERE x.collection_ref = c.collection_ref AND x.token_id = {WHOLE_COLLECTION}
    ORDER BY block_ref DESC, log_index DESC LIMIT 1
) terms ON true
LEFT JOIN LATERAL (
    SELECT array_agg(role ORDER BY role, account) AS roles, array_agg(account ORDER BY role, account) AS accounts
    FROM (
        SELECT DISTINCT ON (role, account) role, account, granted FROM collection_roles x
        WHERE x.collection_ref = c.collection_ref ORDER BY role, account, block_ref DESC, log_index DESC
    ) last WHERE last.granted
) granted ON true
LEFT JOIN LATERAL (
    SELECT array_agg(kind ORDER BY block_ref, log_index) AS kinds,
        array_agg(source ORDER BY block_ref, log_index) AS sources,
        array_agg(tx_hash ORDER BY block_ref, log_index) AS tx_hashes,
        array_agg(block_ref ORDER BY block_ref, log_index) AS block_refs
    FROM collection_bindings x WHERE x.collection_ref = c.collection_ref
) bound ON true
LEFT JOIN LATERAL (
    SELECT block_ref, tx_hash FROM ownership_transfers x
    WHERE bound.kinds IS NULL AND x.collection_ref = c.collection_ref
    ORDER BY x.block_ref, x.log_index, x.batch_index LIMIT 1
) seen ON true
LEFT JOIN blocks first ON first.block_ref = coalesce(bound.block_refs[1], seen.block_ref)
WHERE c.standard > 0
"""
_BATCH = """
SELECT page.* FROM unnest($1::bigint[], $2::bytea[]) AS i (chain_number, contract)
CROSS JOIN LATERAL ({select} AND s.chain_number = i.chain_number AND c.contract = i.contract) page
"""


class CollectionReads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def batch(self, keys: Sequence[tuple[ChainId, Address]]) -> Found[CollectionView]:
        """Unknown ones are left out."""
        if not keys:
            return Found((), ())
        chains, contracts = zip(*dict.fromkeys(keys), strict=True)
        statement = _BATCH.format(select=_SELECT)
        return await snapshot.fetch(self._pool, statement, Arguments(chains, contracts), set(chains), _view)

    async def list_collections(self, asked: CollectionFilter, size: int, after: int | None) -> Page[CollectionView]:
        """Those that came last to this catalog first; `after` is the key of the last row seen."""
        arguments = Arguments()
        conditions = in_scope(arguments, asked.scope, "c")
        if asked.creator is not None:
            conditions.append(f"c.creator = {arguments(asked.creator, 'bytea')}")
        if asked.owner is not None:
            conditions.append(f"c.owner = {arguments(asked.owner, 'bytea')}")
        if asked.standard is not Standard.UNKNOWN:
            conditions.append(f"c.standard = {arguments(int(asked.standard), 'smallint')}")
        if asked.name_contains:
            conditions.append(f"c.name ILIKE {arguments(_pattern(asked.name_contains), 'text')}")
        if after is not None:
            conditions.append(f"c.collection_ref < {arguments(after, 'int')}")
        statement = f"{_SELECT} AND {all_of(conditions)} ORDER BY c.collection_ref DESC LIMIT {size + 1}"
        return Page.of(await snapshot.fetch(self._pool, statement, arguments, asked.scope.chains, _view), size)


def _pattern(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\0", "")
    return f"%{escaped}%"


def _view(row: asyncpg.Record) -> CollectionView:
    return CollectionView(
        ref=row["collection_ref"],
        chain=ChainId(row["chain_number"]),
        contract=Address(row["contract"]),
        standard=Standard(row["standard"]),
        name=row["name"],
        symbol=row["symbol"],
        base_uri=row["base_uri"],
        contract_uri=row["contract_uri"],
        creator=row["creator"] or b"",
        owner=row["owner"] or b"",
        royalty_receiver=row["royalty_receiver"] or b"",
        royalty_bps=row["royalty_bps"],
        mint_terms=_terms(row),
        roles=[Role(*grant) for grant in _together(row, "roles", "accounts")],
        bindings=_bindings(row),
        token_count=row["token_count"],
        supply=max(int(row["supply"]), 0),
        holder_count=row["holder_count"],
        created_at=row["created_at"],
    )


def _terms(row: asyncpg.Record) -> MintTerms | None:
    if row["price"] is None:
        return None
    return MintTerms(
        token_id=WHOLE_COLLECTION,
        price=int(row["price"]),
        max_supply=int(row["max_supply"]),
        per_wallet_limit=int(row["per_wallet_limit"]),
        starts_at=int(row["starts_at"]),
        ends_at=int(row["ends_at"]),
        allowlist_root=row["allowlist_root"] or b"",
        payee=row["payee"] or b"",
    )


def _bindings(row: asyncpg.Record) -> list[Binding]:
    if row["kinds"] is None and row["seen_block_ref"] is not None:
        return [Binding("seen", b"", row["seen_tx_hash"], block_number(row["seen_block_ref"]))]
    return [
        Binding(kind, source or b"", tx_hash or b"", block_number(block_ref))
        for kind, source, tx_hash, block_ref in _together(row, "kinds", "sources", "tx_hashes", "block_refs")
    ]


def _together(row: asyncpg.Record, *names: str) -> list[tuple[Any, ...]]:
    """Arrays of one aggregate, element by element; an empty aggregate is NULL."""
    return list(zip(*(row[name] or () for name in names), strict=True))
