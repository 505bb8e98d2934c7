"""PostgreSQL indexer_db: how far chains are read, recent blocks, forks, followed contracts.

Every write of a reader names its epoch and fails with `LeadershipLost` when another replica has taken over since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Connection, Database
from mercato.services.indexer.model.chain import (
    Advance,
    Block,
    Checkpoint,
    LeadershipLost,
    Progress,
    RecentBlock,
    Reorg,
    State,
)

_TAKE = """
INSERT INTO indexer_checkpoints (chain_id, block_number, finalized, epoch, leader) VALUES ($1, $2, -1, 1, $3)
ON CONFLICT (chain_id) DO UPDATE SET epoch = indexer_checkpoints.epoch + 1, leader = $3, updated_at = now()
RETURNING *
"""
_FENCE = "SELECT generation FROM indexer_checkpoints WHERE chain_id = $1 AND epoch = $2 FOR UPDATE"
_ADVANCE = """
UPDATE indexer_checkpoints SET block_number = $3, block_hash = $4, block_timestamp = $5::bigint,
    head = GREATEST($6::bigint, $3::bigint), finalized = GREATEST(finalized, $7),
    head_timestamp = CASE WHEN $6::bigint > $3::bigint THEN $10::bigint ELSE $5::bigint END,
    facts_published = facts_published + $8, state = $9, reason = '', updated_at = now()
WHERE chain_id = $1 AND epoch = $2
"""
_REPORT = """
UPDATE indexer_checkpoints SET head = COALESCE($3::bigint, head), state = $4, reason = $5, updated_at = now(),
    head_timestamp = CASE WHEN $3::bigint IS NULL THEN head_timestamp ELSE $6::bigint END
WHERE chain_id = $1 AND epoch = $2
"""
_LIST_PROGRESS = """
SELECT c.*, GREATEST(c.block_number, (SELECT max(r.number) FROM recent_blocks r WHERE r.chain_id = c.chain_id)) AS seen
FROM indexer_checkpoints c ORDER BY c.chain_id
"""
_REMEMBER = """
INSERT INTO recent_blocks (chain_id, number, hash, parent_hash, block_timestamp)
SELECT $1, number, hash, parent_hash, block_timestamp
FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[]) AS t (number, hash, parent_hash, block_timestamp)
ON CONFLICT (chain_id, number) DO UPDATE SET hash = EXCLUDED.hash WHERE recent_blocks.hash = EXCLUDED.hash
"""
_STEP_BACK = """
UPDATE indexer_checkpoints SET block_number = $3, block_hash = $4, block_timestamp = $5, generation = $6,
    updated_at = now()
WHERE chain_id = $1 AND epoch = $2
"""
_ORPHAN = """
INSERT INTO orphaned_blocks (chain_id, generation, number, hash, parent_hash, block_timestamp)
SELECT chain_id, $2, number, hash, parent_hash, block_timestamp FROM recent_blocks
WHERE chain_id = $1 AND number > $3
"""
_FOLLOW = """
INSERT INTO followed_contracts (chain_id, address, from_block, source)
SELECT $1, address, from_block, 'factory' FROM unnest($2::bytea[], $3::bigint[]) AS t (address, from_block)
ON CONFLICT DO NOTHING
"""

_TOLD = """
SELECT * FROM reorgs WHERE chain_id = $1 AND published_at > now() - interval '1 day' ORDER BY generation DESC LIMIT $2
"""
_TOLD_MOST = 8


class Checkpoints:
    """The tables of the indexer; one object for all chains."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, chain: ChainId, start_block: int, leader: str) -> Checkpoint:
        """Makes this process the chain's writer by raising the epoch; a new chain starts before `start_block`."""
        row = await self._database.pool.fetchrow(_TAKE, chain, start_block - 1, leader)
        assert row is not None
        return _checkpoint(row)

    async def get(self, chain: ChainId, epoch: int) -> Checkpoint:
        """The checkpoint of a leader that still leads. Raises `LeadershipLost`."""
        row = await self._database.pool.fetchrow(
            "SELECT * FROM indexer_checkpoints WHERE chain_id = $1 AND epoch = $2", chain, epoch
        )
        if row is None:
            raise _lost(chain)
        return _checkpoint(row)

    async def list_recent(self, chain: ChainId) -> dict[int, RecentBlock]:
        """Blocks that a fork may still take away, by number; those above the checkpoint were announced only."""
        rows = await self._database.pool.fetch("SELECT * FROM recent_blocks WHERE chain_id = $1 ORDER BY number", chain)
        return {row["number"]: _recent(row) for row in rows}

    async def list_followed(self, chain: ChainId) -> list[Address]:
        rows = await self._database.pool.fetch("SELECT address FROM followed_contracts WHERE chain_id = $1", chain)
        return [Address(row["address"]) for row in rows]

    async def announce(self, checkpoint: Checkpoint, blocks: Sequence[RecentBlock]) -> None:
        """Remembers blocks before anything of them leaves."""
        async with self._fenced(checkpoint) as connection:
            columns = zip(*map(_columns, blocks), strict=True)
            written = await connection.execute(_REMEMBER, checkpoint.chain, *map(list, columns))
            if written != f"INSERT 0 {len(blocks)}":
                raise LeadershipLost("LEADERSHIP_LOST", f"other blocks stand at the tip of {checkpoint.chain.caip2}")

    async def readopt(self, checkpoint: Checkpoint, blocks: Sequence[RecentBlock]) -> None:
        """Blocks that a fork had orphaned are canonical again."""
        async with self._fenced(checkpoint) as connection:
            await connection.execute(
                "UPDATE orphaned_blocks SET readopted = true WHERE chain_id = $1 AND hash = ANY($2::bytea[])",
                checkpoint.chain, [known.block.hash for known in blocks],
            )  # fmt: skip

    async def advance(self, before: Checkpoint, step: Advance) -> None:
        """Moves the checkpoint, and with it everything that is true from then on."""
        after = step.after
        async with self._fenced(before) as connection:
            await connection.execute(
                _ADVANCE, after.chain, before.epoch, after.number, after.hash, after.timestamp,
                step.head, after.finalized, step.facts, step.state.value, step.head_time,
            )  # fmt: skip
            if step.created:
                await connection.execute(_FOLLOW, after.chain, list(step.created), list(step.created.values()))
            await connection.execute(
                "DELETE FROM recent_blocks WHERE chain_id = $1 AND number < $2", after.chain, step.forget_below
            )
            if step.anchor is not None:
                columns = zip(_columns(step.anchor), strict=True)
                await connection.execute(_REMEMBER, after.chain, *map(list, columns))

    async def retract(self, checkpoint: Checkpoint, reorg: Reorg) -> None:
        """Moves the checkpoint back to the ancestor (if it stood above) and sets the orphaned blocks aside, to be
        published by `list_unpublished`. One transaction: a crash leaves all of it or nothing."""
        back = reorg.ancestor if reorg.ancestor.number < checkpoint.number else checkpoint
        chain = checkpoint.chain
        async with self._fenced(checkpoint) as connection:
            await connection.execute(
                "INSERT INTO reorgs (chain_id, generation, ancestor_number, ancestor_hash, ancestor_timestamp)"
                " VALUES ($1, $2, $3, $4, $5)",
                chain, reorg.generation, reorg.ancestor.number, reorg.ancestor.hash, reorg.ancestor.timestamp,
            )  # fmt: skip
            await connection.execute(_ORPHAN, chain, reorg.generation, reorg.ancestor.number)
            await connection.execute(
                "DELETE FROM recent_blocks WHERE chain_id = $1 AND number > $2", chain, reorg.ancestor.number
            )
            await connection.execute(
                "DELETE FROM followed_contracts WHERE chain_id = $1 AND from_block > $2 AND source = 'factory'",
                chain, reorg.ancestor.number,
            )  # fmt: skip
            await connection.execute(
                _STEP_BACK, chain, checkpoint.epoch, back.number, back.hash, back.timestamp, reorg.generation
            )

    async def list_unpublished(self, chain: ChainId) -> list[Reorg]:
        """Forks that were recorded and not yet told to everybody, oldest first."""
        rows = await self._database.pool.fetch(
            "SELECT * FROM reorgs WHERE chain_id = $1 AND published_at IS NULL ORDER BY generation", chain
        )
        return [await self._reorg(row) for row in rows]

    async def list_told(self, chain: ChainId) -> list[Reorg]:
        """The newest forks that everybody was told of in the last day, newest first."""
        rows = await self._database.pool.fetch(_TOLD, chain, _TOLD_MOST)
        return [await self._reorg(row) for row in rows]

    async def mark_published(self, checkpoint: Checkpoint, reorg: Reorg) -> None:
        async with self._fenced(checkpoint) as connection:
            await connection.execute(
                "UPDATE reorgs SET published_at = now() WHERE chain_id = $1 AND generation = $2",
                checkpoint.chain, reorg.generation,
            )  # fmt: skip

    async def report(
        self, checkpoint: Checkpoint, head: int | None, state: State, reason: str, head_time: int = 0
    ) -> None:
        """What the status shows; None leaves the head as it was. `head_time` in Unix seconds, 0 where not known."""
        done = await self._database.pool.execute(
            _REPORT, checkpoint.chain, checkpoint.epoch, head, state.value, reason[:500], head_time
        )
        if done != "UPDATE 1":
            raise _lost(checkpoint.chain)

    async def list_progress(self) -> list[Progress]:
        """One row for each chain ever read, by number."""
        rows = await self._database.pool.fetch(_LIST_PROGRESS)
        return [
            Progress(
                ChainId(row["chain_id"]), row["head"], row["block_number"], row["block_hash"] or b"",
                row["finalized"], State(row["state"]), row["reason"], row["facts_published"], row["updated_at"],
                row["seen"], row["head_timestamp"], row["block_timestamp"],
            )
            for row in rows
        ]  # fmt: skip

    async def list_orphans(self, chain: ChainId, from_block: int) -> dict[bytes, RecentBlock]:
        """Blocks at or above a number that are orphaned now, by hash: logs of theirs in the raw store do not count,
        whatever their mark says."""
        rows = await self._database.pool.fetch(
            "SELECT * FROM orphaned_blocks WHERE chain_id = $1 AND number >= $2 AND NOT readopted", chain, from_block
        )
        return {row["hash"]: _recent(row) for row in rows}

    async def _reorg(self, row: asyncpg.Record) -> Reorg:
        blocks = await self._database.pool.fetch(
            "SELECT * FROM orphaned_blocks WHERE chain_id = $1 AND generation = $2 ORDER BY number",
            row["chain_id"], row["generation"],
        )  # fmt: skip
        ancestor = Block(row["ancestor_number"], row["ancestor_hash"], row["ancestor_timestamp"])
        return Reorg(row["generation"], ancestor, tuple(map(_recent, blocks)))

    def _fenced(self, checkpoint: Checkpoint) -> AbstractAsyncContextManager[Connection]:
        return fenced(self._database, checkpoint)


@asynccontextmanager
async def fenced(database: Database, checkpoint: Checkpoint) -> AsyncIterator[Connection]:
    """A transaction that begins by locking the checkpoint under its epoch. Raises `LeadershipLost`."""
    async with database.transaction() as transaction:
        if await transaction.connection.fetchval(_FENCE, checkpoint.chain, checkpoint.epoch) is None:
            raise _lost(checkpoint.chain)
        yield transaction.connection


def _lost(chain: ChainId) -> LeadershipLost:
    return LeadershipLost("LEADERSHIP_LOST", f"another replica leads {chain.caip2} now")


def _columns(known: RecentBlock) -> tuple[int, bytes, bytes, int]:
    return known.block.number, known.block.hash, known.parent_hash, known.block.timestamp


def _recent(row: asyncpg.Record) -> RecentBlock:
    block = Block(row["number"], row["hash"], row["block_timestamp"])
    return RecentBlock(block, row["parent_hash"])


def _checkpoint(row: asyncpg.Record) -> Checkpoint:
    return Checkpoint(
        ChainId(row["chain_id"]), row["block_number"], row["block_hash"], row["block_timestamp"],
        row["finalized"], row["generation"], row["epoch"],
    )  # fmt: skip
