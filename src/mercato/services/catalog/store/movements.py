"""Transfers, and what follows from them: owners, supplies, balances, holders and counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from mercato.kit.postgres import Connection
from mercato.services.catalog.model.fold import CollectionFold, Fold, Movement, NewTokens, Sum, TokenFold
from mercato.services.catalog.store.arrays import numerics, sparse

_COLUMNS = (
    "block_ref", "collection_ref", "log_index", "batch_index", "token_id", "sender", "recipient", "tx_hash", "operator",
    "amount",
)  # fmt: skip

_KNOWN = """
SELECT block_ref, log_index, batch_index FROM ownership_transfers WHERE block_ref = ANY($1::bigint[])
"""
# xmax is 0 in a row version that an insert made and not in one that an update made.
_UPSERT_TOKENS = """
WITH written AS (
    INSERT INTO tokens AS t (collection_ref, token_id, moved_block_ref, moved_log_index, moved_batch_index, owner,
        minted_block_ref, supply)
    SELECT * FROM unnest($1::text::int[], $2::text::numeric[], $3::text::bigint[], $4::text::int[], $5::text::int[],
        $6::bytea[], $7::text::bigint[], $8::text::numeric[])
    ON CONFLICT (collection_ref, token_id) DO UPDATE SET
        owner = CASE WHEN {newer} THEN excluded.owner ELSE t.owner END,
        moved_block_ref = CASE WHEN {newer} THEN excluded.moved_block_ref ELSE t.moved_block_ref END,
        moved_log_index = CASE WHEN {newer} THEN excluded.moved_log_index ELSE t.moved_log_index END,
        moved_batch_index = CASE WHEN {newer} THEN excluded.moved_batch_index ELSE t.moved_batch_index END,
        minted_block_ref = least(t.minted_block_ref, excluded.minted_block_ref),
        supply = t.supply + excluded.supply
    RETURNING collection_ref, token_id, xmax = 0 AS is_new
)
SELECT collection_ref, count(*) AS tokens,
    array_agg(token_id::text ORDER BY token_id) FILTER (WHERE collection_ref = ANY($9::int[])) AS token_ids
FROM written WHERE is_new GROUP BY collection_ref
""".replace(
    "{newer}",
    "(excluded.moved_block_ref, excluded.moved_log_index, excluded.moved_batch_index)"
    " > (coalesce(t.moved_block_ref, -1), t.moved_log_index, t.moved_batch_index)",
)
_UPSERT_BALANCES = """
INSERT INTO token_balances AS b (collection_ref, token_id, owner, amount, moves, last_block_ref)
SELECT * FROM unnest($1::int[], $2::text::numeric[], $3::bytea[], $4::text::numeric[], $5::int[], $6::bigint[])
ON CONFLICT (collection_ref, token_id, owner) DO UPDATE SET
    amount = b.amount + excluded.amount,
    moves = b.moves + excluded.moves,
    last_block_ref = greatest(b.last_block_ref, excluded.last_block_ref)
"""
# An account becomes or ceases to be a holder when its units cross zero.
_UPSERT_HOLDERS = """
WITH change (collection_ref, owner, units, moves) AS MATERIALIZED (
    SELECT * FROM unnest($1::text::int[], $2::bytea[], $3::text::numeric[], $4::text::int[])
), written AS (
    INSERT INTO collection_holders AS h (collection_ref, owner, units, moves) SELECT * FROM change
    ON CONFLICT (collection_ref, owner) DO UPDATE SET
        units = h.units + excluded.units,
        moves = h.moves + excluded.moves
    RETURNING collection_ref, owner, units
)
SELECT collection_ref,
    count(*) FILTER (WHERE w.units > 0 AND w.units <= c.units)
        - count(*) FILTER (WHERE w.units <= 0 AND w.units > c.units) AS holders
FROM written w JOIN change c USING (collection_ref, owner)
GROUP BY collection_ref
"""
_COUNT = """
UPDATE collections c SET
    token_count = c.token_count + i.tokens,
    holder_count = c.holder_count + i.holders,
    supply = c.supply + i.supply,
    moved_as = greatest(c.moved_as, i.moved_as)
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::text::numeric[], $5::smallint[])
    AS i (collection_ref, tokens, holders, supply, moved_as)
WHERE c.collection_ref = i.collection_ref
"""


class Movements:
    """Transfers of collections that this transaction has locked: nobody else writes to them meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def without_known(self, movements: Sequence[Movement]) -> list[Movement]:
        """Those of `movements` that are not stored yet, each once."""
        blocks = {move.block_ref for move in movements}
        seen: set[tuple[int, int, int]] = {tuple(row) for row in await self._connection.fetch(_KNOWN, blocks)}
        fresh = []
        for move in movements:
            position = (move.block_ref, move.log_index, move.batch_index)
            if position not in seen:
                seen.add(position)
                fresh.append(move)
        return fresh

    async def insert(self, fresh: Iterable[Movement]) -> None:
        """Appends transfers by COPY; every one must be new."""
        await self._connection.copy_to_table(
            "ownership_transfers", source=_lines(fresh), columns=_COLUMNS, format="text"
        )

    async def apply(self, change: Fold, listing: Sequence[int]) -> Mapping[int, NewTokens]:
        """Adds a fold of new transfers to everything that follows from them. Tells the new tokens per collection, by id
        for the collections in `listing`."""
        new_tokens = await self._apply_tokens(change.tokens, listing)
        await self._apply_balances(change.balances)
        holders = await self.add_to_holders(change.holders)
        await self._count(change.collections, new_tokens, holders)
        return new_tokens

    async def _apply_tokens(
        self, tokens: Mapping[tuple[int, str], TokenFold], listing: Sequence[int]
    ) -> dict[int, NewTokens]:
        collections, token_ids = zip(*tokens, strict=True)
        last = [token.last for token in tokens.values()]
        rows = await self._connection.fetch(
            _UPSERT_TOKENS,
            numerics(collections),
            numerics(token_ids),
            sparse(move and move.block_ref for move in last),
            sparse(move and move.log_index for move in last),
            sparse(move and move.batch_index for move in last),
            [move and move.recipient for move in last],
            sparse(token.minted_block_ref for token in tokens.values()),
            numerics(token.supply for token in tokens.values()),
            listing,
        )
        return {row["collection_ref"]: NewTokens(row["tokens"], row["token_ids"] or ()) for row in rows}

    async def _apply_balances(self, balances: Mapping[tuple[int, str, bytes], Sum]) -> None:
        if balances:
            collections, token_ids, owners = zip(*balances, strict=True)
            await self._connection.execute(
                _UPSERT_BALANCES,
                collections,
                numerics(token_ids),
                owners,
                numerics(total.units for total in balances.values()),
                [total.moves for total in balances.values()],
                [total.last_block_ref for total in balances.values()],
            )

    async def add_to_holders(self, holders: Mapping[tuple[int, bytes], Sum]) -> dict[int, int]:
        """Adds units to what accounts hold of collections; by how much each collection's number of holders changes."""
        if not holders:
            return {}
        collections, owners = zip(*holders, strict=True)
        rows = await self._connection.fetch(
            _UPSERT_HOLDERS,
            numerics(collections),
            owners,
            numerics(total.units for total in holders.values()),
            numerics(total.moves for total in holders.values()),
        )
        return {row["collection_ref"]: row["holders"] for row in rows}

    async def _count(
        self,
        collections: Mapping[int, CollectionFold],
        new_tokens: Mapping[int, NewTokens],
        holders: Mapping[int, int],
    ) -> None:
        none = NewTokens(0, ())
        await self._connection.execute(
            _COUNT,
            list(collections),
            [new_tokens.get(ref, none).number for ref in collections],
            [holders.get(ref, 0) for ref in collections],
            numerics(c.supply for c in collections.values()),
            [2 if c.multi else 1 for c in collections.values()],
        )


async def _lines(movements: Iterable[Movement]) -> AsyncIterator[bytes]:
    """Rows in COPY's text form; a bytea is ``\\x`` and hex, its backslash doubled."""
    yield "".join(
        f"{m.block_ref}\t{m.collection_ref}\t{m.log_index}\t{m.batch_index}\t{m.token_id}"
        f"\t{_bytea(m.sender)}\t{_bytea(m.recipient)}\t{_bytea(m.tx_hash)}\t{_bytea(m.operator)}"
        f"\t{chr(92) + 'N' if m.amount is None else m.amount}\n"
        for m in movements
    ).encode()


def _bytea(value: bytes | None) -> str:
    return r"\N" if value is None else rf"\\x{value.hex()}"
