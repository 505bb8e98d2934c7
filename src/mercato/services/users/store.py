"""Users and profiles in PostgreSQL `user_db`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from mercato.kit.errors import Conflict, NotFound, Poison
from mercato.kit.ids import Address, UserId
from mercato.kit.postgres import Database
from mercato.services.users.model import Profile, ProfileChange, User

LOGIN_CONSUMER = "users.auth.logged_in"

_USER = """
SELECT users.id, address, created_at, handle, display_name, bio, avatar_uri
FROM users JOIN profiles ON profiles.user_id = users.id
"""
# A user without a profile is never seen: both rows come of one statement.
_ADD = """
WITH made AS (
    INSERT INTO users (id, address, created_at, last_login_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO profiles (user_id, updated_at) SELECT id, $3 FROM made
"""
_RECORD_LOGIN = """
UPDATE users SET last_login_at = greatest(last_login_at, $3) WHERE id = $1 AND address = $2
"""
_CHANGE = """
UPDATE profiles SET
    handle = coalesce($2, handle),
    display_name = coalesce($3, display_name),
    bio = coalesce($4, bio),
    avatar_uri = coalesce($5, avatar_uri),
    updated_at = $6
WHERE user_id = $1
"""


class UserStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_by_address(self, address: Address) -> User | None:
        row = await self._database.pool.fetchrow(f"{_USER} WHERE address = $1", address)
        return None if row is None else _from_row(row)

    async def add(self, user_id: UserId, address: Address, now: datetime) -> bool:
        """True when this call made the user; False when the address had one, or got one at this moment."""
        return await self._database.pool.execute(_ADD, user_id, address, now, None) == "INSERT 0 1"

    async def record_login(self, event_id: str, user_id: UserId, address: Address, at: datetime) -> None:
        """Inbox, user and time of sign-in in one commit."""
        async with self._database.transaction() as tx:
            if not await tx.is_first(LOGIN_CONSUMER, event_id):
                return
            await tx.connection.execute(_ADD, user_id, address, at, at)
            if await tx.connection.execute(_RECORD_LOGIN, user_id, address, at) != "UPDATE 1":
                raise Poison("USER_MISMATCH", f"{address} is not the address of user {user_id}")

    async def batch(self, ids: Sequence[UserId]) -> list[User]:
        rows = await self._database.pool.fetch(f"{_USER} WHERE users.id = ANY($1::uuid[])", ids)
        return [_from_row(row) for row in rows]

    async def change_profile(self, user_id: UserId, change: ProfileChange, now: datetime) -> User:
        """Raises `Conflict` HANDLE_TAKEN, which the unique index decides, or `NotFound` USER_NOT_FOUND."""
        async with self._database.transaction() as tx:
            try:
                await tx.connection.execute(
                    _CHANGE, user_id, change.handle, change.display_name, change.bio, change.avatar_uri, now
                )
            except asyncpg.UniqueViolationError:
                raise Conflict(
                    "HANDLE_TAKEN", f"{change.handle} belongs to somebody else; choose another handle", field="handle"
                ) from None
            row = await tx.connection.fetchrow(f"{_USER} WHERE users.id = $1", user_id)
        if row is None:
            raise NotFound("USER_NOT_FOUND", f"there is no user {user_id}")
        return _from_row(row)


def _from_row(row: asyncpg.Record) -> User:
    return User(
        id=row["id"],
        address=Address(row["address"]),
        profile=Profile(row["handle"], row["display_name"], row["bio"], row["avatar_uri"]),
        created_at=row["created_at"],
    )
