"""Knows a process by pid and start time, so that a reused pid is never mistaken for the one we started (proc(5))."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_STATE, _SESSION, _START = 0, 3, 19  # fields of /proc/PID/stat after the program's name


@dataclass(frozen=True)
class ProcessId:
    """A pid together with what makes it unique: the boot it belongs to and its start in ticks since then."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a living process; None when there is none (a zombie is not living)."""
        stat = _stat(pid)
        return cls(pid, int(stat[_START]), boot_id()) if stat and stat[_STATE] not in "ZX" else None

    @property
    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Signals this very process and nothing else; a process that is gone is no error.

        The pidfd is opened before the identity is looked at, so the pid cannot change hands in between.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)

    def uptime(self) -> float:
        """Seconds since it started."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf("SC_CLK_TCK"))


@cache
def boot_id() -> str:
    """Changes with every boot of the machine; start times are counted from it."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def marked(marker: str, session: int | None = None) -> list[ProcessId]:
    """Living processes whose environment holds `marker` (``NAME=value``), in one session or in all.

    What a dead leader leaves behind is found this way; a stranger that got its pid has another environment.
    """
    found = []
    for pid in _pids():
        stat = _stat(pid)
        if stat and session in (None, int(stat[_SESSION])) and _has(pid, marker) and (member := ProcessId.of(pid)):
            found.append(member)
    return found


async def stop(process: ProcessId, marker: str, number: signal.Signals, grace: float) -> None:
    """Ends a process and its session: `number` to the leader, and SIGKILL to all that live after `grace` seconds."""
    process.send(number)
    deadline = time.monotonic() + grace
    while process.alive and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    for member in {process, *marked(marker, process.pid)}:
        member.send(signal.SIGKILL)
    while process.alive:
        await asyncio.sleep(0.01)


def describe(pid: int, words: int = 3) -> str:
    """The program behind a pid as a person would name it: the first words of its command."""
    try:
        command = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "unknown program"
    return " ".join(w.decode(errors="replace") for w in command[:words] if w) or "unknown program"


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _has(pid: int, marker: str) -> bool:
    try:
        return marker.encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
