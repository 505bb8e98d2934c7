"""Watching a channel from a place in its log: what was missed first, then live, and a gap where neither is to be had.

One rule holds it together: each push names the one before it. A push that does not follow the last one makes the
watcher read the log from there; if the log does not begin there either, a `Gap` says so, and it goes on live.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError

from mercato.kit.errors import Unavailable
from mercato.kit.pushes import Pushed, position
from mercato.services.gateway.consumers import Interrupted, Mailbox, PushHub
from mercato.services.gateway.model.events import Event, Gap, cursor_of, parse_cursor

T = TypeVar("T")

Shown = AsyncGenerator[Event | Gap, None]

_PAGE = 200
_NOTHING = "0-0"
_PAUSES = (0.05, 0.2, 0.5)


class Watch:
    """One watcher of one channel."""

    def __init__(self, hub: PushHub, channel: str) -> None:
        self._hub = hub
        self._log = hub.log
        self._channel = channel
        self._last: str | None = None

    async def after(self, cursor: str | None) -> Shown:
        """What comes after `cursor`, without end. None means after now; empty text too, but with a `Gap` first that
        tells the place.

        Raises `InvalidArgument` INVALID_CURSOR, `Unavailable` PUSH_UNAVAILABLE, `TooSlow`.
        """
        if cursor:
            self._last = parse_cursor(self._channel, cursor)
            # Most of it is read before listening: a mailbox would overflow while a long past is shown.
            async for shown in self._missed():
                yield shown
        with self._hub.listening(self._channel) as mailbox:
            if cursor == "":
                yield await self._gap()
            elif cursor:
                async for shown in self._missed():
                    yield shown
            async with aclosing(self._live(mailbox)) as events:
                async for shown in events:
                    yield shown

    async def since(self, milliseconds: int) -> Shown:
        """What was pushed since a moment (Unix), a few hundred at most, and on without end. Raises as `after`."""
        with self._hub.listening(self._channel) as mailbox:
            for pushed in await self._asked(lambda: self._log.read_since(self._channel, milliseconds, _PAGE)):
                if (event := self._taken(pushed)) is not None:
                    yield event
            async with aclosing(self._live(mailbox)) as events:
                async for shown in events:
                    yield shown

    async def _live(self, mailbox: Mailbox) -> Shown:
        while True:
            try:
                live = await mailbox.next()
            except Interrupted:
                async for shown in self._missed():
                    yield shown
                continue
            if self._last is None or live.previous == self._last:
                self._last = live.id
                if live.event is not None:
                    yield live.event
            elif position(live.id) > position(self._last) or live.previous == _NOTHING:
                # Something lies between, or the log began anew; else it was read from the log already.
                async for shown in self._missed():
                    yield shown

    async def _missed(self) -> Shown:
        """What the log holds after the last one; a gap when it does not follow."""
        while True:
            if self._last is None:
                yield await self._gap()
                return
            stretch = await self._asked(partial(self._log.read_after, self._channel, self._last, _PAGE))
            if not stretch.whole:
                yield await self._gap()
                return
            for pushed in stretch.pushes:
                if (event := self._taken(pushed)) is not None:
                    yield event
            if len(stretch.pushes) < _PAGE:
                return

    async def _gap(self) -> Gap:
        self._last = await self._asked(lambda: self._log.mark(self._channel))
        return Gap(cursor_of(self._channel, self._last))

    def _taken(self, pushed: Pushed) -> Event | None:
        self._last = pushed.id
        return self._hub.event_of(self._channel, pushed)

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The log's answer. After a break the pooled connections are dead too, each until it is used: so again."""
        for pause in _PAUSES:
            with suppress(RedisError):
                return await ask()
            await asyncio.sleep(pause)
        try:
            return await ask()
        except RedisError as error:
            raise Unavailable(
                "PUSH_UNAVAILABLE", "live events are not available right now; try again shortly"
            ) from error
