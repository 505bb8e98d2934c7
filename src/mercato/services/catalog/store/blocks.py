"""Blocks and chains: the small keys that stand for them, and which blocks are orphaned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from mercato.kit.postgres import Connection
from mercato.services.catalog.model.facts import Block, Retraction

_NEVER_PUBLISHED = -1

_SELECT = """
SELECT hash, block_ref, published_in, orphaned_in FROM blocks WHERE chain_ref = $1 AND hash = ANY($2::bytea[])
"""
# A block's place among those of its height is how many came before it. Two transactions that choose the same place
# meet in the primary key; the later one waits, inserts nothing, and looks again.
_INSERT = """
INSERT INTO blocks (chain_ref, number, fork, hash, mined_at, published_in, orphaned_in)
SELECT $1, i.number, (
    SELECT count(*) FROM blocks
    WHERE block_ref BETWEEN ($1::smallint::bigint << 48) | (i.number << 8)
        AND ($1::smallint::bigint << 48) | (i.number << 8) | 255
), i.hash, i.mined_at, $5, $6
FROM unnest($2::bigint[], $3::bytea[], $4::timestamptz[]) AS i (number, hash, mined_at)
ORDER BY i.number, i.hash
ON CONFLICT DO NOTHING
RETURNING hash, block_ref, published_in, orphaned_in
"""
_PUBLISH = "UPDATE blocks SET published_in = $2 WHERE block_ref = ANY($1::bigint[]) AND published_in < $2"
_ORPHAN = """
UPDATE blocks SET orphaned_in = greatest(orphaned_in, $2) WHERE block_ref = ANY($1::bigint[])
RETURNING block_ref, orphaned
"""

# A fork says nothing of the horizon, so it is unknown until the next advance.
_RETREAT = """
UPDATE sync_state SET
    generation = $2, block_number = $3, block_hash = $4, mined_at = $5, observed_at = now(),
    head = NULL, safe = NULL, finalized = NULL
WHERE chain_ref = $1 AND generation < $2
"""


@dataclass(frozen=True)
class _Known:
    block_ref: int
    published_in: int
    orphaned_in: int


class Blocks:
    """The blocks of one chain, inside one transaction."""

    def __init__(self, connection: Connection, chain_ref: int) -> None:
        self._connection = connection
        self._chain_ref = chain_ref

    async def publish(self, blocks: Sequence[Block], generation: int) -> list[int | None]:
        """Keys of `blocks`, in order; None where facts of this generation are late because the block has been orphaned
        since."""
        known = await self._known(blocks, generation, 0)
        older = [k.block_ref for k in known.values() if k.published_in < generation]
        if older:
            await self._connection.execute(_PUBLISH, older, generation)
        found = [known[block.hash] for block in blocks]
        return [None if generation < k.orphaned_in else k.block_ref for k in found]

    async def orphan(self, retraction: Retraction) -> list[int]:
        """Marks blocks as orphaned; keys of those whose facts must go: not of those published again since."""
        known = await self._known(retraction.orphaned, _NEVER_PUBLISHED, retraction.generation)
        refs = [k.block_ref for k in known.values()]
        rows = await self._connection.fetch(_ORPHAN, refs, retraction.generation)
        return [row["block_ref"] for row in rows if row["orphaned"]]

    async def retreat(self, retraction: Retraction) -> None:
        """Moves the read point back to the common ancestor, unless a newer statement has moved it."""
        block = retraction.ancestor
        await self._connection.execute(
            _RETREAT, self._chain_ref, retraction.generation, block.number, block.hash, block.mined_at
        )

    async def _known(self, blocks: Sequence[Block], published_in: int, orphaned_in: int) -> Mapping[bytes, _Known]:
        """What is stored of `blocks`, which are added where they are not there."""
        missing = {block.hash: block for block in blocks}
        known: dict[bytes, _Known] = {}
        while missing:
            rows = await self._connection.fetch(_SELECT, self._chain_ref, missing.keys())
            known |= _by_hash(rows)
            missing = {block.hash: block for block in blocks if block.hash not in known}
            if missing:
                numbers, hashes, times = zip(*missing.values(), strict=True)
                rows = await self._connection.fetch(
                    _INSERT, self._chain_ref, numbers, hashes, times, published_in, orphaned_in
                )
                known |= _by_hash(rows)
                missing = {block.hash: block for block in blocks if block.hash not in known}
        return known


def _by_hash(rows: Iterable[asyncpg.Record]) -> dict[bytes, _Known]:
    return {row["hash"]: _Known(row["block_ref"], row["published_in"], row["orphaned_in"]) for row in rows}
