"""CPU seconds and memory of named processes with all their children, read from proc(5)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the program's name, counted from 0.
_PARENT, _SESSION, _TIMES = 1, 3, slice(11, 15)
# Fields of the first line of /proc/stat after "cpu": user nice system idle iowait irq softirq steal.
_IDLE, _IOWAIT, _STEAL, _GUEST = 3, 4, 7, 8


@dataclass(frozen=True)
class Reading:
    """What had been used when it was taken; the difference of two is what was used in between."""

    at: float
    """Seconds on the monotonic clock."""

    by_name: Mapping[str, float]
    """CPU seconds, user and system, of each process and everything it started."""

    machine: float
    """CPU seconds of the whole machine, idling not counted."""

    steal: float
    """CPU seconds that the hypervisor gave to others."""

    def __sub__(self, earlier: Reading) -> Reading:
        spent = {name: seconds - earlier.by_name.get(name, 0.0) for name, seconds in self.by_name.items()}
        return Reading(self.at - earlier.at, spent, self.machine - earlier.machine, self.steal - earlier.steal)

    def without(self, *names: str) -> Reading:
        """The same, with some processes no longer named."""
        return replace(self, by_name={n: seconds for n, seconds in self.by_name.items() if n not in names})

    @property
    def total(self) -> float:
        """CPU seconds of all named processes."""
        return sum(self.by_name.values())

    @property
    def other(self) -> float:
        """CPU seconds of everything on the machine that is not named."""
        return max(0.0, self.machine - self.total)


def reading(processes: Mapping[str, int]) -> Reading:
    """Takes a reading of processes by pid. What a process or its session started counts with it; children that have
    ended and were waited for are in their parent's figure. Raises `ProcessLookupError` for one that is gone."""
    stats = dict(_all_stats())
    if gone := [name for name, pid in processes.items() if pid not in stats]:
        raise ProcessLookupError(f"{', '.join(gone)} ended while it was measured")
    owner = {pid: name for name, pid in processes.items()}
    used = dict.fromkeys(processes, 0.0)
    for pid, stat in stats.items():
        if name := _owner(pid, stats, owner):
            used[name] += sum(map(int, stat[_TIMES])) / _TICK
    machine, steal = _machine()
    return Reading(time.monotonic(), used, machine, steal)


def peak_memory(pid: int) -> int:
    """The most resident memory that one process ever had, in bytes."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"pid {pid} has no memory any more")


def _owner(pid: int, stats: Mapping[int, list[str]], owner: Mapping[int, str]) -> str | None:
    """The named process that a pid belongs to: itself, the nearest named ancestor, or the leader of its session."""
    session = int(stats[pid][_SESSION])
    while pid in stats:
        if pid in owner:
            return owner[pid]
        pid = int(stats[pid][_PARENT])
    return owner.get(session)


def _all_stats() -> Iterable[tuple[int, list[str]]]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()


def _machine() -> tuple[float, float]:
    line = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    fields = [int(field) / _TICK for field in line]
    busy = sum(fields[:_GUEST]) - fields[_IDLE] - fields[_IOWAIT] - fields[_STEAL]  # guests are part of user time
    return busy, fields[_STEAL]
