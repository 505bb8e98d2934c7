"""What the supervisor must know about a child process to start it, see it ready and end it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["server", "service"]
Action = Callable[[], Awaitable[object]]


async def nothing() -> None:
    """The action of a child that needs none."""


class Handle(Protocol):
    """A started process that can be waited for; its code is minus the number of the signal that ended it."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...


@dataclass(frozen=True)
class Child:
    """A program and its manners. `command` is asked before every start; `ready` raises until the program does its
    work, then `settle` completes it. Times are in seconds."""

    name: str
    kind: Kind
    command: Callable[[], Sequence[str]]
    ready: Action
    env: Mapping[str, str]
    cwd: Path
    port: int
    settle: Action = nothing
    before_stop: Action = nothing
    cleanup: Callable[[], object] = field(default=lambda: None)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace: float = 4.0
    start_limit: float = 60.0
    launch: Callable[[Path], Awaitable[Handle]] | None = None
    """How to start it with a log file, when not by running `command`."""
    attempts: int = 1
    """How often a first start may be tried: 2 for a server that may meet what its killed predecessor left."""
