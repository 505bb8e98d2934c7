"""Pushes of the subscriptions service: one Redis pattern subscription for the process, fanned out to its watchers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from google.protobuf.message import DecodeError
from prometheus_client import Counter, Gauge
from redis.exceptions import ConnectionError as RedisConnectionError

from mercato.kit import channels
from mercato.kit.errors import MercatoError, Unavailable
from mercato.kit.logging import Logger
from mercato.kit.pushes import Pushed, PushLog, received
from mercato.kit.redis import Redis
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway.model.events import Event, cursor_of
from mercato.services.gateway.rpc import pushes

MAILBOX_SIZE = 256
"""Events a watcher may be behind before it is dropped."""

_POLL_SECONDS = 5.0
_BREAK_SECONDS = 0.05

_pushes = Counter("mercato_gateway_pushes_total", "Pushes handed to watchers", ["kind"])
_watchers = Gauge("mercato_gateway_watchers", "Open subscriptions on pushes")
_dropped = Counter("mercato_gateway_slow_watchers_total", "Watchers dropped because they were too slow")


class Interrupted(Unavailable):
    """Pushes may have been missed while Redis was away."""

    def __init__(self) -> None:
        super().__init__("STREAM_INTERRUPTED", "events may have been missed; read again")


class TooSlow(Unavailable):
    """The watcher did not take its events in time."""

    def __init__(self) -> None:
        super().__init__(
            "SLOW_CONSUMER", f"more than {MAILBOX_SIZE} events waited; subscribe again after the last cursor"
        )


class Live(NamedTuple):
    """A push as it arrives; `id` and `previous` as in `kit.pushes`. No `event`: nobody here understands it."""

    id: str
    previous: str
    event: Event | None


class Mailbox:
    """Events for one watcher, in order, at most `MAILBOX_SIZE` of them."""

    def __init__(self) -> None:
        self._items: deque[Live | Interrupted] = deque()
        self._arrived = asyncio.Event()
        self._overflown = False

    def put(self, live: Live) -> None:
        """Never waits. One too many drops all of them: the watcher learns it instead of missing some."""
        if self._overflown:
            return
        if len(self._items) == MAILBOX_SIZE:
            _dropped.inc()
            self._items.clear()
            self._overflown = True
        else:
            self._items.append(live)
        self._arrived.set()

    def interrupt(self) -> None:
        """Marks the place where events may be missing."""
        if not self._overflown:
            self._items.append(Interrupted())
            self._arrived.set()

    async def next(self) -> Live:
        """The next push. Raises `Interrupted` where some may be missing, after which others follow; `TooSlow` for
        ever once there were too many."""
        while not self._items:
            if self._overflown:
                raise TooSlow
            self._arrived.clear()
            await self._arrived.wait()
        item = self._items.popleft()
        if isinstance(item, Interrupted):
            raise item
        return item


class PushHub:
    """Hands each push to the watchers of its channel. `run` must be kept going beside it."""

    def __init__(self, redis: Redis, log: PushLog, logger: Logger) -> None:
        self.log = log
        self._redis = redis
        self._logger = logger
        self._mailboxes: dict[str, set[Mailbox]] = {}
        self._connected = False

    async def check(self) -> None:
        """Readiness: raises `Unavailable` while pushes do not arrive."""
        if not self._connected:
            raise Unavailable("PUSH_UNAVAILABLE", "live events are not available right now; try again shortly")

    @contextmanager
    def listening(self, channel: str) -> Iterator[Mailbox]:
        """What is pushed to `channel` from now on. Raises `Unavailable` PUSH_UNAVAILABLE while Redis is away."""
        if not self._connected:
            raise Unavailable("PUSH_UNAVAILABLE", "live events are not available right now; try again shortly")
        mailbox = Mailbox()
        self._mailboxes.setdefault(channel, set()).add(mailbox)
        _watchers.inc()
        try:
            yield mailbox
        finally:
            _watchers.dec()
            self._mailboxes[channel].discard(mailbox)
            if not self._mailboxes[channel]:
                del self._mailboxes[channel]

    async def run(self) -> None:
        """Never returns; raises when Redis cannot be reached, to be started again. A mere break is mended at once."""
        while True:
            try:
                await self._listen()
            except RedisConnectionError as error:
                if not self._connected:
                    raise
                self._logger.warning("pushes interrupted", error=repr(error))
                await asyncio.sleep(_BREAK_SECONDS)
            finally:
                self._connected = False

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.psubscribe(channels.EVERYTHING)
            while True:
                message = await pubsub.get_message(timeout=_POLL_SECONDS)
                if message is None:
                    continue
                if message["type"] == "psubscribe":
                    self._subscribed()
                elif message["type"] == "pmessage":
                    self.deliver(message["channel"].decode(), message["data"])
                    await asyncio.sleep(0)  # a burst that is read at once must not fill what nobody could empty

    def deliver(self, channel: str, data: bytes) -> None:
        """Hands one push on."""
        mailboxes = self._mailboxes.get(channel)
        if not mailboxes:
            return
        try:
            pushed = received(data)
        except ValueError as error:
            self._logger.error("push not understood", channel=channel, error=repr(error))
            return
        event = self.event_of(channel, pushed)
        if event is not None:
            _pushes.labels(type(event).__name__).inc()
        live = Live(pushed.id, pushed.previous, event)
        for mailbox in mailboxes:
            mailbox.put(live)

    def event_of(self, channel: str, pushed: Pushed) -> Event | None:
        """What was pushed; None for a place without an event, and for a body that nobody can read, which is logged."""
        if not pushed.body:
            return None
        try:
            return pushes.event_of(push_pb2.Push.FromString(pushed.body), cursor_of(channel, pushed.id))
        except (DecodeError, MercatoError, ValueError) as error:
            self._logger.error("push not understood", channel=channel, error=repr(error))
            return None

    def _subscribed(self) -> None:
        """Each confirmation follows a (re)connection, before which pushes may have been lost."""
        self._connected = True
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.interrupt()
