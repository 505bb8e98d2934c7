"""Approvals: histories of words and of token moves as sets of facts, current state as their last word by position."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Connection, Database
from mercato.services.wallets.model import Approval, Moves, Progress, Retraction
from mercato.services.wallets.store.progress import ReadPoint

APPROVED_CONSUMER = "wallets.tokens.approved"
TRANSFERRED_CONSUMER = "wallets.tokens.transferred"
REORGED_CONSUMER = "wallets.chains.reorged"
ADVANCED_CONSUMER = "wallets.chains.advanced"

FIELDS = (
    "chain_id, contract, owner, operator, token_id, approved, block_number, block_hash, block_time, tx_hash, log_index"
)
_NEWER = "(excluded.block_number, excluded.log_index) > (approvals.block_number, approvals.log_index)"
_ENDED = "ended_block_number, ended_block_hash, ended_log_index"
_TAKE_OVER = """
    owner = excluded.owner, operator = excluded.operator, approved = excluded.approved,
    block_number = excluded.block_number, block_hash = excluded.block_hash, block_time = excluded.block_time,
    tx_hash = excluded.tx_hash, log_index = excluded.log_index, ended_block_number = excluded.ended_block_number,
    ended_block_hash = excluded.ended_block_hash, ended_log_index = excluded.ended_log_index
"""
# Two facts of one key in one statement would both want the row, so the last of each key goes alone.
_LAST_FOR_ALL = f"""
    SELECT DISTINCT ON (owner, operator, contract) {FIELDS} FROM {{source}} WHERE token_id IS NULL
    ORDER BY owner, operator, contract, block_number DESC, log_index DESC
"""
_LAST_OF_TOKEN = f"""
    SELECT DISTINCT ON (contract, token_id) {FIELDS} FROM {{source}} WHERE token_id IS NOT NULL
    ORDER BY contract, token_id, block_number DESC, log_index DESC
"""
# The first move after an approval of one token ended it.
FIRST_MOVE = """
    SELECT move.* FROM token_moves move
    WHERE {word}.approved AND {word}.token_id IS NOT NULL AND move.contract = {word}.contract
    AND move.token_id = {word}.token_id AND move.chain_id = {word}.chain_id
    AND (move.block_number, move.log_index) > ({word}.block_number, {word}.log_index)
    ORDER BY move.block_number, move.log_index LIMIT 1
"""
_UPSERT = f"""
for_all AS (
    INSERT INTO approvals ({FIELDS}) {_LAST_FOR_ALL}
    ON CONFLICT (owner, operator, contract, chain_id) WHERE token_id IS NULL DO UPDATE SET {_TAKE_OVER} WHERE {_NEWER}
)
INSERT INTO approvals ({FIELDS}, {_ENDED})
SELECT last.chain_id, last.contract, last.owner, last.operator, last.token_id,
       last.approved AND ended.block_hash IS NULL, last.block_number, last.block_hash, last.block_time,
       last.tx_hash, last.log_index, ended.block_number, ended.block_hash, ended.log_index
FROM ({_LAST_OF_TOKEN}) last LEFT JOIN LATERAL ({FIRST_MOVE.format(word="last")}) ended ON true
ON CONFLICT (contract, token_id, chain_id) WHERE token_id IS NOT NULL DO UPDATE SET {_TAKE_OVER} WHERE {_NEWER}
"""
# What an orphaned block said is not told apart from what was never said.
_APPLY = f"""
WITH facts AS (
    INSERT INTO approvals_history ({FIELDS}, generation)
    SELECT DISTINCT ON (fact.block_hash, fact.log_index) $1::bigint, fact.*, $2::bigint FROM unnest(
        $3::bytea[], $4::bytea[], $5::bytea[], $6::numeric[], $7::boolean[],
        $8::bigint[], $9::bytea[], $10::timestamptz[], $11::bytea[], $12::integer[]
    ) AS fact (contract, owner, operator, token_id, approved, block_number, block_hash, block_time, tx_hash, log_index)
    WHERE NOT EXISTS (
        SELECT FROM orphaned_blocks orphan
        WHERE orphan.chain_id = $1 AND orphan.block_hash = fact.block_hash AND orphan.generation > $2::bigint
    )
    ON CONFLICT (chain_id, block_hash, log_index) DO UPDATE SET generation = excluded.generation
        WHERE approvals_history.generation < excluded.generation
    RETURNING {FIELDS}
), {_UPSERT.format(source="facts")}
"""
# The indexes of tokens are partial, and no join alone says that their condition holds: hence `IS NOT NULL`.
# As with approvals; and the approvals these moves end, unless an earlier move did.
_MOVE = """
WITH moves AS (
    INSERT INTO token_moves
        (chain_id, contract, token_id, block_number, log_index, block_hash, block_time, tx_hash, generation)
    SELECT $1::bigint, move.contract, move.token_id::numeric, block.number, move.log_index, block.hash, block.time,
           move.tx_hash, $2::bigint
    FROM unnest($6::integer[], $7::bytea[], $8::text[], $9::integer[], $10::bytea[])
        AS move (at, contract, token_id, log_index, tx_hash)
    JOIN unnest($3::bigint[], $4::bytea[], $5::timestamptz[]) WITH ORDINALITY AS block (number, hash, time, place)
        ON block.place = move.at + 1
    WHERE NOT EXISTS (
        SELECT FROM orphaned_blocks orphan
        WHERE orphan.chain_id = $1 AND orphan.block_hash = block.hash AND orphan.generation > $2::bigint
    )
    ON CONFLICT (contract, token_id, chain_id, block_number, log_index, block_hash)
    DO UPDATE SET generation = excluded.generation WHERE token_moves.generation < excluded.generation
    RETURNING contract, token_id, block_number, log_index, block_hash
), ending AS (
    SELECT DISTINCT ON (moves.contract, moves.token_id) moves.* FROM moves
    JOIN approvals ON approvals.contract = moves.contract AND approvals.token_id = moves.token_id
        AND approvals.chain_id = $1 AND approvals.token_id IS NOT NULL
    WHERE (moves.block_number, moves.log_index) > (approvals.block_number, approvals.log_index)
    ORDER BY moves.contract, moves.token_id, moves.block_number, moves.log_index
)
UPDATE approvals SET approved = false, ended_block_number = ending.block_number,
    ended_block_hash = ending.block_hash, ended_log_index = ending.log_index
FROM ending
WHERE approvals.chain_id = $1 AND approvals.contract = ending.contract AND approvals.token_id = ending.token_id
AND approvals.token_id IS NOT NULL
AND (approvals.approved
     OR (ending.block_number, ending.log_index) < (approvals.ended_block_number, approvals.ended_log_index))
"""
_REMEMBER_ORPHANS = """
INSERT INTO orphaned_blocks (chain_id, block_hash, generation)
SELECT DISTINCT $1::bigint, hash, $3::bigint FROM unnest($2::bytea[]) AS hash
ON CONFLICT (chain_id, block_hash) DO UPDATE SET generation = greatest(orphaned_blocks.generation, excluded.generation)
"""
_FORGET_FACTS = """
DELETE FROM approvals_history WHERE chain_id = $1 AND block_hash = ANY($2::bytea[]) AND generation < $3
"""
_FORGET_MOVES = """
DELETE FROM token_moves WHERE chain_id = $1 AND block_number BETWEEN $4 AND $5
AND block_hash = ANY($2::bytea[]) AND generation < $3
"""
_DROP_CURRENT = f"""
DELETE FROM approvals
WHERE chain_id = $1 AND (block_hash = ANY($2::bytea[]) OR ended_block_hash = ANY($2::bytea[])) RETURNING {FIELDS}
"""
# The last word of what remains, for each key that lost its current row.
_RECOMPUTE = f"""
WITH lost AS (
    SELECT * FROM unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::numeric[])
    AS key (contract, owner, operator, token_id)
), remaining AS (
    SELECT history.* FROM approvals_history history JOIN lost
    ON history.owner = lost.owner AND history.operator = lost.operator AND history.contract = lost.contract
    WHERE history.chain_id = $1 AND history.token_id IS NULL AND lost.token_id IS NULL
    UNION
    SELECT history.* FROM approvals_history history JOIN lost
    ON history.contract = lost.contract AND history.token_id = lost.token_id
    WHERE history.chain_id = $1 AND history.token_id IS NOT NULL
), {_UPSERT.format(source="remaining")}
"""
# One batch of a chain at a time: batches that touch the same keys would wait for each other in a circle.
_LOCK = """
WITH added AS (INSERT INTO sync_state (chain_id) VALUES ($1::bigint) ON CONFLICT DO NOTHING)
SELECT pg_advisory_xact_lock(hashtextextended('approvals ' || $1::bigint::text, 0))
"""
# Batches are planned one by one: a plan kept from when the tables were empty reads them whole for each row.
_LOCK_AND_PLAN = f"{_LOCK}, set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)"


class ApprovalStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, event_id: str, chain: ChainId, generation: int, facts: Sequence[Approval]) -> None:
        """Inbox, history and current state in one commit; any order and any number of times give the same rows."""
        async with self._applying(APPROVED_CONSUMER, event_id, chain) as connection:
            if connection is not None and facts:
                await connection.execute(_APPLY, int(chain), generation, *_columns(facts))

    async def move(self, event_id: str, chain: ChainId, generation: int, moves: Moves) -> None:
        """Inbox, moves, and the approvals they end, in one commit, with the guarantees of `apply`."""
        async with self._applying(TRANSFERRED_CONSUMER, event_id, chain) as connection:
            if connection is not None and moves.at:
                blocks = map(list, zip(*moves.blocks, strict=True))
                await connection.execute(_MOVE, int(chain), generation, *blocks, *moves[1:])

    async def retract(self, event_id: str, chain: ChainId, retraction: Retraction) -> None:
        """Undoes what blocks said before a reorganisation, refuses such facts from now on, and takes the read point
        back, in one commit, with the guarantees of `apply`."""
        async with self._applying(REORGED_CONSUMER, event_id, chain) as connection:
            if connection is None:
                return
            if retraction.orphaned:
                await _take_back(connection, chain, retraction)
            await ReadPoint(connection, chain).retreat(retraction)

    async def advance(self, event_id: str, chain: ChainId, progress: Progress) -> None:
        """Moves the read point as far as the rows allow, with the guarantees of `apply`."""
        async with self._alone(ADVANCED_CONSUMER, event_id, chain, _LOCK) as connection:
            if connection is not None:
                await ReadPoint(connection, chain).record(progress)

    @asynccontextmanager
    async def _applying(self, consumer: str, event_id: str, chain: ChainId) -> AsyncIterator[Connection | None]:
        """As `_alone`. At the end of the block the event counts as applied: a statement of progress finds it in the
        inbox, or is found waiting for it."""
        async with self._alone(consumer, event_id, chain, _LOCK_AND_PLAN) as connection:
            yield connection
            if connection is not None:
                await ReadPoint(connection, chain).applied(event_id)

    @asynccontextmanager
    async def _alone(self, consumer: str, event_id: str, chain: ChainId, lock: str) -> AsyncIterator[Connection | None]:
        """A transaction that has the chain to itself and remembers the event; None when it is remembered already."""
        async with self._database.transaction() as tx:
            if not await tx.is_first(consumer, event_id):
                yield None
                return
            await tx.connection.execute(lock, int(chain))
            yield tx.connection


async def _take_back(connection: Connection, chain: ChainId, retraction: Retraction) -> None:
    hashes, numbers, generation = list(retraction.orphaned), retraction.orphaned.values(), retraction.generation
    await connection.execute(_REMEMBER_ORPHANS, int(chain), hashes, generation)
    await connection.execute(_FORGET_FACTS, int(chain), hashes, generation)
    await connection.execute(_FORGET_MOVES, int(chain), hashes, generation, min(numbers), max(numbers))
    lost = await connection.fetch(_DROP_CURRENT, int(chain), hashes)
    if lost:
        keys = zip(*((r["contract"], r["owner"], r["operator"], r["token_id"]) for r in lost), strict=True)
        await connection.execute(_RECOMPUTE, int(chain), *map(list, keys))


def _columns(facts: Sequence[Approval]) -> list[list[object]]:
    return [
        [fact.contract for fact in facts],
        [fact.owner for fact in facts],
        [fact.operator for fact in facts],
        [fact.token_id for fact in facts],
        [fact.approved for fact in facts],
        [fact.place.block_number for fact in facts],
        [fact.place.block_hash for fact in facts],
        [fact.place.block_time for fact in facts],
        [fact.place.tx_hash for fact in facts],
        [fact.place.log_index for fact in facts],
    ]
