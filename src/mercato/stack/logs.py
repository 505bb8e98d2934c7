"""The log files of a stack: one per process, kept over restarts, never without bound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

_ROTATE_AT = 5 * 2**20  # at a start; one older file is kept
_TRUNCATE_AT = 50 * 2**20  # while running
_TAIL = 8192


def open_log(folder: Path, name: str) -> IO[bytes]:
    """The log of a process that is about to start, opened for appending; a big one makes room first."""
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _ROTATE_AT:
        path.replace(folder / f"{name}.log.1")
    return path.open("ab")


def bound(folder: Path) -> None:
    """Cuts logs over 50 MB to nothing. Their writers append, so they go on at the new end."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > _TRUNCATE_AT:
            os.truncate(path, 0)


def last_line(path: Path) -> str:
    """The last line that says something; a stand-in when there is none."""
    lines = [line.strip() for line in tail(path, 20)]
    return next((line[:300] for line in reversed(lines) if len(line) > 3), "it logged nothing")


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines, out of the last part of the file."""
    try:
        with path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _TAIL * max(1, count // 40)))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
