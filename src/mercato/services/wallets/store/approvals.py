"""Approvals: history as a set of facts, current state as its last word by position, pages cached in Redis."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from mercato.kit.ids import Address, ChainId, TokenId
from mercato.kit.postgres import Database
from mercato.services.wallets.model import Approval, Place

APPROVED_CONSUMER = "wallets.tokens.approved"
REORGED_CONSUMER = "wallets.chains.reorged"

_FIELDS = (
    "chain_id, contract, owner, operator, token_id, approved, block_number, block_hash, block_time, tx_hash, log_index"
)
_NEWER = "(excluded.block_number, excluded.log_index) > (approvals.block_number, approvals.log_index)"
_TAKE_OVER = """
    owner = excluded.owner, operator = excluded.operator, approved = excluded.approved,
    block_number = excluded.block_number, block_hash = excluded.block_hash, block_time = excluded.block_time,
    tx_hash = excluded.tx_hash, log_index = excluded.log_index
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
_UPSERT = f"""
for_all AS (
    INSERT INTO approvals ({_FIELDS}) {_LAST_FOR_ALL}
    ON CONFLICT (owner, operator, contract, chain_id) WHERE token_id IS NULL DO UPDATE SET {_TAKE_OVER} WHERE {_NEWER}
    RETURNING owner
), of_token AS (
    INSERT INTO approvals ({_FIELDS}) {_LAST_OF_TOKEN}
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
_DROP_CURRENT = f"""
DELETE FROM approvals WHERE chain_id = $1 AND block_hash = ANY($2::bytea[]) RETURNING {_FIELDS}
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
    WHERE history.chain_id = $1
), {_UPSERT.format(source="remaining")}
SELECT owner FROM for_all UNION SELECT owner FROM of_token
"""
# One batch of a chain at a time: batches that touch the same keys would wait for each other in a circle.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('approvals ' || $1::bigint::text, 0))"
_PAGE = f"""
SELECT {_FIELDS} FROM approvals
WHERE owner = $1 AND approved AND ($2::bigint IS NULL OR chain_id = $2)
AND ($3::bigint IS NULL
     OR (block_time, chain_id, block_number, log_index) < (to_timestamp($3::bigint), $4::bigint, $5::bigint, $6::int))
ORDER BY block_time DESC, chain_id DESC, block_number DESC, log_index DESC LIMIT $7
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

    async def retract(
        self, event_id: str, chain: ChainId, generation: int, hashes: Sequence[bytes]
    ) -> frozenset[Address]:
        """Undoes what blocks said before the reorganisation `generation` and refuses such facts from now on; returns
        the owners whose approvals may have changed."""
        async with self._database.transaction() as tx:
            if not await tx.is_first(REORGED_CONSUMER, event_id):
                return frozenset()
            await tx.connection.execute(_LOCK, int(chain))
            await tx.connection.execute(_REMEMBER_ORPHANS, int(chain), hashes, generation)
            await tx.connection.execute(_FORGET_FACTS, int(chain), hashes, generation)
            lost = await tx.connection.fetch(_DROP_CURRENT, int(chain), hashes)
            keys = zip(*((r["contract"], r["owner"], r["operator"], r["token_id"]) for r in lost), strict=True)
            regained = await tx.connection.fetch(_RECOMPUTE, int(chain), *map(list, keys)) if lost else []
        return frozenset(Address(row["owner"]) for row in (*lost, *regained))

    async def page(
        self, owner: Address, chain: ChainId | None, after: Sequence[int] | None, limit: int
    ) -> list[Approval]:
        """Approvals in force, newest first, after the key of `sort_key`."""
        time, chain_number, block, log = after or (None, None, None, None)
        rows = await self._database.pool.fetch(
            _PAGE, owner, None if chain is None else int(chain), time, chain_number, block, log, limit
        )
        return [_from_row(row) for row in rows]


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
