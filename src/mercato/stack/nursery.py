"""Starts services by forking a process that has loaded them all: ten cost the processor time of one.

Loading a service takes up to two seconds of processor time, nearly all of it libraries that every service has. The
nursery loads them once, while the servers start, and forks for each service; what then runs is what `mercato run` runs.
Nothing in it may use a thread, a socket or a random source of a library before the fork.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

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
                command = [sys.executable, "-m", "mercato.stack.nursery", str(theirs.fileno()), *self._services]
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


# --- the process itself ---------------------------------------------------------------------------


def main(handle: int, services: Sequence[str]) -> None:
    """Loads the services, then forks one for each line on the socket until that is closed."""
    _preload(services)
    with socket.socket(fileno=handle) as channel:
        order = _attend(channel)
    if order:
        _become(order)
        from mercato.cli.serving import run_services

        run_services(order["services"])


def _preload(services: Sequence[str]) -> None:
    import gc
    import traceback

    from mercato.cli.serving import load

    for name in services:
        try:
            load(name)
        except Exception:  # the service's own process will fail in the same way and log it as its own
            traceback.print_exc()
    gc.collect()
    gc.freeze()  # the collector leaves these pages alone, so they stay shared


def _attend(channel: socket.socket) -> dict[str, Any] | None:
    """Serves requests; returns None at the end, and in every forked child what that child is to be."""
    import select

    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    channel.setblocking(True)
    waiting = b""
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(512)
            _collect(channel)
        if channel not in ready:
            continue
        received = channel.recv(65536)
        if not received:
            return None
        *lines, waiting = (waiting + received).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                woken.close()
                waker.close()
                order: dict[str, Any] = json.loads(line)
                return order
            _send(channel, {"born": pid})


def _collect(channel: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _send(channel, {"ended": ended[0], "code": os.waitstatus_to_exitcode(ended[1])})


def _send(channel: socket.socket, message: Mapping[str, int]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _become(order: Mapping[str, Any]) -> None:
    """Makes the forked process one of its own: session, name, log, folder, and an end when the nursery ends."""
    import ctypes

    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    libc.prctl(15, b"mercato-" + ",".join(order["services"]).encode()[:7])  # PR_SET_NAME, 15 bytes
    os.chdir(order["cwd"])
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
