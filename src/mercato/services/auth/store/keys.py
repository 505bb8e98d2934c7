"""Signing keys in `signing_keys`, shared by all auth processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mercato.kit.postgres import Database
from mercato.services.auth.model.tokens import SigningKey

_TOUCH = """
INSERT INTO signing_keys (kid, public_key, private_key, created_at, last_used_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (kid) DO UPDATE SET last_used_at = greatest(signing_keys.last_used_at, excluded.last_used_at)
"""
_NEWEST_STORED = """
SELECT private_key FROM signing_keys WHERE private_key IS NOT NULL AND retired_at IS NULL
ORDER BY created_at DESC, kid LIMIT 1
"""
_RETIRE = "UPDATE signing_keys SET retired_at = $1, private_key = NULL WHERE private_key IS NOT NULL"
_PUBLIC = "SELECT kid, public_key FROM signing_keys WHERE last_used_at > $1"
# Any number that no other advisory lock of this database uses.
_LOCK = "SELECT pg_advisory_xact_lock(4361)"


class KeyStore:
    """A key's public half is known to everybody from before its first signature."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def touch(self, key: SigningKey, now: datetime) -> None:
        """Makes a configured key known as in use; its private half stays where it is configured."""
        await self._database.pool.execute(_TOUCH, key.kid, key.public, None, now)

    async def shared(self, make: Callable[[], SigningKey], now: datetime) -> SigningKey:
        """The stored key that is in use; made once when there is none or the last one was retired."""
        async with self._database.transaction() as tx:
            await tx.connection.execute(_LOCK)
            pem = await tx.connection.fetchval(_NEWEST_STORED)
            key = make() if pem is None else SigningKey.from_pem(pem)
            await tx.connection.execute(_TOUCH, key.kid, key.public, key.pem, now)
        return key

    async def retire(self, now: datetime) -> None:
        """Lets no shared key sign any more and forgets its private half; the public one goes on being believed."""
        async with self._database.transaction() as tx:
            await tx.connection.execute(_LOCK)
            await tx.connection.execute(_RETIRE, now)

    async def public_keys(self, used_since: datetime) -> dict[str, bytes]:
        """Public halves by `kid` of all keys that have signed since a time."""
        rows = await self._database.pool.fetch(_PUBLIC, used_since)
        return {row["kid"]: row["public_key"] for row in rows}
