"""Services forked from one loaded process are as separate as if each had been started by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mercato.stack import LocalStack, StackFailed
from mercato.stack.process import ProcessId, marked
from mercato.stack.site import marker

TWINS = """
import os, random, sys
from coincurve import PrivateKey
from mercato.kit.ids import new_id
from mercato.kit.settings import SERVICES
from mercato.stack.nest import preload

preload(SERVICES)
print(len(os.listdir("/proc/self/task")), flush=True)
for _ in range(2):
    if os.fork() == 0:
        print(new_id(), random.random(), PrivateKey().to_hex(), flush=True)
        os._exit(0)
    os.wait()
"""


async def test_twins_share_no_thread_and_no_chance() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TWINS, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    threads, *twins = out.decode().splitlines()
    assert threads == "1"
    first, second = (twin.split() for twin in twins)
    assert not set(first) & set(second)


async def test_a_service_comes_back_when_the_nursery_is_killed(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, servers=["postgres", "redis"], services=["chains"], chain_ids=[]) as stack:
        service = stack.pid("chains")
        nursery = parent(service)
        assert nursery != os.getpid()
        os.kill(nursery, signal.SIGKILL)
        await stack.ready("chains", not_pid=service)
        assert ProcessId.of(service) is None
        assert parent(stack.pid("chains")) not in (nursery, os.getpid())
    assert marked(marker(tmp_path)) == []


async def test_a_service_that_cannot_start_is_told_by_its_last_words(tmp_path: Path) -> None:
    elsewhere = {"MERCATO_HOST": "192.0.2.1"}
    stack = LocalStack(tmp_path, servers=["postgres", "redis"], services=["chains"], chain_ids=[], env=elsewhere)
    with pytest.raises(StackFailed, match=r"CHILD_DIED: chains exited with code 1 while starting: .+chains\.log\)$"):
        await stack.__aenter__()
    assert marked(marker(tmp_path)) == []


async def test_a_database_that_is_not_there_is_told_before_any_service_starts(tmp_path: Path) -> None:
    nowhere = {"MERCATO_POSTGRES_URL": "postgresql://127.0.0.1:1"}
    stack = LocalStack(tmp_path, servers=["redis"], services=["chains"], chain_ids=[], env=nowhere)
    with pytest.raises(StackFailed, match=r"MIGRATION_FAILED: auth_db: .*connection refused"):
        await stack.__aenter__()
    assert marked(marker(tmp_path)) == []


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
