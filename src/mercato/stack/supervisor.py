"""Keeps child processes alive: starts them, waits until they are ready, restarts the dead, stops them in order."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mercato.stack.child import Child, Handle
from mercato.stack.errors import NotReady, StackFailed
from mercato.stack.logs import last_line, open_log
from mercato.stack.process import ProcessId, stop
from mercato.stack.state import ProcessRecord

State = Literal["starting", "ready", "restarting", "stopping", "stopped"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds before a restart; doubles while the child keeps dying
_STEADY = 30.0  # seconds of life after which a death counts as the first again
_PROBE_PAUSE = 0.03


@dataclass
class Ward:
    """A child under supervision and what is known of it."""

    child: Child
    state: State = "stopped"
    process: ProcessId | None = None
    restarts: int = 0
    note: str = ""
    seconds: float = 0.0
    """How long its last start took until ready."""
    handle: Handle | None = field(default=None, repr=False)
    watch: asyncio.Task[None] | None = field(default=None, repr=False)

    def record(self) -> ProcessRecord:
        """What is written down about it."""
        child, process = self.child, self.process or ProcessId(0, 0, "")
        return ProcessRecord(
            child.name,
            child.kind,
            self.state,
            child.port,
            process.pid,
            process.started,
            process.boot,
            self.restarts,
            self.note,
            self.seconds,
            int(child.stop_signal),
            child.stop_grace,
        )


class Supervisor:
    """All children of one stack. `changed` is called after every change of a ward."""

    def __init__(self, logs: Path, marker: str, changed: Callable[[Ward], object] = lambda _: None) -> None:
        self.wards: dict[str, Ward] = {}
        self._logs = logs
        self._marker = marker
        self._changed = changed

    async def start(self, child: Child) -> None:
        """Starts a child and returns when it is ready; from then on it is restarted whenever it dies.

        Raises `StackFailed` CHILD_DIED or CHILD_NOT_READY; nothing of it is left running then.
        """
        ward = self.wards.setdefault(child.name, Ward(child))
        ward.child = child
        if ward.state not in ("stopped",):
            return
        for attempt in range(child.attempts):
            try:
                await self._bring_up(ward)
                break
            except StackFailed:
                if attempt + 1 == child.attempts:
                    self._set(ward, "stopped")
                    raise
                await asyncio.sleep(_FIRST_PAUSE)
        ward.watch = asyncio.create_task(self._keep_alive(ward), name=f"watch {child.name}")

    async def stop(self, name: str) -> None:
        """Ends a child as it likes to be ended, by force after its grace; it stays down until `start`."""
        ward = self.wards[name]
        if ward.state == "stopped":
            return
        if ward.state == "ready":
            with suppress(Exception):  # a server that cannot be asked any more is stopped all the same
                async with asyncio.timeout(ward.child.stop_grace):
                    await ward.child.before_stop()
        await self._end(ward, ward.child.stop_signal, ward.child.stop_grace)

    async def kill(self, name: str) -> None:
        """Ends a child by SIGKILL; it stays down until `start`."""
        await self._end(self.wards[name], signal.SIGKILL, 0.0)

    def crash(self, name: str) -> int:
        """Sends SIGKILL to a child behind the supervisor's back, which will restart it. Returns the pid hit."""
        process = self.wards[name].process
        if process is None or not process.alive:
            raise StackFailed("NOT_RUNNING", f"{name} is not running, so it cannot crash")
        process.send(signal.SIGKILL)
        return process.pid

    async def stop_all(self, order: Sequence[Sequence[str]]) -> None:
        """Stops group after group; the members of a group at the same time."""
        for group in order:
            await asyncio.gather(*(self.stop(name) for name in group if name in self.wards))

    async def _end(self, ward: Ward, number: signal.Signals, grace: float) -> None:
        self._set(ward, "stopping")
        if ward.watch:
            ward.watch.cancel()
            await asyncio.gather(ward.watch, return_exceptions=True)
            ward.watch = None
        if ward.process:
            await stop(ward.process, self._marker, number, grace)
        await self._reap(ward)
        self._set(ward, "stopped")

    async def _keep_alive(self, ward: Ward) -> None:
        loop = asyncio.get_running_loop()
        pause, since = _FIRST_PAUSE, loop.time()
        while ward.handle:
            code = await ward.handle.wait()
            if loop.time() - since > _STEADY:
                pause = _FIRST_PAUSE
            ward.restarts += 1
            ward.note = exit_text(code)
            self._set(ward, "restarting")
            await asyncio.sleep(pause)
            pause, since = min(pause * 2, _LONGEST_PAUSE), loop.time()
            try:
                await self._bring_up(ward)
            except StackFailed as error:
                ward.note = error.message
                self._set(ward, "restarting")

    async def _bring_up(self, ward: Ward) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await self._reap(ward)
        self._set(ward, "starting" if ward.state == "stopped" else ward.state)
        handle = await self._spawn(ward)
        exited = asyncio.create_task(handle.wait())
        ready = asyncio.create_task(_until_ready(ward.child))
        try:
            await asyncio.wait({exited, ready}, timeout=ward.child.start_limit, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise self._failure(ward.child, handle)
            await ready
        except BaseException:
            if ward.process:
                await stop(ward.process, self._marker, signal.SIGKILL, 0.0)
            raise
        finally:
            exited.cancel()
            ready.cancel()
        ward.seconds = loop.time() - begin
        self._set(ward, "ready")

    async def _spawn(self, ward: Ward) -> Handle:
        child = ward.child
        if child.launch:
            open_log(self._logs, child.name).close()
            handle = await child.launch(self._logs / f"{child.name}.log")
        else:
            handle = await self._execute(child)
        ward.handle, ward.process = handle, ProcessId.of(handle.pid)
        self._changed(ward)
        return handle

    async def _execute(self, child: Child) -> Handle:
        name, _, value = self._marker.partition("=")
        with open_log(self._logs, child.name) as log:
            return await asyncio.create_subprocess_exec(
                *leashed(child.command(), child.stop_signal),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**child.env, name: value},
                cwd=child.cwd,
                start_new_session=True,
            )

    async def _reap(self, ward: Ward) -> None:
        """Collects a dead child and kills what it left in its session."""
        if ward.handle:
            await ward.handle.wait()
            if ward.process:
                await stop(ward.process, self._marker, signal.SIGKILL, 0.0)
            ward.child.cleanup()
        ward.handle = ward.process = None

    def _failure(self, child: Child, handle: Handle) -> StackFailed:
        log = self._logs / f"{child.name}.log"
        where = f"{last_line(log)} (log: {log})"
        if handle.returncode is not None:
            return StackFailed("CHILD_DIED", f"{child.name} {exit_text(handle.returncode)} while starting: {where}")
        return StackFailed(
            "CHILD_NOT_READY",
            f"{child.name} is not ready after {child.start_limit:.0f} s on port {child.port}: {where}",
        )

    def _set(self, ward: Ward, state: State) -> None:
        ward.state = state
        self._changed(ward)


def leashed(argv: Sequence[str], number: signal.Signals) -> list[str]:
    """The command, arranged to get a signal when its supervisor dies, so that no server outlives a killed test run."""
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return list(argv)
    if Path(argv[0]).name == "setpriv":  # becoming another user clears the leash, so it goes into that very call
        return [argv[0], "--pdeathsig", number.name[3:], *argv[1:]]
    return [setpriv, "--pdeathsig", number.name[3:], "--", *argv]


def exit_text(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with code {code}"


async def _until_ready(child: Child) -> None:
    while True:
        try:
            await child.ready()
            break
        except (OSError, EOFError, NotReady, TimeoutError):
            await asyncio.sleep(_PROBE_PAUSE)
    try:
        await child.settle()
    except Exception as error:
        raise StackFailed("CHILD_NOT_SETTLED", f"{child.name} runs but could not be prepared: {error}") from error


def own_environment() -> dict[str, str]:
    """This process's environment without the settings of Mercato: a child gets those from its stack alone."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MERCATO_")}
