"""Child processes are kept alive, ended in their own way, and never outlive their supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mercato.stack.child import Child
from mercato.stack.errors import NotReady, StackFailed
from mercato.stack.process import marked
from mercato.stack.supervisor import Supervisor, own_environment

READY = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(60)"
DEAF = f"import signal; signal.signal(15, signal.SIG_IGN); {READY}"


def child(folder: Path, source: str = READY, *, stop_grace: float = 3.0, start_limit: float = 10.0) -> Child:
    """A program that is ready when it has made the file `ready` in its folder."""

    async def ready() -> None:
        if not (folder / "ready").exists():
            raise NotReady("no file yet")

    return Child(
        name="part",
        kind="service",
        command=lambda: [sys.executable, "-c", source],
        ready=ready,
        env=own_environment(),
        cwd=folder,
        port=1,
        stop_grace=stop_grace,
        start_limit=start_limit,
        cleanup=lambda: (folder / "ready").unlink(missing_ok=True),
    )


def mark(folder: Path) -> str:
    return f"MERCATO_CHILD_OF={folder}"


@asynccontextmanager
async def supervising(folder: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(folder, mark(folder))
    try:
        yield supervisor
    finally:
        await supervisor.stop_all([list(supervisor.wards)])
        assert marked(mark(folder)) == []


async def until_ready_again(supervisor: Supervisor, old: int) -> int:
    ward = supervisor.wards["part"]
    async with asyncio.timeout(10):
        while ward.state != "ready" or ward.process is None or ward.process.pid == old:
            await asyncio.sleep(0.01)
    return ward.process.pid


async def test_a_child_that_dies_is_brought_back(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(child(tmp_path))
        first = supervisor.crash("part")
        second = await until_ready_again(supervisor, first)
        ward = supervisor.wards["part"]
        assert second != first
        assert (ward.restarts, ward.note) == (1, "was ended by SIGKILL")


async def test_a_child_that_keeps_dying_is_restarted_less_and_less_often(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(child(tmp_path))
        loop = asyncio.get_running_loop()
        pauses, pid = [], 0
        for _ in range(3):
            begin = loop.time()
            pid = await until_ready_again(supervisor, supervisor.crash("part"))
            pauses.append(loop.time() - begin)
        assert supervisor.wards["part"].restarts == 3
        assert pauses[0] >= 0.2
        assert pauses[1] >= 0.4
        assert pauses[2] >= 0.8
        assert pid > 0


async def test_a_child_that_was_stopped_or_killed_stays_down_until_it_is_started(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        part = child(tmp_path)
        await supervisor.start(part)
        for end in (supervisor.stop, supervisor.kill):
            await end("part")
            await asyncio.sleep(0.5)
            assert (supervisor.wards["part"].state, marked(mark(tmp_path))) == ("stopped", [])
            with pytest.raises(StackFailed, match="NOT_RUNNING"):
                supervisor.crash("part")
            await supervisor.start(part)
            assert supervisor.wards["part"].state == "ready"
        assert supervisor.wards["part"].restarts == 0


async def test_starting_what_runs_changes_nothing(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(child(tmp_path))
        before = supervisor.wards["part"].process
        await supervisor.start(child(tmp_path))
        assert supervisor.wards["part"].process == before


async def test_a_deaf_child_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(child(tmp_path, DEAF, stop_grace=0.3))
        begin = asyncio.get_running_loop().time()
        await supervisor.stop("part")
        assert 0.3 <= asyncio.get_running_loop().time() - begin < 3.0


async def test_what_a_dead_child_left_is_gone_before_the_next_one_starts(tmp_path: Path) -> None:
    source = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); " + READY
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(child(tmp_path, source))
        old = {p.pid for p in marked(mark(tmp_path))}
        await until_ready_again(supervisor, supervisor.crash("part"))
        now = {p.pid for p in marked(mark(tmp_path))}
        assert (len(old), len(now), old & now) == (2, 2, set())


async def test_a_child_that_dies_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(StackFailed) as failed:
            await supervisor.start(child(tmp_path, "raise SystemExit('the port is made of cheese')"))
    assert failed.value.reason == "CHILD_DIED"
    assert failed.value.message == (
        f"part exited with code 1 while starting: the port is made of cheese (log: {tmp_path / 'part.log'})"
    )


async def test_a_child_that_is_never_ready_is_reported_and_ended(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(StackFailed, match="CHILD_NOT_READY: part is not ready after 0 s on port 1"):
            await supervisor.start(child(tmp_path, "import time; time.sleep(60)", start_limit=0.3))
        assert marked(mark(tmp_path)) == []


async def test_no_child_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_supervisor import Supervisor, child, mark

        async def main():
            folder = Path({str(tmp_path)!r})
            await Supervisor(folder, mark(folder)).start(child(folder))
            print("ready", flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
        """
    )
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert supervisor.stdout
    assert await supervisor.stdout.readline() == b"ready\n"
    assert len(marked(mark(tmp_path))) == 1
    os.kill(supervisor.pid, signal.SIGKILL)
    await supervisor.wait()
    async with asyncio.timeout(5):
        while marked(mark(tmp_path)):
            await asyncio.sleep(0.01)
