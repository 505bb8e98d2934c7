"""Starts a stack that outlives the command that asked for it, finds it again, and stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mercato.kit.errors import MercatoError
from mercato.kit.settings import SERVICES
from mercato.stack import state
from mercato.stack.environment import given
from mercato.stack.errors import StackFailed
from mercato.stack.local import CHAINS, STOP_ORDER, LocalStack
from mercato.stack.logs import last_line, open_log
from mercato.stack.ports import Ports
from mercato.stack.site import made

Report = Callable[[str], object]

_LOOK_EVERY = 0.05  # seconds between two looks at the record
_STOP_LIMIT = 20.0  # seconds until a supervisor that does not end is ended


class Options(msgspec.Struct, frozen=True):
    """What a detached stack is told; the rest comes from ``MERCATO_*`` variables."""

    home: str
    port_offset: int = 0
    services: tuple[str, ...] = SERVICES
    chain_ids: tuple[int, ...] = CHAINS
    block_time: float | None = None


def up(options: Options, environ: Mapping[str, str], report: Report) -> state.StackRecord:
    """Returns the record of a stack that is ready: the one that runs already, else one that is started now.

    Raises `StackFailed` with the one line that says why it is not; nothing is left running then.
    """
    home = made(Path(options.home), 0o700)
    log = made(home / "logs") / "supervisor.log"
    record = _settled_record(home)
    if record and record.running:
        report(
            f"already running for {record.supervisor.process.uptime():.0f} s (supervisor pid {record.supervisor.pid})"
        )
        supervisor = None
        position = log.stat().st_size
    else:
        with open_log(log.parent, "supervisor") as output:
            position = output.tell()
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "mercato.stack", msgspec.json.encode(options).decode()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environ),
                start_new_session=True,
            )
    return _wait(home, log, position, supervisor, report)


def down(home: Path, report: Report) -> bool:
    """Stops exactly what a stack started, its supervisor included; False when nothing of it was running."""
    record = state.read(home)
    stopped = bool(record and record.running)
    if record and record.running:
        supervisor = record.supervisor.process
        supervisor.send(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_LIMIT
        while supervisor.alive and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
        if supervisor.alive:
            report(f"the supervisor (pid {supervisor.pid}) does not end; it is killed")
            supervisor.send(signal.SIGKILL)
    left = asyncio.run(state.stop_leftovers(home, STOP_ORDER)) if home.is_dir() else []
    if left:
        report(f"stopped what had no supervisor any more: {', '.join(left)}")
    return stopped or bool(left)


def _settled_record(home: Path) -> state.StackRecord | None:
    """The record, once a stack that is just stopping has ended."""
    while (record := state.read(home)) and record.running and record.phase in ("stopping", "failed"):
        time.sleep(_LOOK_EVERY)
    return record


def _wait(
    home: Path, log: Path, position: int, supervisor: subprocess.Popen[bytes] | None, report: Report
) -> state.StackRecord:
    """Shows the supervisor's lines until its stack is ready. `supervisor` is None for one somebody else started."""
    while True:
        ended = supervisor is not None and supervisor.poll() is not None
        record = state.read(home)
        position = _show(log, position, report)
        if ended and record and record.running:
            supervisor, ended = None, False  # somebody else was faster; theirs is as good
        if record and (supervisor is None or record.supervisor.pid == supervisor.pid):
            if record.phase == "ready" and record.running:
                return record
            ended = ended or not record.running
        if ended:
            raise StackFailed("NOT_STARTED", record.error if record and record.error else last_line(log))
        time.sleep(_LOOK_EVERY)


def _show(log: Path, position: int, report: Report) -> int:
    with log.open("rb") as lines:
        lines.seek(position)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            position += len(line)
            if line.startswith(b"==> "):
                report(line.decode(errors="replace").removeprefix("==> ").rstrip())
    return position


def run(text: str) -> None:
    """The supervisor process itself: a stack, until SIGTERM or SIGINT. Exits 1 when it does not come up."""
    options = msgspec.json.decode(text, type=Options)
    os.umask(0o077)
    raise SystemExit(asyncio.run(_supervise(options)))


async def _supervise(options: Options) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _cancel_once, asyncio.current_task())
    try:
        stack = LocalStack(
            options.home,
            services=options.services,
            chain_ids=options.chain_ids,
            env=given(os.environ),
            ports=Ports.default(options.chain_ids, options.port_offset),
            block_time=options.block_time,
            report=_say,
        )
        async with stack:
            _say("ready")
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        return 0
    except MercatoError as error:
        print(error.message, flush=True)
        return 1
    return 0


def _cancel_once(task: asyncio.Task[Any] | None) -> None:
    """A second signal must not break into the orderly end that the first one began."""
    if task and not task.cancelling():
        task.cancel()


def _say(line: str) -> None:
    print(f"==> {line}", flush=True)
