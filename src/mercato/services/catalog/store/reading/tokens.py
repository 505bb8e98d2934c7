"""Tokens with their owners, documents and traits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mercato.kit.ids import UINT256_MAX, ZERO_ADDRESS, Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.metadata import PENDING
from mercato.services.catalog.model.views import (
    FORK_BITS,
    HEIGHT_BITS,
    FoundTokens,
    TokenColumns,
    TokenCursor,
    TokenFilter,
    TokenPage,
)
from mercato.services.catalog.store.arrays import numerics
from mercato.services.catalog.store.reading import snapshot
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

# One statement, and so one snapshot; one row, in which a column is an array, so that nothing is done for each token on
# the way to the wire. The order of a page is that of `n`; aggregates take their input in the order of the sub-select.
# A generic plan serves every page, so its shape must not hang on estimates: a minting block is a sub-select and traits
# are found behind OFFSET 0, which are lookups by key for each row of the page and never a scan of the whole table.
_SELECT = f"""
WITH page AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY t.collection_ref, t.token_id) - 1 AS n, t.collection_ref, t.token_id,
        s.chain_number, c.contract, c.standard, t.owner, t.supply, t.minted_block_ref,
        m.uri, m.name, m.description, m.image, m.animation_url, m.state,
        (SELECT b.mined_at FROM blocks b WHERE b.block_ref = t.minted_block_ref) AS mined_at
    FROM ({{rows}}) t
    JOIN collections c ON c.collection_ref = t.collection_ref
    JOIN sync_state s ON s.chain_ref = c.chain_ref
    LEFT JOIN token_metadata m ON m.collection_ref = t.collection_ref AND m.token_id = t.token_id
), shown AS (
    SELECT array_agg(collection_ref) AS refs, array_agg(chain_number) AS chain_numbers,
        array_agg(contract) AS contracts, array_agg(standard) AS standards, array_agg(token_id::text) AS token_ids,
        array_agg(CASE WHEN standard = {int(Standard.ERC721)} THEN coalesce(owner, '\\x{bytes(ZERO_ADDRESS).hex()}')
            ELSE '' END) AS owners,
        array_agg(least(greatest(supply, 0) + (owner IS NOT NULL)::int, {UINT256_MAX}::numeric)::text) AS supplies,
        array_agg(coalesce(uri, '')) AS uris, array_agg(coalesce(name, '')) AS names,
        array_agg(coalesce(description, '')) AS descriptions, array_agg(coalesce(image, '')) AS images,
        array_agg(coalesce(animation_url, '')) AS animation_urls,
        array_agg(coalesce(state, '{PENDING}')) AS metadata_states,
        array_agg(coalesce((minted_block_ref >> {FORK_BITS}) & {(1 << HEIGHT_BITS) - 1}, 0)) AS minted_blocks,
        array_agg(coalesce(extract(epoch FROM mined_at)::bigint, 0)) AS minted_at
    FROM (SELECT * FROM page ORDER BY n) p
), linked AS MATERIALIZED (
    SELECT page.n, l.value_ref FROM page CROSS JOIN LATERAL (
        SELECT value_ref FROM token_trait_links x
        WHERE x.collection_ref = page.collection_ref AND x.token_id = page.token_id OFFSET 0
    ) l
), described AS (
    SELECT array_agg(n) AS trait_places, array_agg(name) AS trait_names, array_agg(value) AS trait_values
    FROM (
        SELECT linked.n, t.name, v.value
        FROM linked JOIN trait_values v USING (value_ref) JOIN traits t USING (trait_ref)
        ORDER BY linked.n, t.name COLLATE "C", v.value COLLATE "C"
    ) d
), judged AS (
    SELECT array_agg(n) AS flag_places, array_agg(flag) AS flags
    FROM (SELECT page.n, f.flag FROM page JOIN nft_flags f USING (collection_ref, token_id)
        ORDER BY page.n, f.flag COLLATE "C") j
)
SELECT shown.*, described.*, judged.*, points.points FROM shown, described, judged, ({{points}}) points
"""
_BATCH = """
SELECT t.*
FROM unnest($1::bigint[], $2::bytea[], $3::text::numeric[]) AS i (chain_number, contract, token_id)
JOIN sync_state s ON s.chain_number = i.chain_number
JOIN collections c ON c.chain_ref = s.chain_ref AND c.contract = i.contract
JOIN tokens t ON t.collection_ref = c.collection_ref AND t.token_id = i.token_id
"""
_ROWS = """
SELECT x.* FROM tokens x WHERE {conditions}
ORDER BY x.collection_ref, x.token_id LIMIT {limit}
"""
_KEYS = """
SELECT x.collection_ref, x.token_id FROM {table} x WHERE {conditions}
ORDER BY x.collection_ref, x.token_id LIMIT {limit}
"""
_HELD = """
SELECT t.* FROM (
    SELECT * FROM (({owned}) UNION ({units})) both_kinds ORDER BY collection_ref, token_id LIMIT {limit}
) held JOIN tokens t USING (collection_ref, token_id)
"""
# Collection by collection, so that a chain's tokens are found however few it has among those of the others.
_ACROSS = """
SELECT x.* FROM collections c CROSS JOIN LATERAL (
    SELECT t.* FROM tokens t WHERE t.collection_ref = c.collection_ref AND {after_token}
    ORDER BY t.token_id LIMIT {limit}
) x WHERE {conditions} ORDER BY c.collection_ref, x.token_id LIMIT {limit}
"""


class TokenReads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def batch(self, keys: Sequence[tuple[ChainId, Address, str]]) -> FoundTokens:
        """By collection and id; unknown ones are left out."""
        if not keys:
            return FoundTokens(TokenColumns(), ())
        chains, contracts, token_ids = zip(*dict.fromkeys(keys), strict=True)
        return await self._found(_BATCH, Arguments(chains, contracts, numerics(token_ids)), set(chains))

    async def list_tokens(self, asked: TokenFilter, size: int, after: TokenCursor | None) -> TokenPage:
        """By collection and then by id, numerically."""
        arguments = Arguments()
        if asked.owner is not None:
            rows = _held(arguments, asked, asked.owner, size + 1, after)
        elif asked.scope.contract is not None:
            conditions = _conditions(arguments, asked, after)
            rows = _ROWS.format(conditions=all_of(conditions), limit=size + 1)
        else:
            rows = _across(arguments, asked, size + 1, after)
        columns, at = await self._found(rows, arguments, asked.scope.chains)
        return TokenPage(columns.first(size), at, has_next=len(columns.token_ids) > size)

    async def _found(self, rows: str, arguments: Arguments, chains: Collection[ChainId]) -> FoundTokens:
        statement = _SELECT.format(rows=rows, points=snapshot.points(chains, arguments))
        row = await self._pool.fetchrow(statement, *arguments.values)
        assert row is not None, "aggregates always give one row"
        *columns, points = row
        # An aggregate over no rows is NULL.
        return FoundTokens(TokenColumns(*(column or () for column in columns)), snapshot.read_points_of(points))


def _conditions(arguments: Arguments, asked: TokenFilter, after: TokenCursor | None) -> list[str]:
    """On a table `x` that has collection_ref and token_id. Inside one collection the cursor is the token alone: of an
    index column that is pinned and compared in a row, PostgreSQL would start at the pin."""
    conditions = in_scope(arguments, asked.scope, "x")
    if after is not None and asked.scope.contract is not None:
        conditions.append(f"x.token_id > {arguments.numeric(after[1])}")
    elif after is not None:
        ref, token_id = arguments(after[0], "int"), arguments.numeric(after[1])
        conditions.append(f"(x.collection_ref, x.token_id) > ({ref}, {token_id})")
    for trait in asked.traits:
        within = all_of(in_scope(arguments, asked.scope, "t"))
        name, values = arguments(trait.name, "text"), arguments(list(trait.values), "text[]")
        conditions.append(
            "x.token_id IN (SELECT l.token_id FROM traits t JOIN trait_values v USING (trait_ref)"
            " JOIN token_trait_links l USING (value_ref)"
            f" WHERE {within} AND t.name = {name} AND v.value = ANY({values}))"
        )
    return conditions


def _held(arguments: Arguments, asked: TokenFilter, owner: Address, limit: int, after: TokenCursor | None) -> str:
    """Tokens with this ERC-721 owner, and those of which the account holds units."""
    conditions = [f"x.owner = {arguments(owner, 'bytea')}", *_conditions(arguments, asked, after)]
    owned = _KEYS.format(table="tokens", conditions=all_of(conditions), limit=limit)
    units = _KEYS.format(table="token_balances", conditions=all_of([*conditions, "x.amount > 0"]), limit=limit)
    return _HELD.format(owned=owned, units=units, limit=limit)


def _across(arguments: Arguments, asked: TokenFilter, limit: int, after: TokenCursor | None) -> str:
    conditions = in_scope(arguments, asked.scope, "c")
    after_token = "true"
    if after is not None:
        ref, token_id = arguments(after[0], "int"), arguments.numeric(after[1])
        conditions.append(f"c.collection_ref >= {ref}")
        after_token = f"t.token_id > CASE WHEN c.collection_ref = {ref} THEN {token_id} ELSE -1 END"
    return _ACROSS.format(conditions=all_of(conditions), after_token=after_token, limit=limit)
