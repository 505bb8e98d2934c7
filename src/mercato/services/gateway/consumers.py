"""Pushes of the subscriptions service: one Redis pattern subscription for the process, fanned out to its watchers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError
from prometheus_client import Counter, Gauge

from mercato.kit import channels
from mercato.kit.errors import MercatoError, Unavailable
from mercato.kit.logging import Logger
from mercato.kit.redis import Redis
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway.model import events
from mercato.services.gateway.model.events import Event
from mercato.services.gateway.rpc.pushes import event_of

MAILBOX_SIZE = 256
"""Events a watcher may be behind before it is dropped."""

RECENT_SECONDS = 30.0
"""How long a user's own events are kept for a watcher that comes late, which after a sign-in is every watcher."""

_RECENT_MOST = 20_000
_SEEN_MOST = 20_000
_POLL_SECONDS = 5.0

_pushes = Counter("mercato_gateway_pushes_total", "Pushes received from Redis", ["kind"])
_watchers = Gauge("mercato_gateway_watchers", "Open subscriptions on pushes")
_dropped = Counter("mercato_gateway_slow_watchers_total", "Watchers dropped because they were too slow")


class Interrupted(Unavailable):
    """Pushes may have been missed while Redis was away."""

    def __init__(self) -> None:
        super().__init__("STREAM_INTERRUPTED", "events may have been missed; read again, then subscribe again")


class TooSlow(Unavailable):
    """The watcher did not take its events in time."""

    def __init__(self) -> None:
        super().__init__("SLOW_CONSUMER", f"more than {MAILBOX_SIZE} events waited for this client; subscribe again")


class Mailbox:
    """Events for one watcher, in order, at most `MAILBOX_SIZE` of them."""

    def __init__(self) -> None:
        self._items: deque[Event | Interrupted] = deque()
        self._arrived = asyncio.Event()
        self._overflown = False

    def put(self, event: Event) -> None:
        """Never waits. An event too many drops all of them: the watcher learns it instead of missing some."""
        if self._overflown:
            return
        if len(self._items) == MAILBOX_SIZE:
            _dropped.inc()
            self._items.clear()
            self._overflown = True
        else:
            self._items.append(event)
        self._arrived.set()

    def interrupt(self) -> None:
        """Marks the place where events may be missing."""
        if not self._overflown:
            self._items.append(Interrupted())
            self._arrived.set()

    async def next(self) -> Event:
        """The next event. Raises `Interrupted` where some may be missing, after which others follow; `TooSlow` for
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

    def __init__(self, redis: Redis, logger: Logger, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._log = logger
        self._clock = clock
        self._mailboxes: dict[str, set[Mailbox]] = {}
        self._recent: deque[tuple[float, str, Event]] = deque(maxlen=_RECENT_MOST)
        self._seen: OrderedDict[tuple[str, str, type[Event]], None] = OrderedDict()
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

    @contextmanager
    def catching_up(self, channel: str) -> Iterator[Mailbox]:
        """As `listening`, with the last `RECENT_SECONDS` of a user's channel first."""
        with self.listening(channel) as mailbox:
            since = self._clock() - RECENT_SECONDS
            for event in [e for at, name, e in self._recent if name == channel and at >= since][-MAILBOX_SIZE:]:
                mailbox.put(event)
            yield mailbox

    async def run(self) -> None:
        """Never returns; raises when Redis is lost, to be started again."""
        async with self._redis.pubsub() as pubsub:
            try:
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
            finally:
                self._connected = False

    def deliver(self, channel: str, body: bytes) -> None:
        """Hands one push on; a body that nobody can read is logged and dropped."""
        if channel not in self._mailboxes and not channel.startswith(channels.USER_PREFIX):
            return
        try:
            event = event_of(push_pb2.Push.FromString(body))
        except (DecodeError, MercatoError, ValueError) as error:
            self._log.error("push not understood", channel=channel, error=repr(error))
            return
        if event is None or self._repeated(channel, event):
            return
        _pushes.labels(type(event).__name__).inc()
        if channel.startswith(channels.USER_PREFIX):
            self._recent.append((self._clock(), channel, event))
        for mailbox in self._mailboxes.get(channel, ()):
            mailbox.put(event)

    def _subscribed(self) -> None:
        """Each confirmation follows a (re)connection, before which pushes may have been lost."""
        self._connected = True
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.interrupt()

    def _repeated(self, channel: str, event: Event) -> bool:
        """Whether this push came before. Intents are told apart by their version, which their watchers compare."""
        if isinstance(event, events.IntentChanged):
            return False
        key = (channel, event.event_id, type(event))
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > _SEEN_MOST:
            self._seen.popitem(last=False)
        return False
