"""Taking back what orphaned blocks said, so that the tables are as if those blocks had never been read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import asyncpg

from mercato.kit.postgres import Connection
from mercato.services.catalog.model.fold import CollectionFold, Fold, Movement, Sum, TokenFold, fold
from mercato.services.catalog.store.arrays import numerics
from mercato.services.catalog.store.collections import Collections
from mercato.services.catalog.store.metadata import Metadata
from mercato.services.catalog.store.movements import Movements

_FACT_TABLES = (
    "collection_bindings", "collection_roles", "collection_mint_config", "collection_owners", "collection_royalties",
    "activities",
)  # fmt: skip

_TAKE_TRANSFERS = """
DELETE FROM ownership_transfers WHERE block_ref = ANY($1::bigint[])
RETURNING block_ref, collection_ref, log_index, batch_index, token_id::text, sender, recipient, tx_hash, operator,
    amount::text
"""
_TAKE_FACTS = "DELETE FROM {table} WHERE block_ref = ANY($1::bigint[]) RETURNING collection_ref"

_REDUCE_BALANCES = """
UPDATE token_balances b SET
    amount = b.amount - i.amount,
    moves = b.moves - i.moves,
    last_block_ref = coalesce(greatest(
        (SELECT x.block_ref FROM ownership_transfers x
         WHERE x.collection_ref = b.collection_ref AND x.token_id = b.token_id AND x.sender = b.owner
            AND x.amount IS NOT NULL ORDER BY x.block_ref DESC LIMIT 1),
        (SELECT x.block_ref FROM ownership_transfers x
         WHERE x.collection_ref = b.collection_ref AND x.token_id = b.token_id AND x.recipient = b.owner
            AND x.amount IS NOT NULL ORDER BY x.block_ref DESC LIMIT 1)
    ), b.last_block_ref)
FROM unnest($1::int[], $2::text::numeric[], $3::bytea[], $4::text::numeric[], $5::int[])
    AS i (collection_ref, token_id, owner, amount, moves)
WHERE b.collection_ref = i.collection_ref AND b.token_id = i.token_id AND b.owner = i.owner
"""
_DROP_BALANCES = """
DELETE FROM token_balances b USING unnest($1::int[], $2::text::numeric[], $3::bytea[])
    AS i (collection_ref, token_id, owner)
WHERE b.collection_ref = i.collection_ref AND b.token_id = i.token_id AND b.owner = i.owner AND b.moves = 0
"""
_DROP_HOLDERS = """
DELETE FROM collection_holders h USING unnest($1::int[], $2::bytea[]) AS i (collection_ref, owner)
WHERE h.collection_ref = i.collection_ref AND h.owner = i.owner AND h.moves = 0
"""
_RESTORE_TOKENS = """
UPDATE tokens t SET
    supply = t.supply - i.supply,
    owner = moved.recipient, moved_block_ref = moved.block_ref,
    moved_log_index = moved.log_index, moved_batch_index = moved.batch_index,
    minted_block_ref = minted.block_ref
FROM unnest($1::int[], $2::text::numeric[], $3::text::numeric[]) AS i (collection_ref, token_id, supply)
LEFT JOIN LATERAL (
    SELECT x.recipient, x.block_ref, x.log_index, x.batch_index FROM ownership_transfers x
    WHERE x.collection_ref = i.collection_ref AND x.token_id = i.token_id AND x.amount IS NULL
    ORDER BY x.block_ref DESC, x.log_index DESC, x.batch_index DESC LIMIT 1
) moved ON true
LEFT JOIN LATERAL (
    SELECT x.block_ref FROM ownership_transfers x
    WHERE x.collection_ref = i.collection_ref AND x.token_id = i.token_id AND x.sender IS NULL
    ORDER BY x.block_ref LIMIT 1
) minted ON true
WHERE t.collection_ref = i.collection_ref AND t.token_id = i.token_id
"""
_DROP_TOKENS = """
DELETE FROM tokens t USING unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
WHERE t.collection_ref = i.collection_ref AND t.token_id = i.token_id AND NOT EXISTS (
    SELECT FROM ownership_transfers x WHERE x.collection_ref = i.collection_ref AND x.token_id = i.token_id)
RETURNING t.collection_ref, t.token_id::text
"""
# Only where ERC-1155 units were taken back can a collection cease to have moved as one.
_UNCOUNT = """
UPDATE collections c SET
    token_count = token_count - i.tokens,
    holder_count = holder_count + i.holders,
    supply = c.supply - i.supply,
    moved_as = CASE
        WHEN NOT EXISTS (SELECT FROM ownership_transfers x WHERE x.collection_ref = i.collection_ref) THEN 0
        WHEN i.multi AND NOT EXISTS (
            SELECT FROM ownership_transfers x WHERE x.collection_ref = i.collection_ref AND x.amount IS NOT NULL) THEN 1
        ELSE moved_as
    END
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::text::numeric[], $5::bool[])
    AS i (collection_ref, tokens, holders, supply, multi)
WHERE c.collection_ref = i.collection_ref
"""
_DROP_COLLECTIONS = f"""
DELETE FROM collections c WHERE c.collection_ref = ANY($1::int[])
    AND NOT EXISTS (SELECT FROM ownership_transfers x WHERE x.collection_ref = c.collection_ref)
    {
    " ".join(
        f"AND NOT EXISTS (SELECT FROM {table} x WHERE x.collection_ref = c.collection_ref)" for table in _FACT_TABLES
    )
}
RETURNING c.collection_ref
"""
_OF_COLLECTION = ("metadata_requests", "nft_flags")
_DROP_OF_COLLECTION = "DELETE FROM {table} WHERE collection_ref = ANY($1::int[])"


class Retractor:
    """Works alone on its chain: the transaction holds the chain's lock exclusively."""

    def __init__(
        self, connection: Connection, collections: Collections, movements: Movements, metadata: Metadata
    ) -> None:
        self._connection = connection
        self._collections = collections
        self._movements = movements
        self._metadata = metadata
        self.has_taken = False
        """Whether rows were taken back, of any collection of the chain."""

    async def take_back(self, blocks: Sequence[int]) -> None:
        """Removes the facts of `blocks` (keys) and restores what the remaining ones say."""
        self.has_taken |= bool(blocks)
        rows = await self._connection.fetch(_TAKE_TRANSFERS, blocks)
        taken = fold(map(_movement, rows))
        await self._reduce(taken)
        described: set[int] = set()
        for table in _FACT_TABLES:
            facts = await self._connection.fetch(_TAKE_FACTS.format(table=table), blocks)
            described |= {row["collection_ref"] for row in facts}
        await self._collections.refresh(described)
        await self._drop_collections(described | set(taken.collections))

    async def _reduce(self, taken: Fold) -> None:
        if not taken.collections:
            return
        await self._reduce_balances(taken.balances)
        holders = await self._reduce_holders(taken.holders)
        tokens = await self._restore_tokens(taken.tokens)
        await self._uncount(taken.collections, tokens, holders)

    async def _reduce_balances(self, balances: Mapping[tuple[int, str, bytes], Sum]) -> None:
        if balances:
            refs, token_ids, owners = zip(*balances, strict=True)
            key = (refs, numerics(token_ids), owners)
            amounts = numerics(total.units for total in balances.values())
            moves = [total.moves for total in balances.values()]
            await self._connection.execute(_REDUCE_BALANCES, *key, amounts, moves)
            await self._connection.execute(_DROP_BALANCES, *key)

    async def _reduce_holders(self, holders: Mapping[tuple[int, bytes], Sum]) -> Mapping[int, int]:
        change = await self._movements.add_to_holders({key: total.negated() for key, total in holders.items()})
        if holders:
            await self._connection.execute(_DROP_HOLDERS, *zip(*holders, strict=True))
        return change

    async def _restore_tokens(self, tokens: Mapping[tuple[int, str], TokenFold]) -> Mapping[int, int]:
        """Counts the tokens that are gone, per collection."""
        refs, ids = zip(*tokens, strict=True)
        token_ids = numerics(ids)
        supplies = numerics(token.supply for token in tokens.values())
        await self._connection.execute(_RESTORE_TOKENS, refs, token_ids, supplies)
        gone = [tuple(row) for row in await self._connection.fetch(_DROP_TOKENS, refs, token_ids)]
        if gone:
            await self._metadata.forget(gone)
        return Counter(collection_ref for collection_ref, _ in gone)

    async def _uncount(
        self, collections: Mapping[int, CollectionFold], tokens: Mapping[int, int], holders: Mapping[int, int]
    ) -> None:
        await self._connection.execute(
            _UNCOUNT,
            list(collections),
            [tokens.get(ref, 0) for ref in collections],
            [holders.get(ref, 0) for ref in collections],
            numerics(c.supply for c in collections.values()),
            [c.multi for c in collections.values()],
        )

    async def _drop_collections(self, touched: set[int]) -> None:
        gone = [row["collection_ref"] for row in await self._connection.fetch(_DROP_COLLECTIONS, touched)]
        for table in _OF_COLLECTION if gone else ():
            await self._connection.execute(_DROP_OF_COLLECTION.format(table=table), gone)


def _movement(row: asyncpg.Record) -> Movement:
    *columns, amount = row
    return Movement._make((*columns, None if amount is None else int(amount)))
