"""Logs of channels on a real Redis: entries name the one before them, events are kept once, and nothing for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mercato.kit import redis
from mercato.kit.ids import new_id
from mercato.kit.pushes import Outgoing, Pushed, PushLog, log_key, position, received
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings


@pytest.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[Redis]:
    async with redis.connected(settings) as found:
        yield found


@pytest.fixture
def log(client: Redis, settings: Settings) -> PushLog:
    return PushLog(client, settings)


@pytest.fixture
def channel() -> str:
    return f"push:test:{new_id()}"


async def pushed(log: PushLog, channel: str, *bodies: bytes) -> list[Pushed]:
    start = await log.mark(channel)
    for body in bodies:
        assert await log.push(str(new_id()), body, [channel])
    return (await log.read_after(channel, start, 10_000)).pushes


async def test_entries_name_the_one_before_them(log: PushLog, channel: str) -> None:
    start = await log.mark(channel)
    one, two, three = await pushed(log, channel, b"1", b"2", b"3")
    assert (one.previous, two.previous, three.previous) == (start, one.id, two.id)
    assert start == (await log.read_since(channel, 0, 10))[0].id
    assert [position(p.id) for p in (one, two, three)] == sorted(position(p.id) for p in (three, two, one))
    assert await log.read_after(channel, one.id, 1) == ([two], True)
    assert await log.read_after(channel, three.id, 10) == ([], True)
    assert await log.mark(channel) == three.id


async def test_what_is_published_is_what_is_kept(client: Redis, log: PushLog, channel: str) -> None:
    other = f"{channel}:other"
    body = bytes(range(256))
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(channel, other)
        await log.push(str(new_id()), body, [channel, other])
        found: dict[str, Pushed] = {}
        async with asyncio.timeout(10):
            while len(found) < 2:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
                if message is not None:
                    found[message["channel"].decode()] = received(message["data"])
    for name in (channel, other):
        assert [found[name]] == await log.read_since(name, 0, 10)
        assert found[name].body == body


async def test_an_event_pushed_again_is_kept_and_published_once(client: Redis, log: PushLog, channel: str) -> None:
    ids = [str(new_id()) for _ in range(20)]
    tries = await asyncio.gather(*(log.push(i, i.encode(), [channel]) for i in ids * 5))
    assert sum(tries) == 20
    kept = await log.read_since(channel, 0, 1000)
    assert sorted(p.body.decode() for p in kept) == sorted(ids)
    assert [p.previous for p in kept] == ["0-0", *(p.id for p in kept[:-1])]


async def test_a_reader_whose_place_was_trimmed_learns_it(client: Redis, log: PushLog, channel: str) -> None:
    entries = await pushed(log, channel, *(str(n).encode() for n in range(10)))
    await client.xtrim(log_key(channel), maxlen=4, approximate=False)
    last_gone, first_kept = entries[5], entries[6]
    assert (await log.read_after(channel, entries[4].id, 10)).whole is False
    assert await log.read_after(channel, last_gone.id, 1) == ([first_kept], True)


async def test_a_lost_log_is_no_continuation(client: Redis, log: PushLog, channel: str) -> None:
    entries = await pushed(log, channel, b"1", b"2")
    await client.delete(log_key(channel))
    assert await log.read_after(channel, entries[1].id, 10) == ([], False)
    await log.push(str(new_id()), b"3", [channel])
    assert (await log.read_after(channel, entries[1].id, 10)).whole is False


async def test_logs_are_capped_in_length_and_age(client: Redis, settings: Settings, channel: str) -> None:
    log = PushLog(client, settings.model_copy(update={"push_kept_events": 100, "push_kept_seconds": 60}))
    for number in range(600):
        await log.push(str(new_id()), str(number).encode(), [channel])
    # Redis trims whole nodes of its tree, 100 entries each by default.
    assert 100 <= await client.xlen(log_key(channel)) <= 250
    assert 0 < await client.pttl(log_key(channel)) <= 60_000
    newest = (await log.read_since(channel, 0, 1))[0]
    assert newest.body == b"599"


async def test_a_place_marked_in_an_empty_log_goes_away_soon(client: Redis, log: PushLog, channel: str) -> None:
    start = await log.mark(channel)
    assert await log.mark(channel) == start
    assert 0 < await client.pttl(log_key(channel)) <= 300_000
    assert await log.read_after(channel, start, 10) == ([], True)
    (entry,) = await pushed(log, channel, b"first")
    assert entry.previous == start


async def test_several_pushes_keep_their_order(log: PushLog, channel: str) -> None:
    batch = [Outgoing(str(new_id()), str(number).encode(), [channel]) for number in range(50)]
    assert await log.push_all(batch) == [True] * 50
    assert await log.push_all(batch[:2]) == [False, False]
    assert [p.body for p in await log.read_since(channel, 0, 100)] == [push.body for push in batch]


async def test_channels_with_a_log_are_found_by_how_they_begin(log: PushLog, channel: str) -> None:
    names = [f"{channel}[a]:1", f"{channel}[a]:2", f"{channel}a:3"]
    for name in names:
        await log.push(str(new_id()), b"x", [name])
    assert await log.channels(f"{channel}[a]:") == names[:2]
    assert await log.channels(f"{channel}?") == []


async def test_a_server_that_forgot_its_scripts_is_told_them_again(client: Redis, log: PushLog, channel: str) -> None:
    await client.script_flush()
    assert await log.push(str(new_id()), b"1", [channel])
    assert len(await log.read_since(channel, 0, 10)) == 1
