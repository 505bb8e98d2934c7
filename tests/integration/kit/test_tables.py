"""The tables that the kit writes to have the same columns in every database that has them."""

from __future__ import annotations

import asyncpg
import pytest

from mercato.kit.settings import DATABASES, Settings

OUTBOX = [
    ("id", "bigint", "NO"), ("exchange", "text", "NO"), ("routing_key", "text", "NO"), ("message_id", "text", "NO"),
    ("type", "text", "NO"), ("headers", "jsonb", "NO"), ("body", "bytea", "NO"),
    ("created_at", "timestamp with time zone", "NO"),
]  # fmt: skip
INBOX = [("consumer", "text", "NO"), ("event_id", "text", "NO"), ("processed_at", "timestamp with time zone", "NO")]
PUBLISH = {"auth_db", "wallet_db", "catalog_db"}
CONSUME = {"user_db", "wallet_db", "orchestrator_db", "catalog_db"}

_COLUMNS = """
SELECT column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position
"""


@pytest.mark.parametrize("database", DATABASES)
async def test_outbox_and_inbox_are_where_they_are_needed_and_alike(settings: Settings, database: str) -> None:
    connection = await asyncpg.connect(settings.database_url(database))
    try:
        outbox = [tuple(row) for row in await connection.fetch(_COLUMNS, "outbox")]
        inbox = [tuple(row) for row in await connection.fetch(_COLUMNS, "processed_events")]
    finally:
        await connection.close()
    assert outbox == (OUTBOX if database in PUBLISH else [])
    assert inbox == (INBOX if database in CONSUME else [])


# What `kit.read_points` writes, beside the key that each database names a chain by.
READ_POINT = {
    "sync_state": {
        ("generation", "bigint"), ("block_number", "bigint"), ("block_hash", "bytea"), ("head", "bigint"),
        ("mined_at", "timestamp with time zone"), ("safe", "bigint"), ("finalized", "bigint"),
        ("observed_at", "timestamp with time zone"),
    },
    "awaited_progress": {
        ("generation", "bigint"), ("block_number", "bigint"), ("block_hash", "bytea"), ("head", "bigint"),
        ("mined_at", "timestamp with time zone"), ("safe", "bigint"), ("finalized", "bigint"),
        ("from_block", "bigint"), ("awaits", "ARRAY"),
    },
}  # fmt: skip
KEYS = {"catalog_db": "chain_ref", "wallet_db": "chain_id"}


@pytest.mark.parametrize("database", KEYS)
@pytest.mark.parametrize("table", READ_POINT)
async def test_read_points_have_what_moves_them(settings: Settings, database: str, table: str) -> None:
    connection = await asyncpg.connect(settings.database_url(database))
    try:
        columns = {tuple(row)[:2] for row in await connection.fetch(_COLUMNS, table)}
    finally:
        await connection.close()
    assert columns >= READ_POINT[table]
    assert KEYS[database] in {name for name, _ in columns}
