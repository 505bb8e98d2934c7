"""One run of another indexer: from the start of its process to its own word that it has read everything."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.backfill import WrongEnd
from bench.cpu import Reading, reading
from mercato.stack import LocalStack

INSTALL = ("npm", "install", "--no-save", "--loglevel=error")
"""The locked versions. Not `npm ci`: that asks the lock file for the packages of all other platforms, too."""

_PATIENCE = 900.0


@dataclass(frozen=True)
class PeerRun:
    """What a peer took for its events: its own process with all it started, and PostgreSQL."""

    events: int
    spent: Reading

    @property
    def per_second(self) -> float:
        return self.events / self.spent.at

    @property
    def per_cpu_second(self) -> float:
        return self.events / self.spent.total


@dataclass(frozen=True)
class Command:
    """How a peer is started, and what its output says when its history is read."""

    name: str
    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    done: bytes


async def run(command: Command, stack: LocalStack) -> Reading:
    """Starts it, waits until it is done and ends it with everything it started. Raises `RuntimeError` when it ends
    early, `TimeoutError` when it takes more than a quarter of an hour."""
    postgres = {"postgres": stack.pid("postgres")}
    before = reading(postgres)
    process = await asyncio.create_subprocess_exec(
        *command.words, cwd=command.folder, env=os.environ | dict(command.environment),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        await _until_done(command, process)
        return reading(postgres | {command.name: process.pid}) - before
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def check(database: str, query: str, events: int, owners: str) -> None:
    """Raises `WrongEnd` unless `query` gives this number of events and a digest of all owners that begins so."""
    connection = await asyncpg.connect(database)
    try:
        found, digest = await connection.fetchrow(query) or (0, "")
    finally:
        await connection.close()
    if found != events or not (digest or "").startswith(owners):
        raise WrongEnd(f"expected {events} transfers and owners {owners}…, found {found} and {digest}")


async def prepare(folder: Path, *words: str, environment: Mapping[str, str]) -> None:
    """One step of an installation. Raises `RuntimeError` with the last of what it said."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, env=os.environ | dict(environment),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"`{' '.join(words)}` failed: {said[-2000:].decode(errors='replace')}")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _until_done(command: Command, process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    said: list[bytes] = []
    async with asyncio.timeout(_PATIENCE):
        async for line in process.stdout:
            said.append(line)
            if command.done in line:
                return
    raise RuntimeError(f"{command.name} ended early: {b''.join(said[-40:]).decode(errors='replace')}")
