"""A broker in memory: the real bindings, and every liberty a real one takes with order and number of deliveries."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from functools import cache

from mercato.kit import topology
from mercato.kit.messages import Incoming, Outgoing, decode
from mercato.kit.rabbit import Handler
from tests.chaos.simulation.faults import Crash, Lifetime

_REPEATED = 0.06
_KILLED = 0.2
_LONGEST_LIFE = 16


class Broker:
    """Queues of the consumers it is given; what no queue of theirs is bound to is dropped."""

    def __init__(self, handlers: Mapping[str, Handler], lifetime: Lifetime, draw: random.Random) -> None:
        self._handlers = handlers
        self._lifetime = lifetime
        self._draw = draw
        self._waiting: list[tuple[str, Outgoing]] = []
        self._told: list[tuple[str, Outgoing]] = []
        self.kills = 0

    @property
    def story(self) -> list[tuple[str, str]]:
        """Which queue finished what kind of message, in order."""
        return [(queue, message.type) for queue, message in self._told]

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        """Confirms at once."""
        for message in batch:
            self._waiting += [(queue, message) for queue in _bound(message) if queue in self._handlers]

    async def deliver(self, most: int) -> None:
        """Some messages, in any order; a consumer may be gone in the middle of one, which then comes again."""
        for _ in range(most):
            if not self._waiting:
                return
            await self._deliver(*self._waiting.pop(self._draw.randrange(len(self._waiting))))

    async def drain(self) -> None:
        """Everything that still waits, and some of what was handled long ago."""
        self._waiting += self._draw.sample(self._told, len(self._told) // 10)
        while self._waiting:
            await self.deliver(len(self._waiting))

    async def _deliver(self, queue: str, message: Outgoing) -> None:
        killed = self._draw.random() < _KILLED
        self._lifetime.end_after(self._draw.randint(1, _LONGEST_LIFE) if killed else 0)
        incoming = Incoming(message.message_id, message.type, decode(message.type, message.body), {}, 1)
        try:
            await self._handlers[queue](incoming)
        except Crash:
            self.kills += 1
            self._waiting.append((queue, message))
            return
        self._told.append((queue, message))
        if self._draw.random() < _REPEATED:  # the ack was lost
            self._waiting.append((queue, message))


def _bound(message: Outgoing) -> list[str]:
    return [
        queue.name
        for queue in topology.QUEUES
        if queue.exchange == message.exchange and _pattern(queue.binding).fullmatch(message.routing_key)
    ]


@cache
def _pattern(binding: str) -> re.Pattern[str]:
    """The bindings of chain events: words, and `*` for exactly one."""
    return re.compile(re.escape(binding).replace(r"\*", r"[^.]+").replace(r"\#", ".*"))
