"""A pid alone is never enough to stop something."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from mercato.stack.process import ProcessId, marked, stop

DEAF_PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("deaf", flush=True)
time.sleep(60)
"""
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@asynccontextmanager
async def running(*command: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **env}, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def identity(process: asyncio.subprocess.Process) -> ProcessId:
    found = ProcessId.of(process.pid)
    assert found is not None
    return found


async def test_a_signal_reaches_the_process_it_is_meant_for() -> None:
    async with running(*SLEEP) as process:
        identity(process).send(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == -signal.SIGTERM


async def test_a_process_that_got_a_known_pid_later_is_left_alone() -> None:
    async with running(*SLEEP) as process:
        recorded = identity(process)
        for other in (replace(recorded, started=recorded.started - 1), replace(recorded, boot="an earlier boot")):
            assert not other.alive
            other.send(signal.SIGKILL)
            await stop(other, "MERCATO_CHILD_OF=/nowhere", signal.SIGKILL, 1.0)
        assert recorded.alive
        assert process.returncode is None


def test_a_dead_process_is_not_alive_even_before_its_parent_looks() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    while ProcessId.of(pid):
        time.sleep(0.01)
    assert os.waitpid(pid, 0) == (pid, 0)  # it was a zombie until here


async def test_stop_kills_what_does_not_listen_and_what_it_left_behind() -> None:
    mark = f"MERCATO_CHILD_OF=/test/{os.getpid()}"
    name, _, value = mark.partition("=")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DEAF_PARENT),
        env={**os.environ, name: value},
        start_new_session=True,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert await process.stdout.readline() == b"deaf\n"
    assert len(marked(mark)) == 2
    assert len(marked(mark, process.pid)) == 2

    await stop(identity(process), mark, signal.SIGTERM, 0.2)

    assert await process.wait() == -signal.SIGKILL
    async with asyncio.timeout(5):
        while marked(mark):
            await asyncio.sleep(0.01)


async def test_a_mark_finds_no_process_of_another_stack() -> None:
    async with running(*SLEEP, MERCATO_CHILD_OF="/home/a/.mercato-2"):
        assert marked("MERCATO_CHILD_OF=/home/a/.mercato") == []
