"""What happened, newest first: movements of tokens, and what else happened to collections, merged from their tables.

Each chain is read backwards by position and the chains are merged by time, so a page costs the same at any depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.facts import Block, Position
from mercato.services.catalog.model.views import Event, EventCursor, EventFilter, Kind, Page, ReadPoint
from mercato.services.catalog.store.reading import snapshot
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

MOVEMENTS = frozenset({Kind.MINT, Kind.TRANSFER, Kind.BURN})

# `chain` holds, per chain, the position that rows must stay below: the cursor's own on its chain, on another one the
# first that is not older than the cursor.
_SELECT = """
WITH chain AS MATERIALIZED (
    SELECT s.chain_ref, s.chain_number, s.chain_ref::bigint << 48 AS bottom, {below}
    FROM sync_state s WHERE {chains}
)
SELECT e.*, chain.chain_number, c.contract, b.number, b.hash, b.mined_at
FROM chain CROSS JOIN LATERAL ({branches}) e
JOIN blocks b ON b.block_ref = e.block_ref
JOIN collections c ON c.collection_ref = e.collection_ref
ORDER BY b.mined_at DESC, e.block_ref DESC, e.log_index DESC, e.batch_index DESC LIMIT {limit}
"""
_FROM_TOP = "(s.chain_ref::bigint + 1) << 48 AS below, 0 AS below_log, 0 AS below_batch"
_FROM_CURSOR = """
    CASE WHEN s.chain_ref = {ref} >> 48 THEN {ref} ELSE coalesce((
        SELECT b.block_ref + 1 FROM blocks b
        WHERE b.chain_ref = s.chain_ref AND NOT b.orphaned AND (b.mined_at, b.block_ref) < (to_timestamp({time}), {ref})
        ORDER BY b.mined_at DESC, b.block_ref DESC LIMIT 1
    ), s.chain_ref::bigint << 48) END AS below,
    CASE WHEN s.chain_ref = {ref} >> 48 THEN {log} ELSE 0 END AS below_log,
    CASE WHEN s.chain_ref = {ref} >> 48 THEN {batch} ELSE 0 END AS below_batch
"""
_MOVED = """
(SELECT x.collection_ref, x.block_ref, x.log_index, x.batch_index, x.token_id::text, x.sender, x.recipient, x.operator,
    x.amount::text, x.tx_hash, NULL::text AS kind
 FROM ownership_transfers x
 WHERE x.block_ref >= chain.bottom
    AND (x.block_ref, x.log_index, x.batch_index) < (chain.below, chain.below_log, chain.below_batch) AND {conditions}
 ORDER BY x.block_ref DESC, x.log_index DESC, x.batch_index DESC LIMIT {limit})
"""
_HAPPENED = """
(SELECT x.collection_ref, x.block_ref, x.log_index, 0 AS batch_index, '' AS token_id, x.account AS sender,
    NULL::bytea AS recipient, NULL::bytea AS operator, NULL::text AS amount, x.tx_hash, x.kind
 FROM activities x
 WHERE x.block_ref >= chain.bottom AND (x.block_ref, x.log_index, 0) < (chain.below, chain.below_log, chain.below_batch)
    AND {conditions}
 ORDER BY x.block_ref DESC, x.log_index DESC LIMIT {limit})
"""
_KIND_CONDITIONS = {
    Kind.MINT: "x.sender IS NULL",
    Kind.TRANSFER: "(x.sender IS NOT NULL AND x.recipient IS NOT NULL)",
    Kind.BURN: "(x.sender IS NOT NULL AND x.recipient IS NULL)",
}


class EventReads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_events(self, asked: EventFilter, size: int, after: EventCursor | None) -> Page[Event]:
        """Newest first, by time of the block and then by position."""
        arguments, limit = Arguments(), size + 1
        branches = _branches(arguments, asked, limit)
        if not branches:
            return Page((), await snapshot.read_points(self._pool, asked.scope.chains), has_next=False)
        statement = _SELECT.format(
            below=_below(arguments, after),
            chains=_chains(arguments, asked),
            branches=" UNION ".join(branches),
            limit=limit,
        )
        return Page.of(await snapshot.fetch(self._pool, statement, arguments, asked.scope.chains, _event), size)

    async def read_points(self) -> Sequence[ReadPoint]:
        """Of every chain that has one."""
        return await snapshot.read_points(self._pool)


def _below(arguments: Arguments, after: EventCursor | None) -> str:
    if after is None:
        return _FROM_TOP
    time, block_ref, log_index, batch_index = after
    return _FROM_CURSOR.format(
        time=arguments(time, "bigint"),
        ref=arguments(block_ref, "bigint"),
        log=arguments(log_index, "int"),
        batch=arguments(batch_index, "int"),
    )


def _chains(arguments: Arguments, asked: EventFilter) -> str:
    chain = asked.scope.chain
    return "true" if chain is None else f"s.chain_number = {arguments(int(chain), 'bigint')}"


def _branches(arguments: Arguments, asked: EventFilter, limit: int) -> list[str]:
    """One for each index that can give its rows in order; a movement to oneself comes through two of them, once. None
    when what is asked for cannot be: no token is created as a collection."""
    scope = in_scope(arguments, asked.scope, "x") if asked.scope.contract is not None else []
    account = None if asked.account is None else arguments(asked.account, "bytea")
    kinds = asked.kinds or frozenset(Kind)
    branches = []
    if moved := kinds & MOVEMENTS:
        conditions = list(scope)
        if moved != MOVEMENTS:
            conditions.append("(" + " OR ".join(_KIND_CONDITIONS[k] for k in Kind if k in moved) + ")")
        sides = [[]] if account is None else [[f"x.sender = {account}"], [f"x.recipient = {account}"]]
        branches += [_MOVED.format(conditions=all_of(conditions + side), limit=limit) for side in sides]
    if Kind.COLLECTION_CREATED in kinds and asked.scope.token_id is None:
        conditions = scope if account is None else [*scope, f"x.account = {account}"]
        branches.append(_HAPPENED.format(conditions=all_of(conditions), limit=limit))
    return branches


def _event(row: asyncpg.Record) -> Event:
    return Event(
        block_ref=row["block_ref"],
        chain=ChainId(row["chain_number"]),
        contract=Address(row["contract"]),
        kind=_kind(row),
        token_id=row["token_id"],
        sender=row["sender"],
        recipient=row["recipient"],
        operator=row["operator"],
        amount=_amount(row),
        position=Position(
            Block(row["number"], row["hash"], row["mined_at"]), row["tx_hash"], row["log_index"], row["batch_index"]
        ),
    )


def _kind(row: asyncpg.Record) -> Kind:
    if row["kind"] is not None:
        return Kind(row["kind"])
    if row["sender"] is None:
        return Kind.MINT
    return Kind.TRANSFER if row["recipient"] is not None else Kind.BURN


def _amount(row: asyncpg.Record) -> int | None:
    """ERC-721 moves one; what happens to a whole collection moves nothing."""
    if row["kind"] is not None:
        return None
    return 1 if row["amount"] is None else int(row["amount"])
