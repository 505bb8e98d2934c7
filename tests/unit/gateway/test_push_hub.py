"""Fan-out of pushes: order, bounds, repeats, breaks; without a server, by handing the hub what Redis would."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import structlog

from mercato.kit.errors import Unavailable
from mercato.kit.pushes import PushLog, plain
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway.consumers import MAILBOX_SIZE, Interrupted, Live, Mailbox, PushHub, TooSlow
from mercato.services.gateway.model.events import Event, TokenEnriched, cursor_of, parse_cursor

WHEN = datetime(2026, 11, 22, 9, tzinfo=UTC)


def unconnected_hub() -> PushHub:
    redis = Redis()
    return PushHub(redis, PushLog(redis, Settings()), structlog.get_logger())


def hub() -> PushHub:
    found = unconnected_hub()
    found._subscribed()
    return found


def push(event_id: str, place: bytes = b" ") -> bytes:
    body = events_pb2.TokenEnriched(chain_id="eip155:1", contract=b"\xc0" * 20, token_id="7", name="Light")
    return place + b" " + push_pb2.Push(id=event_id, token_enriched=body).SerializeToString()


async def taken(mailbox: Mailbox, number: int) -> list[str]:
    found = [(await asyncio.wait_for(mailbox.next(), 1)).event for _ in range(number)]
    return [event.event_id for event in found if event is not None]


def live(event_id: str) -> Live:
    return Live("", "", Event(event_id, WHEN, ""))


async def test_events_come_in_order_and_only_to_their_channel() -> None:
    site = hub()
    with site.listening("a") as a, site.listening("a") as other, site.listening("b") as b:
        for number in range(5):
            site.deliver("a", push(str(number)))
        site.deliver("b", push("b"))
        assert await taken(a, 5) == await taken(other, 5) == ["0", "1", "2", "3", "4"]
        first = (await b.next()).event
    assert isinstance(first, TokenEnriched)
    assert (first.event_id, first.token_id, first.name) == ("b", 7, "Light")


async def test_a_push_has_its_place_and_the_event_the_cursor_after_it() -> None:
    site = hub()
    with site.listening("a") as mailbox:
        site.deliver("a", push("x", b"1763802000000-2 1763802000000-1"))
        found = await mailbox.next()
    assert (found.id, found.previous) == ("1763802000000-2", "1763802000000-1")
    assert found.event is not None
    assert found.event.cursor == cursor_of("a", "1763802000000-2")
    assert parse_cursor("a", found.event.cursor) == "1763802000000-2"


async def test_a_full_mailbox_tells_its_watcher_and_keeps_nothing() -> None:
    mailbox = Mailbox()
    for number in range(MAILBOX_SIZE + 10):
        mailbox.put(live(str(number)))
    for _ in range(2):
        with pytest.raises(TooSlow):
            await mailbox.next()


async def test_a_break_is_told_after_what_came_before_and_events_follow_again() -> None:
    mailbox = Mailbox()
    mailbox.put(live("before"))
    mailbox.interrupt()
    assert await taken(mailbox, 1) == ["before"]
    with pytest.raises(Interrupted):
        await mailbox.next()
    mailbox.put(live("after"))
    assert await taken(mailbox, 1) == ["after"]


async def test_events_that_follow_a_break_come_after_it() -> None:
    mailbox = Mailbox()
    mailbox.interrupt()
    mailbox.put(live("after"))
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
    away = unconnected_hub()
    with pytest.raises(Unavailable, match="PUSH_UNAVAILABLE"), away.listening("a"):
        pass
    with pytest.raises(Unavailable, match="PUSH_UNAVAILABLE"):
        await away.check()


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"", b"x y ", b"1-1 z ", plain(b"\xff"), plain(push_pb2.Push(id="x").SerializeToString()), plain(b"")],
)
async def test_what_cannot_be_read_disturbs_nobody(body: bytes) -> None:
    site = hub()
    with site.listening("a") as mailbox:
        site.deliver("a", body)
        site.deliver("a", push("good"))
        while (found := await mailbox.next()).event is None:
            pass
        assert found.event.event_id == "good"


async def test_a_watcher_that_left_gets_nothing_more() -> None:
    site = hub()
    with site.listening("a") as mailbox:
        pass
    site.deliver("a", push("late"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(mailbox.next(), 0.01)
