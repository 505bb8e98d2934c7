"""PostgreSQL: a pool per service and the one transaction in which inbox, state and outbox commit together.

The migrations of a service that publishes make the table `outbox`, of one that remembers what it consumed the table
`processed_events`; tests/integration/kit/test_tables.py holds every database to the same columns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from mercato.kit.errors import Unavailable
from mercato.kit.messages import FURTHER_KEYS, Outgoing
from mercato.kit.settings import Settings

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

_INSERT_OUTBOX = """
INSERT INTO outbox (exchange, routing_key, message_id, type, headers, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[])
"""
_INSERT_INBOX = "INSERT INTO processed_events (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"


class Transaction:
    """An open transaction. What is handed to `publish` becomes outbox rows of the same commit."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._outgoing: list[Outgoing] = []

    def publish(self, *messages: Outgoing) -> None:
        """Sends after the commit, at least once; nothing is sent when the transaction rolls back."""
        self._outgoing.extend(messages)

    async def is_first(self, consumer: str, event_id: str) -> bool:
        """Remembers an event in the inbox; False when this consumer has finished it before."""
        return await self.connection.execute(_INSERT_INBOX, consumer, event_id) == "INSERT 0 1"

    async def flush(self) -> bool:
        """Writes the outbox rows; True when there were any. Called once, by `Database.transaction`."""
        if not self._outgoing:
            return False
        columns = zip(
            *((m.exchange, m.routing_key, m.message_id, m.type, _headers(m), m.body) for m in self._outgoing),
            strict=True,
        )
        await self.connection.execute(_INSERT_OUTBOX, *map(list, columns))
        return True


def _headers(message: Outgoing) -> dict[str, Any]:
    return {**message.headers, **({FURTHER_KEYS: list(message.further_keys)} if message.further_keys else {})}


class Database:
    """One bounded context's database."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.outbox_filled = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits at the end of the block, rolls back when it raises; then wakes the outbox relay."""
        async with self.pool.acquire() as connection:
            async with connection.transaction():
                transaction = Transaction(connection)
                yield transaction
                filled = await transaction.flush()
            if filled:
                self.outbox_filled.set()

    async def check(self) -> None:
        """For readiness: raises when the server does not answer."""
        await self.pool.fetchval("SELECT 1")


@asynccontextmanager
async def connected(settings: Settings, database: str) -> AsyncIterator[Database]:
    """Opens the pool of one of `settings.DATABASES`; raises `Unavailable` when the server cannot be reached."""
    async with opened(settings.database_url(database), database, settings.postgres_pool) as found:
        yield found


@asynccontextmanager
async def opened(url: str, name: str, connections: int) -> AsyncIterator[Database]:
    """As `connected`, for a database that is none of the settings'; `name` is what the server shows of us."""
    try:
        pool = await asyncpg.create_pool(
            url, min_size=1, max_size=connections, init=_prepare, reset=_keep,
            server_settings={"application_name": f"mercato {name}"},
        )  # fmt: skip
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable("DATABASE_UNAVAILABLE", f"{name}: {error}") from error
    try:
        yield Database(pool)
    finally:
        try:
            async with asyncio.timeout(3):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda v: orjson.dumps(v).decode(), decoder=orjson.loads
    )


async def _keep(_: asyncpg.Connection[asyncpg.Record]) -> None:
    """In place of asyncpg's reset on release, which costs a round trip: session state is never set on a pooled
    connection (only ``SET LOCAL`` and transaction locks), and an open transaction is rolled back before this."""
