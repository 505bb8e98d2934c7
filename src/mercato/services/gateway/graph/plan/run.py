"""One execution of a plan: what it waits for, what failed, and what a failure turns to null."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Any

from graphql import ExecutionResult, Executor, FieldNode, GraphQLError, located_error
from graphql.pyutils import Undefined, gather_with_cancel

Key = str | int

Place = tuple["Place | None", Key, Any, bool]
"""Where a value stands: the place around it, its key there, the dict or list that holds it, whether null may stand
there. A plain tuple, for there is one for each object of an answer."""

Path = tuple[Key, ...]


class Run:
    """The state of one execution.

    Errors follow one rule, so that they do not depend on timing: a null that a failure made has one error, the
    first in the order of levels, then fields, then objects; what failed inside of what became null is not told.
    """

    __slots__ = ("_errors", "_nulled", "_untaken", "executor", "later")

    def __init__(self, executor: Executor[Any]) -> None:
        self.executor = executor
        self.later: list[Awaitable[None]] = []
        """Work that waits for something; whoever calls what adds to it awaits `rest` before anything else."""
        self._errors: list[tuple[Path, GraphQLError]] = []
        self._nulled: set[Path] = set()
        self._untaken: dict[int, Coroutine[Any, Any, Any]] = {}
        """Coroutines of resolvers that nothing has begun to wait for."""

    def expect(self, awaitables: Iterable[Any]) -> None:
        """Of these somebody will take the results. Until then `close` answers for them."""
        for awaitable in awaitables:
            if isinstance(awaitable, Coroutine):
                self._untaken[id(awaitable)] = awaitable

    def take(self, awaitables: Iterable[Any]) -> None:
        """These are being waited for now."""
        for awaitable in awaitables:
            self._untaken.pop(id(awaitable), None)

    def close(self) -> None:
        """Ends what a cancellation came before: a coroutine that is dropped unbegun is a warning in the log."""
        for coroutine in self._untaken.values():
            coroutine.close()
        self._untaken.clear()

    async def rest(self) -> None:
        """Finishes what was begun."""
        later, self.later = self.later, []
        if len(later) == 1:
            await later[0]
        elif later:
            await gather_with_cancel(*later)

    def fail(self, error: Exception, nodes: Sequence[FieldNode], place: Place) -> None:
        """Records a failure at a place and puts null at the nearest place around it that may be null."""
        path = _path(place)
        located = located_error(error, nodes, list(path))
        around: Place | None = place
        depth = len(path)
        while around is not None and not around[3]:
            around = around[0]
            depth -= 1
        nulled = path[:depth] if around is not None else ()
        if any(nulled[:length] in self._nulled for length in range(len(nulled) + 1)):
            return
        self._nulled.add(nulled)
        self._errors.append((nulled, located))
        if around is not None:
            around[2][around[1]] = None

    def result(self, data: dict[str, Any]) -> ExecutionResult:
        """What the execution came to."""
        if not self._errors:
            return ExecutionResult(data, None)
        errors = [error for nulled, error in self._errors if not self._inside(nulled)]
        return ExecutionResult(None if () in self._nulled else data, errors)

    def _inside(self, path: Path) -> bool:
        return any(path[:length] in self._nulled for length in range(len(path)))


def absence(value: object) -> bool:
    """Whether a resolver gave nothing to complete: null, or a failure."""
    return value is None or value is Undefined or isinstance(value, Exception)


async def arrived(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
    """What each gives, or the failure it raised in its place. All run at once; a cancellation ends them all.

    They are waited for in turn, which costs less than a callback for each: most are done when the first one is.
    """
    futures = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    values: list[Any] = []
    try:
        for future in futures:
            try:
                values.append(await future)
            except Exception as error:
                values.append(error)
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return values


def _path(place: Place | None) -> Path:
    keys: list[Key] = []
    while place is not None:
        keys.append(place[1])
        place = place[0]
    return tuple(reversed(keys))
