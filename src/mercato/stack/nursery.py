"""The supervisor's side of the nursery: asks it for service processes and hears when they end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mercato.stack.errors import StackFailed
from mercato.stack.logs import open_log
from mercato.stack.process import ProcessId
from mercato.stack.supervisor import leashed

_LOOK_EVERY = 0.05  # seconds


class Fledgling:
    """A process forked by a nest, as the supervisor sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """The exit code, once it has ended; minus the signal's number if that ended it."""
        await self._ended.wait()
        return self.returncode or 0

    def end(self, code: int) -> None:
        """Takes note of its end."""
        self.returncode = code
        self._ended.set()


@dataclass
class _Nest:
    """One run of the nursery's process (`mercato.stack.nest`)."""

    process: asyncio.subprocess.Process
    writer: asyncio.StreamWriter
    living: dict[int, Fledgling] = field(default_factory=dict)
    asked: deque[asyncio.Future[Fledgling]] = field(default_factory=deque)
    open: bool = True

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Hears of births and deaths until the process ends; then nobody can collect exit codes any more."""
        with suppress(OSError):
            while line := await reader.readline():
                self._hear(json.loads(line))
        self.open = False
        for asked in self.asked:
            if not asked.done():
                asked.set_exception(StackFailed("NURSERY_DIED", "what starts the services died; see nursery.log"))
        await asyncio.gather(*map(_orphaned, self.living.values()))

    def _hear(self, message: Mapping[str, int]) -> None:
        if "born" in message:
            child = self.living[message["born"]] = Fledgling(message["born"])
            if not (asked := self.asked.popleft()).done():
                asked.set_result(child)
        elif gone := self.living.pop(message["ended"], None):
            gone.end(message["code"])


class Nursery:
    """Starts services in a fraction of the time that loading each would take. Its process starts with `open`, and
    again when it has died."""

    def __init__(self, services: Sequence[str], logs: Path, env: Mapping[str, str], cwd: Path) -> None:
        self._services, self._logs, self._env, self._cwd = services, logs, env, cwd
        self._opening = asyncio.Lock()
        self._nest: _Nest | None = None
        self._listening: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Starts loading, and returns at once. Safe to repeat."""
        await self._current()

    async def launch(self, services: Sequence[str], log: Path, cwd: Path) -> Fledgling:
        """Forks a process that runs these services. Raises `StackFailed` NURSERY_DIED."""
        nest = await self._current()
        born: asyncio.Future[Fledgling] = asyncio.get_running_loop().create_future()
        nest.asked.append(born)
        nest.writer.write(json.dumps({"services": services, "log": str(log), "cwd": str(cwd)}).encode() + b"\n")
        return await born

    async def close(self) -> None:
        """Ends the process; what it gave birth to should have ended before."""
        if self._nest:
            self._nest.writer.close()
            await self._nest.process.wait()
        await asyncio.gather(*self._listening)

    async def _current(self) -> _Nest:
        async with self._opening:
            if self._nest is None or not self._nest.open:
                self._nest = await self._start()
            return self._nest

    async def _start(self) -> _Nest:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "mercato.stack.nest", str(theirs.fileno()), *self._services]
        with theirs, open_log(self._logs, "nursery") as log:
            process = await asyncio.create_subprocess_exec(
                *leashed(command, signal.SIGTERM),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._env),
                cwd=self._cwd,
                start_new_session=True,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        nest = _Nest(process, writer)
        self._listening.append(asyncio.create_task(nest.listen(reader), name="nursery"))
        return nest


async def _orphaned(child: Fledgling) -> None:
    process = ProcessId.of(child.pid)
    while process and process.alive:
        await asyncio.sleep(_LOOK_EVERY)
    child.end(-signal.SIGTERM)
