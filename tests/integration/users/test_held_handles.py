"""A handle that was given up is kept for whoever had it, for a time; whoever asks at once, one has it in the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from users_parts import Pictures

from mercato.kit import postgres
from mercato.kit.errors import Conflict, FailedPrecondition, MercatoError
from mercato.kit.ids import Address, UserId, new_id
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.services.users.model import HELD_LIMIT, ProfileChange, User
from mercato.services.users.store import UserStore
from mercato.services.users.usecases import EnsureUser, FindUser, UpdateProfile

HOLD = timedelta(days=30)
START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
async def store(settings: Settings) -> AsyncIterator[UserStore]:
    async with postgres.connected(settings, "user_db") as database:
        yield UserStore(database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def update(store: UserStore, clock: Clock) -> UpdateProfile:
    return UpdateProfile(store, Pictures(), clock, HOLD)


async def somebody(store: UserStore) -> UserId:
    user, _ = await EnsureUser(store, lambda: START, lambda: UserId(new_id())).run(Address(os.urandom(20)))
    return user.id


def name(letters: str = "nobody") -> str:
    """A handle that no other test has; its look-alikes are its own as well."""
    return f"{letters}_{os.urandom(6).hex().translate(str.maketrans('0123456789', 'ghjkpqstuy'))}"


async def take(update: UpdateProfile, user: UserId, handle: str) -> User:
    return await update.run(user, ProfileChange(handle=handle))


async def reason(update: UpdateProfile, user: UserId, handle: str) -> str:
    with pytest.raises(MercatoError) as refused:
        await take(update, user, handle)
    assert refused.value.details.get("field") == "handle"
    return refused.value.reason


async def test_a_handle_given_up_is_kept_for_its_owner_for_a_time_and_free_after_it(
    store: UserStore, update: UpdateProfile, clock: Clock
) -> None:
    ann, bob = await somebody(store), await somebody(store)
    first, second = name(), name()
    await take(update, ann, first)
    await take(update, ann, second)
    assert await reason(update, bob, first) == "HANDLE_HELD"
    assert await FindUser(store).run(first) is None
    clock.now += HOLD - timedelta(seconds=1)
    assert await reason(update, bob, first) == "HANDLE_HELD"
    clock.now += timedelta(seconds=1)
    assert (await take(update, bob, first)).id == bob
    assert await reason(update, ann, first) == "HANDLE_TAKEN"


@pytest.mark.parametrize("wait", [timedelta(0), HOLD / 2, 2 * HOLD], ids=str)
async def test_whoever_had_it_takes_it_back_at_any_time(
    store: UserStore, update: UpdateProfile, clock: Clock, wait: timedelta
) -> None:
    ann, bob = await somebody(store), await somebody(store)
    first, second = name(), name()
    await take(update, ann, first)
    await take(update, ann, second)
    clock.now += wait
    assert (await take(update, ann, first)).profile.handle == first
    assert await reason(update, bob, first) == "HANDLE_TAKEN"
    assert await reason(update, bob, second) == "HANDLE_HELD"


async def test_what_looks_like_a_held_handle_is_held_too(store: UserStore, update: UpdateProfile) -> None:
    ann, bob = await somebody(store), await somebody(store)
    first = name("lola")
    await take(update, ann, first)
    await take(update, ann, name())
    for alike in ("1o1a" + first[4:], first.replace("_", ""), first.upper()):
        assert await reason(update, bob, alike) == "HANDLE_HELD"
    assert (await take(update, ann, "l0la" + first[4:])).profile.handle == "l0la" + first[4:]


async def test_it_is_kept_for_whoever_had_it_last(store: UserStore, update: UpdateProfile, clock: Clock) -> None:
    ann, bob = await somebody(store), await somebody(store)
    handle = name()
    await take(update, ann, handle)
    await take(update, ann, name())
    clock.now += HOLD
    await take(update, bob, handle)
    await take(update, bob, name())
    assert await reason(update, ann, handle) == "HANDLE_HELD"
    assert (await take(update, bob, handle)).profile.handle == handle


async def test_another_spelling_of_the_own_handle_holds_nothing(store: UserStore, update: UpdateProfile) -> None:
    ann = await somebody(store)
    handle = name("lola")
    for spelling in (handle, handle, "1o1a" + handle[4:], handle) * (HELD_LIMIT + 1):
        assert (await take(update, ann, spelling)).profile.handle == spelling


async def test_nobody_keeps_more_than_a_few_handles_from_others(
    store: UserStore, update: UpdateProfile, clock: Clock
) -> None:
    ann = await somebody(store)
    handles = [name() for _ in range(HELD_LIMIT + 1)]
    for handle in handles:
        await take(update, ann, handle)
    refused = name()
    with pytest.raises(FailedPrecondition) as error:
        await take(update, ann, refused)
    assert error.value.reason == "TOO_MANY_HANDLES"
    assert (await take(update, await somebody(store), refused)).profile.handle == refused
    assert (await take(update, ann, handles[2])).profile.handle == handles[2]
    clock.now += HOLD
    assert (await take(update, ann, name())).id == ann


async def test_a_refused_handle_changes_nothing_of_the_profile(store: UserStore, update: UpdateProfile) -> None:
    ann, bob = await somebody(store), await somebody(store)
    held, own = name(), name()
    await take(update, ann, held)
    await take(update, ann, name())
    await take(update, bob, own)
    with pytest.raises(Conflict):
        await update.run(bob, ProfileChange(handle=held, bio="new"))
    (found,) = await store.batch([bob])
    assert (found.profile.handle, found.profile.bio) == (own, "")
    assert (await take(update, bob, own)).profile.handle == own


async def test_while_a_handle_is_given_up_nobody_else_slips_in(store: UserStore, update: UpdateProfile) -> None:
    """Each on a connection of its own: the owner leaves, many ask for it and its look-alikes at that moment."""
    for _ in range(5):
        ann, others = await somebody(store), [await somebody(store) for _ in range(8)]
        handle = name("lola")
        await take(update, ann, handle)
        wanted = [handle if n % 2 else "1o1a" + handle[4:] for n in range(8)]
        answers = await asyncio.gather(
            take(update, ann, name()),
            *(take(update, user, text) for user, text in zip(others, wanted, strict=True)),
            return_exceptions=True,
        )
        assert isinstance(answers[0], User)
        assert {a.reason if isinstance(a, Conflict) else repr(a) for a in answers[1:]} <= {
            "HANDLE_TAKEN", "HANDLE_CONFUSABLE", "HANDLE_HELD",
        }  # fmt: skip
        assert await FindUser(store).run(handle) is None


async def test_a_handle_whose_time_is_over_goes_to_one_of_those_who_ask_at_once(
    store: UserStore, update: UpdateProfile, clock: Clock
) -> None:
    ann, others = await somebody(store), [await somebody(store) for _ in range(8)]
    handle = name()
    await take(update, ann, handle)
    await take(update, ann, name())
    clock.now += HOLD
    answers = await asyncio.gather(*(take(update, user, handle) for user in (*others, ann)), return_exceptions=True)
    (winner,) = [answer.id for answer in answers if isinstance(answer, User)]
    assert [a.reason for a in answers if isinstance(a, Conflict)] == ["HANDLE_TAKEN"] * 8
    found = await FindUser(store).run(handle)
    assert found is not None
    assert found.id == winner


async def test_two_who_want_each_others_handle_at_once_are_both_told_no(
    store: UserStore, update: UpdateProfile
) -> None:
    for _ in range(5):
        ann, bob, one, two = await somebody(store), await somebody(store), name(), name()
        await take(update, ann, one)
        await take(update, bob, two)
        answers = await asyncio.gather(take(update, ann, two), take(update, bob, one), return_exceptions=True)
        assert [getattr(answer, "reason", answer) for answer in answers] == ["HANDLE_TAKEN", "HANDLE_TAKEN"]


async def test_handles_from_before_are_held_as_they_were(settings: Settings, update: UpdateProfile) -> None:
    """A handle that lost its claim to its look, since an earlier one had it, is held by its look all the same."""
    async with postgres.connected(settings, "user_db") as database:
        store = UserStore(database)
        ann, bob = await somebody(store), await somebody(store)
        handle = name("lola")
        await take(update, ann, handle)
        await _unclaim(database, ann)
        await take(update, ann, name())
        assert await reason(update, bob, handle) == "HANDLE_HELD"


async def _unclaim(database: Database, user: UserId) -> None:
    await database.pool.execute("UPDATE profiles SET handle_skeleton = NULL WHERE user_id = $1", user)
