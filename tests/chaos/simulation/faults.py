"""How processes end or stop for a while: at any call of a reader's ports, at any statement of a handler."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mercato.kit.errors import Unavailable
from mercato.kit.messages import Outgoing
from mercato.kit.postgres import Database, Pool, Transaction
from mercato.rpc.events.v1 import events_pb2
from mercato.services.indexer.usecases.ports import Publisher

_MOMENTS = 14
_ADVANCED = events_pb2.ChainAdvanced.DESCRIPTOR.full_name


class Crash(Exception):
    """The process is gone; nothing catches this."""


class Doom:
    """What will happen to a reader, and at which moment: before and after each call of a port is one."""

    def __init__(self, freeze: Callable[[], Awaitable[None]]) -> None:
        self._freeze = freeze
        self._left = 0
        self._kind = ""
        self._name = ""
        self.frozen = False

    def decide(self, draw: random.Random) -> None:
        """A new fate, or none."""
        self._kind = draw.choice(("", "crash", "crash", "freeze", "fail"))
        self._left = draw.randint(1, _MOMENTS)

    def freeze_before(self, name: str) -> None:
        """At the next call of that name."""
        self._name = name

    def lift(self) -> None:
        self._kind = self._name = ""

    async def pass_moment(self, name: str) -> None:
        """Raises `Crash` or `Unavailable`, waits until the reader is given another turn, or does nothing."""
        self._left -= 1
        due = self._left == 0
        if due and self._kind == "crash":
            raise Crash(name)
        if due and self._kind == "fail":
            raise Unavailable("STORE_UNAVAILABLE", f"{name} failed")
        # The checkpoint is written while its news are published: only one thing may go on behind a frozen reader.
        if (due and self._kind == "freeze" and name != "advance") or name == self._name:
            self._name, self.frozen = "", True
            await self._freeze()
            self.frozen = False


_QUIET = frozenset(
    {"report", "take", "get", "list_recent", "list_orphans", "list_followed", "list_unpublished", "list_told"}
)
"""Calls that change nothing, or that the wall clock brings about, so that no fate counted in them came again."""


class Doomed:
    """Passes every call of a port on, if the reader lives so long."""

    def __init__(self, real: Any, doom: Doom) -> None:
        self._real = real
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name in _QUIET:
            return real

        async def call(*arguments: Any) -> Any:
            await self._doom.pass_moment(name)
            answer = await real(*arguments)
            await self._doom.pass_moment(name)
            return answer

        return call


class DoomedPublisher:
    """As `Doomed`; of a batch that fails a part may have arrived."""

    def __init__(self, real: Publisher, doom: Doom, draw: random.Random) -> None:
        self._real = real
        self._doom = doom
        self._draw = draw

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        messages = list(batch)
        name = "advance" if all(m.type == _ADVANCED for m in messages) else "publish_all"
        try:
            await self._doom.pass_moment(name)
        except (Crash, Unavailable):
            await self._real.publish_all(m for m in messages if self._draw.random() < 0.5)
            raise
        await self._real.publish_all(messages)
        await self._doom.pass_moment(name)


class Lifetime:
    """How many more statements a consumer lives."""

    def __init__(self) -> None:
        self._left = 0

    def end_after(self, moments: int) -> None:
        """0 is for ever."""
        self._left = moments

    def pass_moment(self) -> None:
        """Raises `Crash` when the time has come."""
        self._left -= 1
        if self._left == 0:
            raise Crash("consumer")


_STATEMENTS = frozenset({"execute", "fetch", "fetchrow", "fetchval", "copy_to_table"})


class MortalConnection:
    """A connection whose process may be gone before any statement."""

    def __init__(self, real: Any, lifetime: Lifetime) -> None:
        self._real = real
        self._lifetime = lifetime

    def __getattr__(self, name: str) -> Any:
        if name in _STATEMENTS:
            self._lifetime.pass_moment()
        return getattr(self._real, name)


class MortalDatabase(Database):
    """The real database of a consumer that may be gone before any statement, before its commit, and right after it."""

    def __init__(self, pool: Pool, lifetime: Lifetime) -> None:
        super().__init__(pool)
        self._lifetime = lifetime

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as transaction:
            transaction.connection = MortalConnection(transaction.connection, self._lifetime)  # type: ignore[assignment]
            yield transaction
            self._lifetime.pass_moment()
        self._lifetime.pass_moment()
