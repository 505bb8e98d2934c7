"""What the users service can do: know the user of an address, show users, let them change their profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, UserId
from mercato.services.users.model import ProfileChange, User, check_avatar, checked, folded

BATCH_LIMIT = 1000

Clock = Callable[[], datetime]


class Store(Protocol):
    async def find_by_address(self, address: Address) -> User | None: ...

    async def find_by_handle(self, handle: str) -> User | None: ...

    async def leave(self, address: Address, users: Sequence[UserId]) -> None: ...

    async def add(self, user_id: UserId, address: Address, now: datetime) -> bool: ...

    async def record_login(self, event_id: str, user_id: UserId, address: Address, at: datetime) -> None: ...

    async def batch(self, ids: Sequence[UserId]) -> list[User]: ...

    async def change_profile(
        self, user_id: UserId, change: ProfileChange, now: datetime, held_since: datetime
    ) -> User: ...


class Media(Protocol):
    async def find_type(self, uri: str) -> str | None:
        """Content type of the file that is stored under an ``ipfs://`` URI, as it was found in its bytes."""


class EnsureUser:
    """The user of an address, made on first sight."""

    def __init__(self, store: Store, clock: Clock, make_id: Callable[[], UserId]) -> None:
        self._store = store
        self._clock = clock
        self._make_id = make_id

    async def run(self, address: Address, left: Sequence[UserId] = ()) -> tuple[User, bool]:
        """The user, and whether this call made it; of any number of calls at once one does.

        `left` are users whom the address was unlinked from: none of them is the answer, from now on.
        """
        if left:
            await self._store.leave(address, left)
        user = await self._store.find_by_address(address)
        if user is not None:
            return user, False
        created = await self._store.add(self._make_id(), address, self._clock())
        user = await self._store.find_by_address(address)
        assert user is not None, "users are never deleted"
        return user, created


class RecordLogin:
    """What a sign-in's event adds: the user, should this database not have it, and the time of the last sign-in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, event_id: str, user_id: UserId, address: Address, at: datetime) -> None:
        """Safe to repeat and in any order: the latest time wins. Raises `Poison` USER_MISMATCH when the address belongs
        to another id."""
        await self._store.record_login(event_id, user_id, address, at)


class BatchGetUsers:
    """Users by id, unknown ones left out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, ids: Sequence[UserId]) -> list[User]:
        """In the order asked for, each once. Raises `InvalidArgument` BATCH_TOO_LONG."""
        if len(ids) > BATCH_LIMIT:
            raise InvalidArgument("BATCH_TOO_LONG", f"ask for at most {BATCH_LIMIT} users at once")
        wanted = list(dict.fromkeys(ids))
        found = {user.id: user for user in await self._store.batch(wanted)}
        return [found[user_id] for user_id in wanted if user_id in found]


class FindUser:
    """A user by handle."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, handle: str) -> User | None:
        """In any case of its letters; None also for what cannot be a handle."""
        kept = folded(handle)
        return None if kept is None else await self._store.find_by_handle(kept)


class UpdateProfile:
    """A user's change of the own profile. A handle that is given up is nobody else's for `handle_hold`."""

    def __init__(self, store: Store, media: Media, clock: Clock, handle_hold: timedelta) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._handle_hold = handle_hold

    async def run(self, user_id: UserId, change: ProfileChange) -> User:
        """Raises `InvalidArgument` (see `model.checked`) or AVATAR_NOT_AN_IMAGE, `Conflict` HANDLE_TAKEN,
        HANDLE_CONFUSABLE or HANDLE_HELD, `FailedPrecondition` AVATAR_NOT_STORED or TOO_MANY_HANDLES, `NotFound`
        USER_NOT_FOUND."""
        kept = checked(change)
        if kept.avatar_uri and not await self._has_avatar(user_id, kept.avatar_uri):
            check_avatar(await self._media.find_type(kept.avatar_uri))
        now = self._clock()
        return await self._store.change_profile(user_id, kept, now, now - self._handle_hold)

    async def _has_avatar(self, user_id: UserId, uri: str) -> bool:
        """Whoever sends the whole profile again says nothing new of the picture."""
        return any(user.profile.avatar_uri == uri for user in await self._store.batch([user_id]))
