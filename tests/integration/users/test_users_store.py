"""Users on the real database: made once, told apart, changed by rule."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from users_parts import Pictures

from mercato.kit import postgres
from mercato.kit.errors import Conflict, InvalidArgument, NotFound, Poison
from mercato.kit.ids import Address, UserId, new_id
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.events.v1.events_pb2 import UserLoggedIn, WalletLinked
from mercato.services.users.consumers import OnUserLoggedIn
from mercato.services.users.model import Link, Profile, ProfileChange
from mercato.services.users.store import UserStore
from mercato.services.users.usecases import BatchGetUsers, EnsureUser, FindUser, RecordLogin, UpdateProfile

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
LINKS = (Link("Site", "https://ada.example/"), Link("Notes", "https://notes.example/ada?page=1"))
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "user_db") as opened:
        yield opened


@pytest.fixture(scope="module")
def store(database: Database) -> UserStore:
    return UserStore(database)


@pytest.fixture(scope="module")
def ensure(store: UserStore) -> EnsureUser:
    return EnsureUser(store, lambda: NOW, lambda: UserId(new_id()))


@pytest.fixture(scope="module")
def update(store: UserStore) -> UpdateProfile:
    return UpdateProfile(store, Pictures(), lambda: NOW, timedelta(days=30))


@pytest.fixture
def address() -> Address:
    return Address(os.urandom(20))


def logged_in(user_id: UserId, address: Address, at: datetime, message_id: str | None = None) -> Incoming:
    event = UserLoggedIn(user_id=str(user_id), session_id=str(new_id()), address=address, chain_id="eip155:1",
                         occurred_at=at)  # fmt: skip
    return Incoming(message_id or str(new_id()), event.DESCRIPTOR.full_name, event, {}, 1)


async def rows(database: Database, address: Address) -> list[tuple[object, ...]]:
    found = await database.pool.fetch(
        "SELECT id, created_at, last_login_at FROM users JOIN profiles ON user_id = id WHERE address = $1", address
    )
    return [tuple(row) for row in found]


async def test_an_address_keeps_the_user_it_was_given_first(ensure: EnsureUser, address: Address) -> None:
    user, created = await ensure.run(address)
    assert (user.address, user.profile, user.created_at, created) == (address, Profile(), NOW, True)
    assert await ensure.run(address) == (user, False)


async def test_fifty_calls_at_once_make_one_user_and_one_says_so(
    ensure: EnsureUser, database: Database, address: Address
) -> None:
    answers = await asyncio.gather(*(ensure.run(address) for _ in range(50)))
    assert len({user.id for user, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert await rows(database, address) == [(answers[0][0].id, NOW, None)]


async def test_call_and_event_at_once_agree_on_the_user(
    ensure: EnsureUser, store: UserStore, database: Database, address: Address
) -> None:
    user, _ = await ensure.run(address)
    handler = OnUserLoggedIn(RecordLogin(store))
    later = NOW + timedelta(minutes=1)
    await asyncio.gather(
        *(ensure.run(address) for _ in range(10)), *(handler(logged_in(user.id, address, later)) for _ in range(10))
    )
    assert await rows(database, address) == [(user.id, NOW, later)]


async def test_an_event_makes_the_user_where_the_call_left_none(
    ensure: EnsureUser, store: UserStore, database: Database, address: Address
) -> None:
    user_id = UserId(new_id())
    await OnUserLoggedIn(RecordLogin(store))(logged_in(user_id, address, NOW))
    user, created = await ensure.run(address)
    assert (user.id, created) == (user_id, False)
    assert await rows(database, address) == [(user_id, NOW, NOW)]


async def test_sign_ins_told_twice_and_shuffled_leave_the_latest_time(
    ensure: EnsureUser, store: UserStore, database: Database, address: Address
) -> None:
    user, _ = await ensure.run(address)
    handler = OnUserLoggedIn(RecordLogin(store))
    events = [logged_in(user.id, address, NOW + timedelta(minutes=n)) for n in range(10)] * 2
    random.Random(4361).shuffle(events)
    for event in events:
        await handler(event)
    assert await rows(database, address) == [(user.id, NOW, NOW + timedelta(minutes=9))]
    remembered = await database.pool.fetchval(
        "SELECT count(*) FROM processed_events WHERE event_id = ANY($1::text[])", [e.message_id for e in events]
    )
    assert remembered == 10


async def test_an_event_that_names_another_user_for_an_address_changes_nothing(
    ensure: EnsureUser, store: UserStore, database: Database, address: Address
) -> None:
    user, _ = await ensure.run(address)
    stray = logged_in(UserId(new_id()), address, NOW)
    with pytest.raises(Poison) as refusal:
        await OnUserLoggedIn(RecordLogin(store))(stray)
    assert refusal.value.reason == "USER_MISMATCH"
    assert await rows(database, address) == [(user.id, NOW, None)]
    assert not await database.pool.fetchval(
        "SELECT EXISTS (SELECT FROM processed_events WHERE event_id = $1)", stray.message_id
    )


async def test_events_that_cannot_be_read_are_refused_for_good(store: UserStore, address: Address) -> None:
    handler = OnUserLoggedIn(RecordLogin(store))
    wrong_type = Incoming("1", "mercato.events.v1.WalletLinked", WalletLinked(), {}, 1)
    with pytest.raises(Poison):
        await handler(wrong_type)
    for event in (UserLoggedIn(user_id="me", address=address), UserLoggedIn(user_id=str(new_id()), address=b"short")):
        with pytest.raises(InvalidArgument) as refusal:
            await handler(Incoming("1", event.DESCRIPTOR.full_name, event, {}, 1))
        assert not refusal.value.retryable


async def test_only_the_fields_given_change(ensure: EnsureUser, update: UpdateProfile, address: Address) -> None:
    user, _ = await ensure.run(address)
    handle = f"Ada_{user.id.hex[-12:]}"
    await update.run(user.id, ProfileChange(handle=handle, display_name="Ada", bio="Countess"))
    changed = await update.run(user.id, ProfileChange(bio="", avatar_uri=f"ipfs://{CID}", links=LINKS))
    assert changed.profile == Profile(handle.lower(), "Ada", "", f"ipfs://{CID}", LINKS)
    assert (await ensure.run(address))[0] == changed


async def test_a_handle_has_one_owner_in_any_case_even_when_many_ask_at_once(
    ensure: EnsureUser, update: UpdateProfile, address: Address
) -> None:
    users = [(await ensure.run(Address(os.urandom(20))))[0] for _ in range(10)]
    handle = f"h_{address.hex()[:20]}"
    spelled = [handle if n % 2 else handle.upper() for n in range(10)]
    answers = await asyncio.gather(
        *(update.run(user.id, ProfileChange(handle=text)) for user, text in zip(users, spelled, strict=True)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, Conflict)]
    winners = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert [refusal.reason for refusal in refusals] == ["HANDLE_TAKEN"] * 9
    assert [winner.profile.handle for winner in winners] == [handle]


async def test_ones_own_handle_can_be_set_again(ensure: EnsureUser, update: UpdateProfile, address: Address) -> None:
    user, _ = await ensure.run(address)
    change = ProfileChange(handle=f"h_{address.hex()[:20]}")
    assert await update.run(user.id, change) == await update.run(user.id, change)


async def test_a_profile_of_nobody_is_not_found(update: UpdateProfile) -> None:
    with pytest.raises(NotFound) as refusal:
        await update.run(UserId(new_id()), ProfileChange(bio="?"))
    assert refusal.value.reason == "USER_NOT_FOUND"


async def test_a_batch_answers_in_order_without_the_unknown(ensure: EnsureUser, store: UserStore) -> None:
    users = [(await ensure.run(Address(os.urandom(20))))[0] for _ in range(3)]
    wanted = [users[2].id, UserId(new_id()), users[0].id, users[2].id]
    assert await BatchGetUsers(store).run(wanted) == [users[2], users[0]]
    assert await BatchGetUsers(store).run([]) == []


async def test_a_batch_has_a_limit(store: UserStore) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await BatchGetUsers(store).run([UserId(new_id())] * 1001)
    assert refusal.value.reason == "BATCH_TOO_LONG"


async def test_links_are_replaced_as_a_whole_and_left_alone_otherwise(
    ensure: EnsureUser, update: UpdateProfile, address: Address
) -> None:
    user, _ = await ensure.run(address)
    assert (await update.run(user.id, ProfileChange(links=LINKS))).profile.links == LINKS
    assert (await update.run(user.id, ProfileChange(bio="hello"))).profile.links == LINKS
    assert (await update.run(user.id, ProfileChange(links=LINKS[1:]))).profile.links == LINKS[1:]
    assert (await update.run(user.id, ProfileChange(links=()))).profile.links == ()


async def test_a_user_is_found_by_handle_in_any_case(
    ensure: EnsureUser, update: UpdateProfile, store: UserStore, address: Address
) -> None:
    user, _ = await ensure.run(address)
    handle = f"h_{address.hex()[:20]}"
    changed = await update.run(user.id, ProfileChange(handle=handle))
    find = FindUser(store)
    assert [await find.run(text) for text in (handle, handle.upper())] == [changed, changed]
    assert [await find.run(text) for text in (handle + "x", "", "a\0b")] == [None, None, None]


async def test_of_handles_that_look_alike_one_is_given_out_even_when_all_are_asked_for_at_once(
    ensure: EnsureUser, update: UpdateProfile, address: Address
) -> None:
    users = [(await ensure.run(Address(os.urandom(20))))[0] for _ in range(8)]
    end = address.hex()[:16].translate(str.maketrans("01", "ab"))
    handles = [f"{start}{end}" for start in ("mollo", "rnollo", "mo1lo", "moll0", "m_ollo", "moilo", "rno110", "m0llo")]
    answers = await asyncio.gather(
        *(update.run(user.id, ProfileChange(handle=text)) for user, text in zip(users, handles, strict=True)),
        return_exceptions=True,
    )
    refusals = [answer.reason for answer in answers if isinstance(answer, Conflict)]
    (winner,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert refusals == ["HANDLE_CONFUSABLE"] * 7
    own = await update.run(winner.id, ProfileChange(handle=handles[0].upper()))
    assert own.profile.handle == handles[0]


async def test_a_sign_in_with_a_linked_wallet_dates_its_user(
    ensure: EnsureUser, store: UserStore, database: Database, address: Address
) -> None:
    user, _ = await ensure.run(address)
    await OnUserLoggedIn(RecordLogin(store))(logged_in(user.id, Address(os.urandom(20)), NOW))
    assert await rows(database, address) == [(user.id, NOW, NOW)]


async def test_an_address_that_left_its_user_begins_another_and_the_first_stays(
    ensure: EnsureUser, database: Database, address: Address
) -> None:
    first, _ = await ensure.run(address)
    answers = await asyncio.gather(*(ensure.run(address, [first.id]) for _ in range(20)))
    (second,) = {user.id for user, _ in answers}
    assert second != first.id
    assert [created for _, created in answers].count(True) == 1
    assert (await ensure.run(address))[0].id == second
    assert {row[0] for row in await rows(database, address)} == {first.id, second}
