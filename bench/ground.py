"""The ground every bench stands on: a stack of its own in a temporary home, gone afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from bench.report import console
from mercato.kit.settings import SERVICES
from mercato.stack import LocalStack
from mercato.stack.local import CHAINS
from mercato.stack.servers import SERVERS

BENCH = "bench"
"""The measuring process itself, in tables of CPU time."""


@asynccontextmanager
async def running_stack(
    *,
    services: Sequence[str] = SERVICES,
    servers: Collection[str] = SERVERS,
    chain_ids: Sequence[int] = CHAINS,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[LocalStack]:
    """A fresh stack on free ports, one process for each service; nothing of it is left when the block ends."""
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", ignore_cleanup_errors=True) as home:
        console.print(f"starting {len(servers)} servers and {len(services)} services …")
        async with LocalStack(
            home, services=services, servers=servers, chain_ids=chain_ids, env=env, report=_tell_trouble
        ) as stack:
            yield stack
            console.print("stopping …")


def processes(stack: LocalStack) -> dict[str, int]:
    """Everything that runs, by name, with this process as `BENCH`."""
    return {name: stack.pid(name) for name in stack.names} | {BENCH: os.getpid()}


def _tell_trouble(line: str) -> None:
    """Starts are expected; what a supervisor has to say beyond them spoils a measurement."""
    if "restart" in line or "exited" in line or "ended" in line:
        console.print(f"[red]{line}")
