"""Fan-out of pushes: order, bounds, repeats, breaks; without a server, by handing the hub what Redis would."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import structlog

from mercato.kit import channels
from mercato.kit.errors import Unavailable
from mercato.kit.ids import new_id
from mercato.kit.redis import Redis
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway.consumers import MAILBOX_SIZE, RECENT_SECONDS, Interrupted, Mailbox, PushHub, TooSlow
from mercato.services.gateway.model.events import Event, TokenEnriched

WHEN = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def hub(clock: Clock | None = None) -> PushHub:
    found = PushHub(Redis(), structlog.get_logger(), clock or Clock())
    found._subscribed()
    return found


def push(event_id: str) -> bytes:
    body = events_pb2.TokenEnriched(chain_id="eip155:1", contract=b"\xc0" * 20, token_id="7", name="Light")
    return push_pb2.Push(id=event_id, token_enriched=body).SerializeToString()


async def taken(mailbox: Mailbox, number: int) -> list[str]:
    return [(await asyncio.wait_for(mailbox.next(), 1)).event_id for _ in range(number)]


def event(event_id: str) -> Event:
    return Event(event_id, WHEN)


async def test_events_come_in_order_and_only_to_their_channel() -> None:
    site = hub()
    with site.listening("a") as a, site.listening("a") as other, site.listening("b") as b:
        for number in range(5):
            site.deliver("a", push(str(number)))
        site.deliver("b", push("b"))
        assert await taken(a, 5) == await taken(other, 5) == ["0", "1", "2", "3", "4"]
        first = await b.next()
    assert isinstance(first, TokenEnriched)
    assert (first.event_id, first.token_id, first.name) == ("b", 7, "Light")


async def test_the_same_event_twice_is_handed_on_once_per_channel() -> None:
    site = hub()
    with site.listening("a") as a, site.listening("b") as b:
        for channel in ("a", "b", "a", "b"):
            site.deliver(channel, push("same"))
        site.deliver("a", push("next"))
        site.deliver("b", push("next"))
        assert await taken(a, 2) == await taken(b, 2) == ["same", "next"]


async def test_a_full_mailbox_tells_its_watcher_and_keeps_nothing() -> None:
    mailbox = Mailbox()
    for number in range(MAILBOX_SIZE + 10):
        mailbox.put(event(str(number)))
    for _ in range(2):
        with pytest.raises(TooSlow):
            await mailbox.next()


async def test_a_break_is_told_after_what_came_before_and_events_follow_again() -> None:
    mailbox = Mailbox()
    mailbox.put(event("before"))
    mailbox.interrupt()
    assert await taken(mailbox, 1) == ["before"]
    with pytest.raises(Interrupted):
        await mailbox.next()
    mailbox.put(event("after"))
    assert await taken(mailbox, 1) == ["after"]


async def test_events_that_follow_a_break_come_after_it() -> None:
    mailbox = Mailbox()
    mailbox.interrupt()
    mailbox.put(event("after"))
    with pytest.raises(Interrupted):
        await mailbox.next()
    assert await taken(mailbox, 1) == ["after"]


async def test_another_connection_means_a_break_for_those_who_listened() -> None:
    site = hub()
    with site.listening("a") as mailbox:
        site._subscribed()
        with pytest.raises(Interrupted):
            await mailbox.next()


async def test_nobody_listens_while_redis_is_away() -> None:
    away = PushHub(Redis(), structlog.get_logger(), Clock())
    with pytest.raises(Unavailable, match="PUSH_UNAVAILABLE"), away.listening("a"):
        pass
    with pytest.raises(Unavailable, match="PUSH_UNAVAILABLE"):
        await away.check()


async def test_a_late_watcher_gets_the_last_half_minute_of_its_own_channel() -> None:
    clock, user, other = Clock(), channels.user(new_id()), channels.user(new_id())
    site = hub(clock)
    site.deliver(user, push("too old"))
    clock.now += RECENT_SECONDS + 1
    site.deliver(user, push("recent"))
    site.deliver(other, push("of another"))
    site.deliver(channels.FEED, push("feed"))
    with site.catching_up(user) as mailbox, site.catching_up(channels.FEED) as feed:
        site.deliver(user, push("live"))
        site.deliver(channels.FEED, push("live"))
        assert await taken(mailbox, 2) == ["recent", "live"]
        assert await taken(feed, 1) == ["live"]


@pytest.mark.parametrize("body", [b"\xff", b"", push_pb2.Push(id="x").SerializeToString()])
async def test_what_cannot_be_read_disturbs_nobody(body: bytes) -> None:
    site = hub()
    with site.listening("a") as mailbox:
        site.deliver("a", body)
        site.deliver("a", push("good"))
        assert await taken(mailbox, 1) == ["good"]


async def test_a_watcher_that_left_gets_nothing_more() -> None:
    site = hub()
    with site.listening("a") as mailbox:
        pass
    site.deliver("a", push("late"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(mailbox.next(), 0.01)
