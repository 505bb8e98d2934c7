"""Users and profiles in PostgreSQL `user_db`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from mercato.kit.errors import Conflict, NotFound, Poison
from mercato.kit.ids import Address, UserId
from mercato.kit.postgres import Connection, Database
from mercato.services.users.model import Link, Profile, ProfileChange, User, check_held, skeleton

LOGIN_CONSUMER = "users.auth.logged_in"

_USER = """
SELECT users.id, address, created_at, last_login_at, handle, display_name, bio, avatar_uri, links
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
UPDATE users SET last_login_at = greatest(last_login_at, $2) WHERE id = $1
"""
_LEAVE = "UPDATE users SET address_left = true WHERE address = $1 AND id = ANY($2::uuid[]) AND NOT address_left"
_HANDLE_OF = "SELECT handle FROM profiles WHERE user_id = $1 FOR UPDATE"
# Whoever takes or gives up a handle of this look does so alone. Locked in one order, so that nobody waits in a circle.
_ALONE = """
SELECT pg_advisory_xact_lock(hashtextextended('handle ' || skeleton, 0))
FROM (SELECT unnest($1::text[]) AS skeleton ORDER BY 1) looks
"""
_HELD_BY = "SELECT user_id FROM held_handles WHERE skeleton = $1 AND user_id <> $2 AND released_at > $3"
_TAKE = "DELETE FROM held_handles WHERE skeleton = $1"
_HOLD = """
INSERT INTO held_handles (skeleton, handle, user_id, released_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (skeleton) DO UPDATE SET
    handle = excluded.handle, user_id = excluded.user_id, released_at = excluded.released_at
"""
_COUNT_HELD = "SELECT count(*) FROM held_handles WHERE user_id = $1 AND released_at > $2"
_CHANGE = """
UPDATE profiles SET
    handle = coalesce($2, handle),
    display_name = coalesce($3, display_name),
    bio = coalesce($4, bio),
    avatar_uri = coalesce($5, avatar_uri),
    handle_skeleton = coalesce($7, handle_skeleton),
    links = coalesce($8::jsonb, links),
    updated_at = $6
WHERE user_id = $1
"""


class UserStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_by_address(self, address: Address) -> User | None:
        """The user who began with an address and has not left it."""
        row = await self._database.pool.fetchrow(f"{_USER} WHERE address = $1 AND NOT address_left", address)
        return None if row is None else _from_row(row)

    async def find_by_handle(self, handle: str) -> User | None:
        """`handle` in the form in which it is kept."""
        row = await self._database.pool.fetchrow(f"{_USER} WHERE handle = $1", handle)
        return None if row is None else _from_row(row)

    async def leave(self, address: Address, users: Sequence[UserId]) -> None:
        """These users do not have the address any more; a second time changes nothing."""
        await self._database.pool.execute(_LEAVE, address, users)

    async def add(self, user_id: UserId, address: Address, now: datetime) -> bool:
        """True when this call made the user; False when the address had one, or got one at this moment."""
        return await self._database.pool.execute(_ADD, user_id, address, now, None) == "INSERT 0 1"

    async def record_login(self, event_id: str, user_id: UserId, address: Address, at: datetime) -> None:
        """Inbox, user and time of sign-in in one commit. The address may be one that the user linked later."""
        async with self._database.transaction() as tx:
            if not await tx.is_first(LOGIN_CONSUMER, event_id):
                return
            await tx.connection.execute(_ADD, user_id, address, at, at)
            if await tx.connection.execute(_RECORD_LOGIN, user_id, at) != "UPDATE 1":
                raise Poison("USER_MISMATCH", f"{address} began another user than {user_id}, whom nobody knows")

    async def batch(self, ids: Sequence[UserId]) -> list[User]:
        rows = await self._database.pool.fetch(f"{_USER} WHERE users.id = ANY($1::uuid[])", ids)
        return [_from_row(row) for row in rows]

    async def change_profile(self, user_id: UserId, change: ProfileChange, now: datetime, held_since: datetime) -> User:
        """A handle that is given up is held for its user; one that was given up after `held_since` is nobody else's.

        Raises `Conflict` HANDLE_TAKEN or HANDLE_CONFUSABLE, which the unique indexes decide, or HANDLE_HELD,
        `FailedPrecondition` TOO_MANY_HANDLES, or `NotFound` USER_NOT_FOUND.
        """
        async with self._database.transaction() as tx:
            if change.handle is not None:
                await _exchange_handle(tx.connection, user_id, change.handle, now, held_since)
            try:
                await tx.connection.execute(
                    _CHANGE, user_id, change.handle, change.display_name, change.bio, change.avatar_uri, now,
                    None if change.handle is None else skeleton(change.handle),
                    None if change.links is None else [{"label": link.label, "url": link.url} for link in change.links],
                )  # fmt: skip
            except asyncpg.UniqueViolationError as error:
                raise _taken(change.handle, error.constraint_name) from None
            row = await tx.connection.fetchrow(f"{_USER} WHERE users.id = $1", user_id)
        if row is None:
            raise NotFound("USER_NOT_FOUND", f"there is no user {user_id}")
        return _from_row(row)


async def _exchange_handle(
    connection: Connection, user_id: UserId, wanted: str, now: datetime, held_since: datetime
) -> None:
    before = await connection.fetchval(_HANDLE_OF, user_id)
    left = None if before is None else skeleton(before)
    taken = skeleton(wanted)
    await connection.execute(_ALONE, [taken] if left is None else [taken, left])
    if await connection.fetchval(_HELD_BY, taken, user_id, held_since) is not None:
        raise Conflict(
            "HANDLE_HELD",
            f"{wanted}, or what looks like it, was somebody's until lately and is kept for them; choose another handle",
            field="handle",
        )
    await connection.execute(_TAKE, taken)
    if left is not None and left != taken:
        await connection.execute(_HOLD, left, before, user_id, now)
        check_held(await connection.fetchval(_COUNT_HELD, user_id, held_since))


def _taken(handle: str | None, index: str | None) -> Conflict:
    if index == "profiles_handle_skeleton":
        said = f"{handle} looks like the handle of somebody else; choose another handle"
        return Conflict("HANDLE_CONFUSABLE", said, field="handle")
    return Conflict("HANDLE_TAKEN", f"{handle} belongs to somebody else; choose another handle", field="handle")


def _from_row(row: asyncpg.Record) -> User:
    return User(
        id=row["id"],
        address=Address(row["address"]),
        profile=Profile(
            row["handle"],
            row["display_name"],
            row["bio"],
            row["avatar_uri"],
            tuple(Link(link["label"], link["url"]) for link in row["links"]),
        ),
        created_at=row["created_at"],
        last_login_at=row["last_login_at"],
    )
