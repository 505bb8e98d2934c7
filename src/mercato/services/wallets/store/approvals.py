"""Approvals: histories of words and of token moves as sets of facts, current state as their last word by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from mercato.kit.ids import Address, ChainId, TokenId
from mercato.kit.postgres import Database
from mercato.services.wallets.model import Approval, ApprovalFilter, Entry, Moves, Place

APPROVED_CONSUMER = "wallets.tokens.approved"
TRANSFERRED_CONSUMER = "wallets.tokens.transferred"
REORGED_CONSUMER = "wallets.chains.reorged"

_FIELDS = (
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
    SELECT DISTINCT ON (owner, operator, contract) {_FIELDS} FROM {{source}} WHERE token_id IS NULL
    ORDER BY owner, operator, contract, block_number DESC, log_index DESC
"""
_LAST_OF_TOKEN = f"""
    SELECT DISTINCT ON (contract, token_id) {_FIELDS} FROM {{source}} WHERE token_id IS NOT NULL
    ORDER BY contract, token_id, block_number DESC, log_index DESC
"""
# The first move after an approval of one token ended it.
_FIRST_MOVE = """
    SELECT move.* FROM token_moves move
    WHERE {word}.approved AND {word}.token_id IS NOT NULL AND move.contract = {word}.contract
    AND move.token_id = {word}.token_id AND move.chain_id = {word}.chain_id
    AND (move.block_number, move.log_index) > ({word}.block_number, {word}.log_index)
    ORDER BY move.block_number, move.log_index LIMIT 1
"""
_UPSERT = f"""
for_all AS (
    INSERT INTO approvals ({_FIELDS}) {_LAST_FOR_ALL}
    ON CONFLICT (owner, operator, contract, chain_id) WHERE token_id IS NULL DO UPDATE SET {_TAKE_OVER} WHERE {_NEWER}
    RETURNING owner
), of_token AS (
    INSERT INTO approvals ({_FIELDS}, {_ENDED})
    SELECT last.chain_id, last.contract, last.owner, last.operator, last.token_id,
           last.approved AND ended.block_hash IS NULL, last.block_number, last.block_hash, last.block_time,
           last.tx_hash, last.log_index, ended.block_number, ended.block_hash, ended.log_index
    FROM ({_LAST_OF_TOKEN}) last LEFT JOIN LATERAL ({_FIRST_MOVE.format(word="last")}) ended ON true
    ON CONFLICT (contract, token_id, chain_id) WHERE token_id IS NOT NULL DO UPDATE SET {_TAKE_OVER} WHERE {_NEWER}
    RETURNING owner
)
"""
# What an orphaned block said is not told apart from what was never said.
_APPLY = f"""
WITH facts AS (
    INSERT INTO approvals_history ({_FIELDS}, generation)
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
    RETURNING {_FIELDS}
), {_UPSERT.format(source="facts")}
SELECT owner FROM for_all UNION SELECT owner FROM of_token
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
RETURNING approvals.owner
"""
_MOVED_OWNERS = """
SELECT DISTINCT owner FROM approvals
WHERE chain_id = $1 AND token_id IS NOT NULL
AND (contract, token_id) IN (SELECT contract, id::numeric FROM unnest($2::bytea[], $3::text[]) AS moved (contract, id))
"""
_TOKEN_OWNERS = """
SELECT owner FROM approvals
WHERE chain_id = $1 AND token_id IS NOT NULL
AND (contract, token_id) IN (SELECT * FROM unnest($2::bytea[], $3::numeric[]))
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
WHERE chain_id = $1 AND (block_hash = ANY($2::bytea[]) OR ended_block_hash = ANY($2::bytea[])) RETURNING {_FIELDS}
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
SELECT owner FROM for_all UNION SELECT owner FROM of_token
"""
# One batch of a chain at a time: batches that touch the same keys would wait for each other in a circle. Batches are
# planned one by one: a plan kept from when the tables were empty reads them whole for each row.
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('approvals ' || $1::bigint::text, 0)),
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)
"""
_WANTED = """
WHERE word.owner = ANY($1::bytea[]) AND ($2::bigint IS NULL OR word.chain_id = $2)
AND ($3::bytea IS NULL OR word.operator = $3) AND ($4::bytea IS NULL OR word.contract = $4)
AND ($5::bigint IS NULL OR (word.block_time, word.chain_id, word.block_number, word.log_index)
     < (to_timestamp($5::bigint), $6::bigint, $7::bigint, $8::int))
"""
_NEWEST_FIRST = "ORDER BY block_time DESC, chain_id DESC, block_number DESC, log_index DESC LIMIT $9"
_PAGE = f"SELECT {_FIELDS} FROM approvals word {_WANTED} AND approved {_NEWEST_FIRST}"
# A word that came before the move ended the approval itself.
_HISTORY = f"""
WITH page AS (SELECT word.* FROM approvals_history word {_WANTED} {_NEWEST_FIRST})
SELECT page.*, ended.block_number AS ended_block_number, ended.block_hash AS ended_block_hash,
    ended.block_time AS ended_block_time, ended.tx_hash AS ended_tx_hash, ended.log_index AS ended_log_index
FROM page LEFT JOIN LATERAL ({_FIRST_MOVE.format(word="page")}) ended ON NOT EXISTS (
    SELECT FROM approvals_history other
    WHERE other.contract = page.contract AND other.token_id = page.token_id AND other.chain_id = page.chain_id
    AND other.token_id IS NOT NULL
    AND (other.block_number, other.log_index) > (page.block_number, page.log_index)
    AND (other.block_number, other.log_index) < (ended.block_number, ended.log_index)
)
ORDER BY page.block_time DESC, page.chain_id DESC, page.block_number DESC, page.log_index DESC
"""


class ApprovalStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(
        self, event_id: str, chain: ChainId, generation: int, facts: Sequence[Approval]
    ) -> frozenset[Address]:
        """Inbox, history and current state in one commit; any order and any number of times give the same rows.

        Returns the owners whose approvals may have changed, also when the event is an old one: the commit may have
        been all that was done of it.
        """
        owners = {fact.owner for fact in facts}
        async with self._database.transaction() as tx:
            if facts and await tx.is_first(APPROVED_CONSUMER, event_id):
                await tx.connection.execute(_LOCK, int(chain))
                of_tokens = [fact for fact in facts if fact.token_id is not None]
                if of_tokens:
                    contracts, token_ids = [f.contract for f in of_tokens], [f.token_id for f in of_tokens]
                    losing = await tx.connection.fetch(_TOKEN_OWNERS, int(chain), contracts, token_ids)
                    owners |= {Address(row["owner"]) for row in losing}
                await tx.connection.execute(_APPLY, int(chain), generation, *_columns(facts))
        return frozenset(owners)

    async def move(self, event_id: str, chain: ChainId, generation: int, moves: Moves) -> frozenset[Address]:
        """Inbox, moves, and the approvals they end, in one commit, with the guarantees of `apply`."""
        if not moves.at:
            return frozenset()
        blocks = map(list, zip(*moves.blocks, strict=True))
        async with self._database.transaction() as tx:
            if await tx.is_first(TRANSFERRED_CONSUMER, event_id):
                await tx.connection.execute(_LOCK, int(chain))
                rows = await tx.connection.fetch(_MOVE, int(chain), generation, *blocks, *moves[1:])
            else:
                rows = await tx.connection.fetch(_MOVED_OWNERS, int(chain), moves.contracts, moves.token_ids)
        return frozenset(Address(row["owner"]) for row in rows)

    async def retract(
        self, event_id: str, chain: ChainId, generation: int, orphaned: Mapping[bytes, int]
    ) -> frozenset[Address]:
        """Undoes what blocks said before the reorganisation `generation` and refuses such facts from now on; returns
        the owners whose approvals may have changed."""
        if not orphaned:
            return frozenset()
        hashes, numbers = list(orphaned), orphaned.values()
        async with self._database.transaction() as tx:
            if not await tx.is_first(REORGED_CONSUMER, event_id):
                return frozenset()
            await tx.connection.execute(_LOCK, int(chain))
            await tx.connection.execute(_REMEMBER_ORPHANS, int(chain), hashes, generation)
            await tx.connection.execute(_FORGET_FACTS, int(chain), hashes, generation)
            await tx.connection.execute(_FORGET_MOVES, int(chain), hashes, generation, min(numbers), max(numbers))
            lost = await tx.connection.fetch(_DROP_CURRENT, int(chain), hashes)
            keys = zip(*((r["contract"], r["owner"], r["operator"], r["token_id"]) for r in lost), strict=True)
            regained = await tx.connection.fetch(_RECOMPUTE, int(chain), *map(list, keys)) if lost else []
        return frozenset(Address(row["owner"]) for row in (*lost, *regained))

    async def page(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> list[Approval]:
        """Approvals in force, newest first, after the key of `sort_key`."""
        rows = await self._database.pool.fetch(_PAGE, *_conditions(wanted, after), limit)
        return [_from_row(row) for row in rows]

    async def history(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> list[Entry]:
        """Every word, newest first, after the key of `sort_key`."""
        rows = await self._database.pool.fetch(_HISTORY, *_conditions(wanted, after), limit)
        return [Entry(_from_row(row), _end_of(row)) for row in rows]


def _conditions(wanted: ApprovalFilter, after: Sequence[int] | None) -> list[object]:
    chain = None if wanted.chain is None else int(wanted.chain)
    return [list(wanted.owners), chain, wanted.operator, wanted.contract, *(after or (None,) * 4)]


def _end_of(row: asyncpg.Record) -> Place | None:
    if row["ended_block_hash"] is None:
        return None
    return Place(
        row["ended_block_number"],
        row["ended_block_hash"],
        row["ended_block_time"],
        row["ended_tx_hash"],
        row["ended_log_index"],
    )


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


def _from_row(row: asyncpg.Record) -> Approval:
    return Approval(
        chain=ChainId(row["chain_id"]),
        contract=Address(row["contract"]),
        owner=Address(row["owner"]),
        operator=Address(row["operator"]),
        token_id=None if row["token_id"] is None else TokenId(int(row["token_id"])),
        approved=row["approved"],
        place=Place(row["block_number"], row["block_hash"], row["block_time"], row["tx_hash"], row["log_index"]),
    )
