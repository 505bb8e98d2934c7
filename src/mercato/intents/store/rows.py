"""Rows of `tx_intents`, written and read."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from mercato.intents import codec
from mercato.intents.model import Intent, IntentKind, UnsignedTransaction
from mercato.kit.ids import Address, ChainId, IntentId, UserId, Wei
from mercato.kit.postgres import Connection, Pool

_INSERT = """
INSERT INTO tx_intents (id, user_id, idempotency_key, body_hash, kind, state, chain_id, sender, tx_to, tx_data,
  tx_value, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, contract, recipient, first_nonce, facts,
  timeline, version, pushed_version, created_at, expires_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $22)
ON CONFLICT (user_id, idempotency_key) DO NOTHING
"""
_UPDATE = """
UPDATE tx_intents SET state = $2, facts = $3, timeline = $4, tx_hash = $5, tx_proven = $6, tx_hashes = $7,
  block_number = $8, block_hash = $9, top_block = $10, version = $11, updated_at = $12
WHERE id = $1
"""


async def insert(pool: Pool, intent: Intent, key: str, body_hash: bytes) -> bool:
    """False when the user's key has a row already."""
    transaction = intent.transaction
    inserted = await pool.execute(
        _INSERT, intent.id, intent.user_id, key, body_hash, intent.kind.value, intent.state.value, intent.chain_id,
        intent.sender, transaction.to, transaction.data, transaction.value, transaction.gas_limit,
        transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas, intent.contract, intent.recipient,
        intent.first_nonce, codec.facts_to_json(intent.facts), codec.timeline_to_json(intent.timeline),
        intent.version, intent.pushed_version, intent.created_at, intent.expires_at,
    )  # fmt: skip
    return inserted == "INSERT 0 1"


async def save(connection: Connection, before: Intent, after: Intent, now: datetime) -> None:
    """Writes what changed from `before` to `after`, at `now`. Raises `asyncpg.UniqueViolationError` when a proven
    transaction is another intent's already."""
    if after == before:
        return
    place = after.standing
    await connection.execute(
        _UPDATE, after.id, after.state.value, codec.facts_to_json(after.facts), codec.timeline_to_json(after.timeline),
        place.tx_hash, place.tx_hash is not None and after.is_proven(place.tx_hash), list(after.live_hashes),
        place.block_number, place.block_hash, max(after.blocks.values(), default=None), after.version, now,
    )  # fmt: skip


def intent_of(row: asyncpg.Record) -> Intent:
    """The intent of a whole row."""
    recipient = row["recipient"]
    return Intent(
        id=IntentId(row["id"]),
        user_id=UserId(row["user_id"]),
        kind=IntentKind(row["kind"]),
        chain_id=ChainId(row["chain_id"]),
        sender=Address(row["sender"]),
        transaction=UnsignedTransaction(
            to=Address(row["tx_to"]),
            data=row["tx_data"],
            value=Wei(int(row["tx_value"])),
            gas_limit=row["gas_limit"],
            max_fee_per_gas=Wei(int(row["max_fee_per_gas"])),
            max_priority_fee_per_gas=Wei(int(row["max_priority_fee_per_gas"])),
        ),
        contract=Address(row["contract"]),
        recipient=None if recipient is None else Address(recipient),
        first_nonce=row["first_nonce"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        facts=codec.facts_from_json(row["facts"]),
        timeline=codec.timeline_from_json(row["timeline"]),
        version=row["version"],
        pushed_version=row["pushed_version"],
    )
