"""What a stack writes down about itself, so that another process can show it, wait for it and stop exactly it."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from mercato.stack.errors import StackMisconfigured
from mercato.stack.process import ProcessId, marked, stop
from mercato.stack.site import marker, replace_file

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]


class ProcessRecord(msgspec.Struct, frozen=True):
    """One child as last seen by its supervisor."""

    name: str
    kind: str
    state: str
    port: int
    pid: int = 0
    started: int = 0
    boot: str = ""
    restarts: int = 0
    note: str = ""
    seconds: float = 0.0
    stop_signal: int = signal.SIGTERM
    stop_grace: float = 4.0

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.started, self.boot)

    @property
    def alive(self) -> bool:
        return self.pid > 0 and self.process.alive


class StackRecord(msgspec.Struct, frozen=True):
    """A stack as last seen by its supervisor: the content of ``stack.json``."""

    phase: Phase
    supervisor: ProcessRecord
    processes: tuple[ProcessRecord, ...] = ()
    env: dict[str, str] = {}
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether its supervisor lives; what it says of its children is true only then."""
        return self.supervisor.alive


def path_of(home: Path) -> Path:
    """Where the record of a stack lies."""
    return home / "stack.json"


def read(home: Path) -> StackRecord | None:
    """The record of the stack at `home`; None when there is none, or one that cannot be read."""
    try:
        return msgspec.json.decode(path_of(home).read_bytes(), type=StackRecord)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def write(home: Path, record: StackRecord) -> None:
    """Replaces the record. It holds passwords: only its owner may read it."""
    replace_file(path_of(home), msgspec.json.format(msgspec.json.encode(record)))


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Holds the stack's lock (flock(2)), which the kernel drops with the process. Raises `StackMisconfigured`
    ALREADY_RUNNING when another supervisor holds it."""
    with (home / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackMisconfigured(
                "ALREADY_RUNNING", f"the stack of {home} is already running; end it with `mercato down`"
            ) from None
        yield


async def stop_leftovers(home: Path, order: Sequence[str]) -> list[str]:
    """Ends what a dead supervisor left alive: kinds in `order`, then whatever else carries the stack's mark.

    Returns the names of what was ended.
    """
    record, mark = read(home), marker(home)
    ended = []
    for kind in order:
        left = [p for p in (record.processes if record else ()) if p.kind == kind and p.alive]
        await asyncio.gather(*(stop(p.process, mark, signal.Signals(p.stop_signal), p.stop_grace) for p in left))
        ended += [p.name for p in left]
    strays = marked(mark)
    await asyncio.gather(*(stop(p, mark, signal.SIGTERM, 2.0) for p in strays))
    return [*ended, *(f"pid {p.pid}" for p in strays)]
