"""Tokens with their owners, documents and traits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.metadata import PENDING
from mercato.services.catalog.model.views import Found, Page, TokenCursor, TokenFilter, TokenView, block_number
from mercato.services.catalog.store.arrays import numerics
from mercato.services.catalog.store.reading import snapshot
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

_SELECT = """
SELECT t.collection_ref, s.chain_number, c.contract, c.standard, t.token_id::text, t.owner, t.supply::text, m.uri,
    m.name, m.description, m.image, m.animation_url, m.state, t.minted_block_ref, b.mined_at
FROM ({keys}) k
JOIN tokens t ON t.collection_ref = k.collection_ref AND t.token_id = k.token_id
JOIN collections c ON c.collection_ref = t.collection_ref
JOIN sync_state s ON s.chain_ref = c.chain_ref
LEFT JOIN token_metadata m ON m.collection_ref = t.collection_ref AND m.token_id = t.token_id
LEFT JOIN blocks b ON b.block_ref = t.minted_block_ref
ORDER BY t.collection_ref, t.token_id
"""
_BATCH = """
SELECT t.collection_ref, t.token_id
FROM unnest($1::bigint[], $2::bytea[], $3::text::numeric[]) AS i (chain_number, contract, token_id)
JOIN sync_state s ON s.chain_number = i.chain_number
JOIN collections c ON c.chain_ref = s.chain_ref AND c.contract = i.contract
JOIN tokens t ON t.collection_ref = c.collection_ref AND t.token_id = i.token_id
"""
_TRAITS = """
SELECT l.collection_ref, l.token_id::text, t.name, v.value
FROM unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
JOIN token_trait_links l ON l.collection_ref = i.collection_ref AND l.token_id = i.token_id
JOIN trait_values v USING (value_ref)
JOIN traits t USING (trait_ref)
ORDER BY t.name, v.value
"""
_FLAGS = """
SELECT f.collection_ref, f.token_id::text, f.flag
FROM unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
JOIN nft_flags f USING (collection_ref, token_id) ORDER BY f.flag
"""
_KEYS = """
SELECT x.collection_ref, x.token_id FROM {table} x WHERE {conditions}
ORDER BY x.collection_ref, x.token_id LIMIT {limit}
"""
_HELD = "SELECT * FROM (({owned}) UNION ({units})) held ORDER BY collection_ref, token_id LIMIT {limit}"
# Collection by collection, so that a chain's tokens are found however few it has among those of the others.
_ACROSS = """
SELECT x.collection_ref, x.token_id FROM collections c CROSS JOIN LATERAL (
    SELECT t.collection_ref, t.token_id FROM tokens t WHERE t.collection_ref = c.collection_ref AND {after_token}
    ORDER BY t.token_id LIMIT {limit}
) x WHERE {conditions} ORDER BY c.collection_ref, x.token_id LIMIT {limit}
"""


class TokenReads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def batch(self, keys: Sequence[tuple[ChainId, Address, str]]) -> Found[TokenView]:
        """Unknown ones are left out."""
        if not keys:
            return Found((), ())
        chains, contracts, token_ids = zip(*dict.fromkeys(keys), strict=True)
        return await self._views(_BATCH, Arguments(chains, contracts, numerics(token_ids)), set(chains))

    async def list_tokens(self, asked: TokenFilter, size: int, after: TokenCursor | None) -> Page[TokenView]:
        """By collection and then by id, numerically."""
        arguments = Arguments()
        if asked.owner is not None:
            keys = _held(arguments, asked, asked.owner, size + 1, after)
        elif asked.scope.contract is not None:
            conditions = _conditions(arguments, asked, after)
            keys = _KEYS.format(table="tokens", conditions=all_of(conditions), limit=size + 1)
        else:
            keys = _across(arguments, asked, size + 1, after)
        return Page.of(await self._views(keys, arguments, asked.scope.chains), size)

    async def _views(self, keys: str, arguments: Arguments, chains: Collection[ChainId]) -> Found[TokenView]:
        """What people and documents say of a token is no fact of a block, and read after the rows."""
        found = await snapshot.fetch(self._pool, _SELECT.format(keys=keys), arguments, chains, lambda row: row)
        rows = found.rows
        if not rows:
            return Found((), found.at)
        page = [row["collection_ref"] for row in rows], numerics(row["token_id"] for row in rows)
        traits, flags = defaultdict(list), defaultdict(list)
        for ref, token_id, name, value in await self._pool.fetch(_TRAITS, *page):
            traits[ref, token_id].append((name, value))
        for ref, token_id, flag in await self._pool.fetch(_FLAGS, *page):
            flags[ref, token_id].append(flag)
        keyed = [((row["collection_ref"], row["token_id"]), row) for row in rows]
        return Found([_view(row, traits[key], flags[key]) for key, row in keyed], found.at)


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


def _view(row: asyncpg.Record, traits: Sequence[tuple[str, str]], flags: Sequence[str]) -> TokenView:
    minted_in = row["minted_block_ref"]
    return TokenView(
        ref=(row["collection_ref"], row["token_id"]),
        chain=ChainId(row["chain_number"]),
        contract=Address(row["contract"]),
        standard=Standard(row["standard"]),
        owner=row["owner"],
        supply=max(int(row["supply"]), 0) + (row["owner"] is not None),
        uri=row["uri"] or "",
        name=row["name"] or "",
        description=row["description"] or "",
        image=row["image"] or "",
        animation_url=row["animation_url"] or "",
        metadata_state=row["state"] or PENDING,
        minted_block=None if minted_in is None else block_number(minted_in),
        minted_at=row["mined_at"],
        traits=traits,
        flags=flags,
    )
