"""Sessions, their refresh tokens and the log of sign-ins; Redis ``session:blacklist:*`` marks those that were ended,
and ``session:ended`` tells the gateways of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import asyncpg
from redis.exceptions import RedisError

from mercato.kit import channels
from mercato.kit.ids import Address, ChainId, SessionId, UserId
from mercato.kit.logging import Logger
from mercato.kit.messages import Outgoing
from mercato.kit.postgres import Connection, Database
from mercato.kit.redis import Redis
from mercato.services.auth.model.sessions import (
    Client,
    Evidence,
    Link,
    LoginEvent,
    Proof,
    Refusal,
    Session,
    judge_refresh,
)

_COLUMNS = """
id, user_id, address, chain_id, proof, ip, user_agent, created_at, last_used_at, expires_at, wallet_id, revoked_at
"""

_INSERT_SESSION = """
WITH session AS (
    INSERT INTO sessions
        (id, user_id, address, chain_id, nonce, ip, user_agent, created_at, last_used_at, expires_at, wallet_id,
         proof, signed_message, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $11, $12, $13, $14)
)
INSERT INTO refresh_tokens (token_hash, session_id, issued_at) VALUES ($10, $1, $8)
"""
_INSERT_EVENT = """
INSERT INTO login_events (id, at, succeeded, reason, user_id, session_id, address, chain_id, ip, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
# Both rows are locked, so of two rotations of one token the second sees the first as done.
_LOCK_TOKEN = """
SELECT token.used_at, session.*
FROM refresh_tokens token JOIN sessions session ON session.id = token.session_id
WHERE token.token_hash = $1 FOR UPDATE
"""
_EVIDENCE = """
SELECT session.* FROM refresh_tokens token JOIN sessions session ON session.id = token.session_id
WHERE token.token_hash = $1 AND token.used_at IS NULL
AND revoked_at IS NULL AND expires_at > $2 AND signature IS NOT NULL
"""
_USE_TOKEN = "UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1"
_ADD_TOKEN = "INSERT INTO refresh_tokens (token_hash, session_id, issued_at) VALUES ($1, $2, $3)"
_EXTEND = f"UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1 RETURNING {_COLUMNS}"
_REVOKE = """
UPDATE sessions SET revoked_at = $2, revoked_reason = $3 WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL
"""
_REVOKE_ALL = """
UPDATE sessions SET revoked_at = $2, revoked_reason = $3
WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id
"""
# A session from before links were noted came through the one there was for its address.
_REVOKE_OF_WALLET = """
UPDATE sessions SET revoked_at = $5, revoked_reason = $6, wallet_id = $2
WHERE user_id = $1 AND (wallet_id = $2 OR wallet_id IS NULL AND address = $3 AND chain_id = $4)
AND revoked_at IS NULL AND expires_at > $5
"""
_REVOKED_OF_WALLET = "SELECT id, revoked_at FROM sessions WHERE wallet_id = $1 AND revoked_reason = $2"
_LIVE = f"""
SELECT {_COLUMNS} FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
ORDER BY last_used_at DESC, id DESC LIMIT 1000
"""
_ALIVE = "SELECT id FROM sessions WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL AND expires_at > $2"
_REVOKED_SINCE = "SELECT id, revoked_at FROM sessions WHERE revoked_at > $1"
_PURGE = "DELETE FROM sessions WHERE expires_at < $1"
# A mark and its news go together: what is marked was told, and is told once.
_MARK = """
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then
    redis.call('PUBLISH', ARGV[2], ARGV[3])
end
"""


class SessionStore:
    """PostgreSQL decides which sessions live; Redis lets each access token be checked without a query."""

    def __init__(self, database: Database, redis: Redis, access_ttl: timedelta, log: Logger) -> None:
        self._database = database
        self._redis = redis
        self._mark = redis.register_script(_MARK)
        self._access_ttl = access_ttl
        self._log = log

    async def open(
        self,
        session: Session,
        nonce: str,
        token_hash: bytes,
        event: LoginEvent,
        announcement: Outgoing,
        evidence: Evidence | None = None,
    ) -> None:
        """Session, first refresh token, log line and event in one commit; `evidence` is what a contract wallet is asked
        again."""
        async with self._database.transaction() as tx:
            await tx.connection.execute(
                _INSERT_SESSION, session.id, session.user_id, session.address, int(session.chain), nonce,
                session.client.ip, session.client.user_agent, session.created_at, session.expires_at, token_hash,
                session.wallet_id, session.proof.value,
                None if evidence is None else evidence.message, None if evidence is None else evidence.signature,
            )  # fmt: skip
            await _record(tx.connection, event)
            tx.publish(announcement)

    async def record(self, event: LoginEvent) -> None:
        """Adds a line to the log of sign-ins."""
        await _record(self._database.pool, event)

    async def rotate(
        self,
        shown: bytes,
        successor: bytes,
        now: datetime,
        end: Callable[[Session], datetime],
        refused: Callable[[Refusal, Session | None], LoginEvent],
    ) -> Session:
        """Replaces a refresh token, given and kept as hashes, by its successor; the session then lives until its `end`.

        Raises `Unauthenticated` REFRESH_UNKNOWN, SESSION_REVOKED, REFRESH_EXPIRED or REFRESH_REUSED, each of which has
        then left the log line that `refused` makes; the last has ended the session.
        """
        async with self._database.transaction() as tx:
            row = await tx.connection.fetchrow(_LOCK_TOKEN, shown)
            session = None if row is None else _from_row(row)
            refusal: Refusal | None = Refusal.UNKNOWN
            if row is not None and session is not None:
                refusal = judge_refresh(session, row["used_at"], end(session), now)
            if session is not None and refusal is None:
                await tx.connection.execute(_USE_TOKEN, shown, now)
                await tx.connection.execute(_ADD_TOKEN, successor, session.id, now)
                return _from_row(await tx.connection.fetchrow(_EXTEND, session.id, now, end(session)))
            assert refusal is not None, "no refusal has returned above"
            if session is not None and refusal is Refusal.REUSED:
                await tx.connection.execute(_REVOKE, [session.id], now, refusal.value)
            await _record(tx.connection, refused(refusal, session))
        if session is not None and refusal is Refusal.REUSED:
            await self._blacklist([(session.id, self._access_ttl)])
        raise refusal.error()

    async def find_evidence(self, shown: bytes, now: datetime) -> tuple[Session, Evidence] | None:
        """A live session of a contract wallet whose refresh token this is the hash of, unused, and what it signed."""
        row = await self._database.pool.fetchrow(_EVIDENCE, shown, now)
        return None if row is None else (_from_row(row), Evidence(row["signed_message"], row["signature"]))

    async def withdraw(self, session_id: SessionId, now: datetime, event: LoginEvent) -> None:
        """Ends a session by its wallet's word, and writes that down, in one commit."""
        async with self._database.transaction() as tx:
            await tx.connection.execute(_REVOKE, [session_id], now, event.reason)
            await _record(tx.connection, event)
        await self._blacklist([(session_id, self._access_ttl)])

    async def find(self, session_id: SessionId) -> Session | None:
        row = await self._database.pool.fetchrow(f"SELECT {_COLUMNS} FROM sessions WHERE id = $1", session_id)
        return None if row is None else _from_row(row)

    async def list_live(self, user_id: UserId, now: datetime) -> list[Session]:
        """A user's sessions, last used first."""
        return [_from_row(row) for row in await self._database.pool.fetch(_LIVE, user_id, now)]

    async def revoke(self, session_id: SessionId, now: datetime, reason: str) -> None:
        """Ends a session; a second time changes nothing."""
        await self._database.pool.execute(_REVOKE, [session_id], now, reason)
        await self._blacklist([(session_id, self._access_ttl)])

    async def revoke_all(self, user_id: UserId, now: datetime, reason: str) -> list[SessionId]:
        """Ends every live session of a user; returns which there were."""
        rows = await self._database.pool.fetch(_REVOKE_ALL, user_id, now, reason)
        await self._blacklist([(row["id"], self._access_ttl) for row in rows])
        return [SessionId(row["id"]) for row in rows]

    async def revoke_of_wallet(self, link: Link, now: datetime, reason: str) -> list[SessionId]:
        """Ends every live session that came through a link; returns all that were ended for this reason, by whoever
        was first. Marks them again: the commit may have been all that the first one did."""
        pool = self._database.pool
        await pool.execute(
            _REVOKE_OF_WALLET, link.user_id, link.wallet_id, link.address, int(link.chain), now, reason
        )  # fmt: skip
        rows = await pool.fetch(_REVOKED_OF_WALLET, link.wallet_id, reason)
        await self._blacklist(self._remaining(rows, now))
        return [SessionId(row["id"]) for row in rows]

    async def is_revoked(self, session_id: SessionId) -> bool:
        """The blacklist refuses at once; only the database lets in, since Redis may have lost a mark. A session nobody
        knows counts as revoked."""
        try:
            if await self._redis.exists(_key(session_id)):
                return True
        except (RedisError, OSError) as error:
            self._log.warning("blacklist not read", error=repr(error))
        session = await self.find(session_id)
        return session is None or session.revoked_at is not None

    async def find_ended(self, session_ids: Collection[SessionId], now: datetime) -> set[SessionId]:
        """Those that are revoked, expired or unknown, by the database."""
        rows = await self._database.pool.fetch(_ALIVE, list(session_ids), now)
        return set(session_ids) - {row["id"] for row in rows}

    async def restore_blacklist(self, now: datetime) -> None:
        """Marks again what was revoked within the lifetime of an access token: Redis may have been away, or emptied.
        Gateways are told of each mark that was missing, since they cannot have heard of it either."""
        rows = await self._database.pool.fetch(_REVOKED_SINCE, now - self._access_ttl)
        await self._blacklist(self._remaining(rows, now))

    async def purge(self, before: datetime) -> int:
        """Forgets sessions that expired before a time, with their tokens; returns how many."""
        return int((await self._database.pool.execute(_PURGE, before)).split()[1])

    def _remaining(self, rows: Iterable[asyncpg.Record], now: datetime) -> list[tuple[SessionId, timedelta]]:
        """For how long an access token of each of these ended sessions may still be shown."""
        ends = [(SessionId(row["id"]), row["revoked_at"] + self._access_ttl - now) for row in rows]
        return [(session_id, left) for session_id, left in ends if left > timedelta(0)]

    async def _blacklist(self, sessions: Iterable[tuple[SessionId, timedelta]]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for session_id, left in sessions:
                    milliseconds = max(1, int(left.total_seconds() * 1000))
                    await self._mark(
                        [_key(session_id)], [milliseconds, channels.SESSIONS_ENDED, str(session_id)], pipeline
                    )
                await pipeline.execute()
        except (RedisError, OSError) as error:
            self._log.warning("blacklist not written; it is restored when Redis is back", error=repr(error))


def _key(session_id: SessionId) -> str:
    return f"session:blacklist:{session_id}"


async def _record(connection: Connection | asyncpg.Pool[asyncpg.Record], event: LoginEvent) -> None:
    await connection.execute(
        _INSERT_EVENT, event.id, event.at, event.succeeded, event.reason, event.user_id, event.session_id,
        event.address, None if event.chain is None else int(event.chain), event.client.ip, event.client.user_agent,
    )  # fmt: skip


def _from_row(row: asyncpg.Record | None) -> Session:
    assert row is not None, "the row is locked by this transaction"
    return Session(
        id=row["id"],
        user_id=row["user_id"],
        address=Address(row["address"]),
        chain=ChainId(row["chain_id"]),
        proof=Proof(row["proof"]),
        client=Client(row["ip"], row["user_agent"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        wallet_id=row["wallet_id"],
        revoked_at=row["revoked_at"],
    )
