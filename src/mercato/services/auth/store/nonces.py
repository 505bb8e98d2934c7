"""Nonces in `auth_nonces`, copied to Redis ``siwe:nonce:{nonce}`` so that replays are refused without a query."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
from redis.exceptions import RedisError

from mercato.kit.ids import Address, ChainId, UserId, parse_id
from mercato.kit.logging import Logger
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.services.auth.model.nonces import Nonce

_INSERT = """
INSERT INTO auth_nonces (nonce, address, chain_id, domain, issued_at, expires_at, link_user_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_COLUMNS = "nonce, address, chain_id, domain, expires_at, used_at, link_user_id"
_SELECT = f"SELECT {_COLUMNS} FROM auth_nonces WHERE nonce = $1"
# The one statement that decides: of any number of sign-ins at once, one finds used_at empty.
_CONSUME = f"""
UPDATE auth_nonces SET used_at = $5
WHERE nonce = $1 AND address = $2 AND chain_id = $3 AND domain = $4 AND used_at IS NULL AND expires_at > $5
RETURNING {_COLUMNS}
"""
_PURGE = "DELETE FROM auth_nonces WHERE expires_at < $1"
_PARTS = 6  # of a copy


class NonceStore:
    """Both copies of the nonces."""

    def __init__(self, database: Database, redis: Redis, log: Logger) -> None:
        self._database = database
        self._redis = redis
        self._log = log

    async def add(self, nonce: Nonce, now: datetime) -> None:
        """Keeps a new nonce; the Redis copy ends with it."""
        await self._database.pool.execute(
            _INSERT, nonce.value, nonce.address, int(nonce.chain), nonce.domain, now, nonce.expires_at, nonce.link_user
        )
        await self._copy(nonce)

    async def find(self, value: str) -> Nonce | None:
        """From Redis, or from PostgreSQL where Redis has none; a copy may be older than the truth, never newer."""
        try:
            copy = await self._redis.get(_key(value))
        except (RedisError, OSError) as error:
            self._log.warning("nonce copy not read", error=repr(error))
            copy = None
        found = _from_copy(value, copy) if isinstance(copy, bytes) else None
        return found or await self.find_true(value)

    async def find_true(self, value: str) -> Nonce | None:
        """From PostgreSQL."""
        row = await self._database.pool.fetchrow(_SELECT, value)
        return None if row is None else _from_row(row)

    async def consume(self, value: str, address: Address, chain: ChainId, domain: str, now: datetime) -> bool:
        """Uses the nonce up; True for exactly one caller ever, and only while it is bound so and not expired."""
        row = await self._database.pool.fetchrow(_CONSUME, value, address, int(chain), domain, now)
        if row is None:
            return False
        await self._copy(_from_row(row))
        return True

    async def purge(self, before: datetime) -> int:
        """Forgets nonces that expired before a time; returns how many."""
        return int((await self._database.pool.execute(_PURGE, before)).split()[1])

    async def _copy(self, nonce: Nonce) -> None:
        used = "" if nonce.used_at is None else str(nonce.used_at.timestamp())
        purpose = "" if nonce.link_user is None else str(nonce.link_user)
        bound = f"{nonce.address.text} {int(nonce.chain)} {nonce.domain}"
        value = f"{bound} {nonce.expires_at.timestamp()} {used} {purpose}"
        try:
            await self._redis.set(_key(nonce.value), value, exat=int(nonce.expires_at.timestamp()) + 1)
        except (RedisError, OSError) as error:
            self._log.warning("nonce copy not written", error=repr(error))


def _key(value: str) -> str:
    return f"siwe:nonce:{value}"


def _from_copy(value: str, copy: bytes) -> Nonce | None:
    """None for a copy in the form of another version of this code, which may run beside it for a while."""
    parts = copy.decode().split(" ")
    if len(parts) != _PARTS:
        return None
    address, chain, domain, expires, used, purpose = parts
    return Nonce(
        value,
        Address.parse(address),
        ChainId(int(chain)),
        domain,
        datetime.fromtimestamp(float(expires), UTC),
        datetime.fromtimestamp(float(used), UTC) if used else None,
        UserId(parse_id(purpose)) if purpose else None,
    )


def _from_row(row: asyncpg.Record) -> Nonce:
    return Nonce(
        row["nonce"],
        Address(row["address"]),
        ChainId(row["chain_id"]),
        row["domain"],
        row["expires_at"],
        row["used_at"],
        row["link_user_id"],
    )
