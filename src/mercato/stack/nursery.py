"""The supervisor's side of the nursery: asks it for service processes and hears when they end."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mercato.stack.errors import StackFailed
from mercato.stack.logs import open_log
from mercato.stack.process import ProcessId

_LOOK_EVERY = 0.05


class Fledgling:
    """A process forked by the nursery, as the supervisor sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """The exit code, once it has ended; minus the signal's number if that ended it."""
        await self._ended.wait()
        return self.returncode or 0

    def end(self, code: int) -> None:
        self.returncode = code
        self._ended.set()


class Nursery:
    """The supervisor's side. The process starts with `open` and is started again when it has died."""

    def __init__(self, services: Sequence[str], logs: Path, env: Mapping[str, str], cwd: Path) -> None:
        self._services, self._logs, self._env, self._cwd = services, logs, env, cwd
        self._living: dict[int, Fledgling] = {}
        self._asked: asyncio.Queue[asyncio.Future[Fledgling]] = asyncio.Queue()
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Starts loading, and returns at once. Safe to repeat."""
        async with self._lock:
            if self._process and self._process.returncode is None and self._writer:
                return
            ours, theirs = socket.socketpair()
            with theirs, open_log(self._logs, "nursery") as log:
                command = [sys.executable, "-m", "mercato.stack.nest", str(theirs.fileno()), *self._services]
                setpriv = shutil.which("setpriv")
                self._process = await asyncio.create_subprocess_exec(
                    *([setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []),
                    *command,
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self._env),
                    cwd=self._cwd,
                    start_new_session=True,
                )
            reader, self._writer = await asyncio.open_connection(sock=ours)
            self._listening = asyncio.create_task(self._listen(reader), name="nursery")

    async def launch(self, services: Sequence[str], log: Path, cwd: Path) -> Fledgling:
        """Forks a process that runs these services. Raises `StackFailed` NURSERY_DIED."""
        await self.open()
        writer = self._writer
        if writer is None:
            raise StackFailed("NURSERY_DIED", f"what starts the services died (log: {self._logs / 'nursery.log'})")
        born: asyncio.Future[Fledgling] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait(born)
        writer.write(json.dumps({"services": services, "log": str(log), "cwd": str(cwd)}).encode() + b"\n")
        return await born

    async def close(self) -> None:
        """Ends the nursery; what it gave birth to should have ended before."""
        if self._writer:
            self._writer.close()
        if self._process:
            await self._process.wait()
        if self._listening:
            await self._listening

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                message = json.loads(line)
                if "born" in message:
                    child = self._living[message["born"]] = Fledgling(message["born"])
                    asked = self._asked.get_nowait()
                    if not asked.done():
                        asked.set_result(child)
                elif gone := self._living.pop(message["ended"], None):
                    gone.end(message["code"])
        self._writer = None
        while not self._asked.empty():
            if not (asked := self._asked.get_nowait()).done():
                asked.set_exception(StackFailed("NURSERY_DIED", f"see {self._logs / 'nursery.log'}"))
        await asyncio.gather(*map(_orphaned, self._living.values()))
        self._living.clear()


async def _orphaned(child: Fledgling) -> None:
    """Its parent is gone, which ends it too; nobody can collect its exit code."""
    process = ProcessId.of(child.pid)
    while process and process.alive:
        await asyncio.sleep(_LOOK_EVERY)
    child.end(-signal.SIGTERM)
