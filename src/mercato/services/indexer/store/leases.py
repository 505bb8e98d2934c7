"""Who leads a chain: session-level advisory locks of PostgreSQL, held on one connection of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_TIMEOUT = 3.0
# A leader whose machine vanished sends no goodbye: the server must find out within seconds.
_KEEPALIVE = {
    "application_name": "mercato indexer leases",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


class Leases:
    """Locks named by chain number; all are gone when the connection is.

    A lock only decides who tries; what keeps a paused old leader from writing is the epoch in the checkpoint.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._held: set[ChainId] = set()
        self._one_at_a_time = asyncio.Lock()

    async def try_acquire(self, chain: ChainId) -> bool:
        """True when this process leads the chain from now on (or did before)."""
        async with self._one_at_a_time:
            if chain in self._held and self._alive:
                return True
            connection = await self._connected()
            if await self._answer(connection, "SELECT pg_try_advisory_lock($1)", chain):
                self._held.add(chain)
                return True
            return False

    async def release(self, chain: ChainId) -> None:
        """Lets another replica lead; no error when the lock is gone already."""
        async with self._one_at_a_time:
            if chain in self._held and self._connection is not None and self._alive:
                with suppress(Unavailable):
                    await self._answer(self._connection, "SELECT pg_advisory_unlock($1)", chain)
            self._held.discard(chain)

    async def check(self, chain: ChainId) -> bool:
        """True while the server still knows us as the leader."""
        async with self._one_at_a_time:
            if chain not in self._held or self._connection is None or not self._alive:
                return False
            with suppress(Unavailable):
                await self._answer(self._connection, "SELECT $1::bigint", chain)
                return True
            return False

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self._connection.close(timeout=_TIMEOUT)

    @property
    def _alive(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._held.clear()
            try:
                self._connection = await asyncpg.connect(self._url, timeout=_TIMEOUT, server_settings=_KEEPALIVE)
            except (OSError, asyncpg.PostgresError, TimeoutError) as error:
                raise Unavailable("DATABASE_UNAVAILABLE", f"indexer_db: {error}") from error
        return self._connection

    async def _answer(self, connection: Connection, query: str, chain: ChainId) -> object:
        try:
            return await connection.fetchval(query, int(chain), timeout=_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            # Whatever went wrong, the locks are uncertain now: drop the session and with it all of them.
            connection.terminate()
            self._held.clear()
            raise Unavailable("DATABASE_UNAVAILABLE", f"indexer_db: {error!r}") from error


@asynccontextmanager
async def leases(settings: Settings) -> AsyncIterator[Leases]:
    """Opens lazily; every lock is released at the end of the block."""
    held = Leases(settings.database_url("indexer_db"))
    try:
        yield held
    finally:
        await held.close()
