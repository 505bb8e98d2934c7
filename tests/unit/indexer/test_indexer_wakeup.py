"""A rest between two looks ends by an announcement, and no announcement makes it longer or a look believed."""

from __future__ import annotations

import asyncio

from mercato.kit.ids import ChainId
from mercato.services.indexer.jobs.wakeup import WakeUp

POLL, ANNOUNCED = 1.0, 30.0


class Pauses:
    """Never ends a pause by itself unless told to; remembers how long each was to be."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


def waking(pauses: Pauses) -> WakeUp:
    return WakeUp(ChainId(1), pauses, POLL, ANNOUNCED)


async def ended(rest: asyncio.Task[None]) -> bool:
    """Whether it is over once everything that was ready has run."""
    for _ in range(5):
        await asyncio.sleep(0)
    return rest.done()


async def test_an_announcement_ends_the_rest() -> None:
    pauses = Pauses()
    wake_up = waking(pauses)
    wake_up.opened()
    await wake_up.rest(b"1")
    rest = asyncio.create_task(wake_up.rest(b"1"))
    assert not await ended(rest)
    wake_up.ring()
    assert await ended(rest)
    assert pauses.asked == [POLL]


async def test_without_a_socket_it_is_polling_alone() -> None:
    pauses = Pauses()
    wake_up = waking(pauses)
    wake_up.ring()
    rest = asyncio.create_task(wake_up.rest(b"1"))
    assert not await ended(rest)
    pauses.over.set()
    assert await ended(rest)
    assert pauses.asked == [POLL]


async def test_polling_is_rarer_only_while_blocks_are_announced_before_it_finds_them() -> None:
    pauses = Pauses()
    pauses.over.set()
    wake_up = waking(pauses)
    wake_up.opened()
    await wake_up.rest(b"1")  # ends at once: a block may have been missed before the socket was open
    await wake_up.rest(b"1")
    wake_up.ring()
    await wake_up.rest(b"1")  # ends at once
    await wake_up.rest(b"2")  # it was announced
    await wake_up.rest(b"3")  # it was not: the socket is silent
    wake_up.ring()
    await wake_up.rest(b"3")  # ends at once
    await wake_up.rest(b"4")
    assert pauses.asked == [POLL, ANNOUNCED, POLL, ANNOUNCED]


async def test_the_end_of_a_socket_ends_a_rest_that_relied_on_it() -> None:
    pauses = Pauses()
    wake_up = waking(pauses)
    wake_up.opened()
    await wake_up.rest(b"1")
    wake_up.ring()
    await wake_up.rest(b"1")
    rest = asyncio.create_task(wake_up.rest(b"2"))
    assert not await ended(rest)
    wake_up.closed()
    assert await ended(rest)
    rest = asyncio.create_task(wake_up.rest(b"2"))
    assert not await ended(rest)
    rest.cancel()
    assert pauses.asked == [ANNOUNCED, POLL]


async def test_who_cries_wolf_is_heard_less_and_less_down_to_polling() -> None:
    pauses = Pauses()
    pauses.over.set()
    wake_up = waking(pauses)
    wake_up.opened()
    await wake_up.rest(b"1")
    for _ in range(9):
        wake_up.ring()
        await wake_up.rest(b"1")  # rung: a look follows at once
        wake_up.ring()
        await wake_up.rest(b"1")  # that found nothing: a pause that no announcement ends
    assert pauses.asked == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0, 1.0]


async def test_one_block_that_was_announced_makes_up_for_false_alarms() -> None:
    pauses = Pauses()
    pauses.over.set()
    wake_up = waking(pauses)
    wake_up.opened()
    await wake_up.rest(b"1")
    for head in (b"1", b"1", b"2", b"2"):
        wake_up.ring()
        await wake_up.rest(head)
    wake_up.ring()
    await wake_up.rest(b"2")
    assert pauses.asked == [0.02, 0.02]
