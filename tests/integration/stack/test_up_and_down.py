"""`mercato up` and `mercato down` as a person uses them: repeated, with ports in the way, and after kill -9 of all."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from mercato.stack import LocalStack, Ports, state
from mercato.stack.environment import settings_of
from mercato.stack.process import ProcessId, marked
from mercato.stack.site import marker

CHAINS = (31337, 31338)


@dataclass
class Machine:
    """A home of its own with free ports. Some servers are local; for the others the URLs of the shared stack are set,
    which is quicker and shows that a URL takes a server's place."""

    home: Path
    ports: Ports
    others: LocalStack

    async def mercato(self, *words: str) -> tuple[int, str]:
        """Exit code and output of one command."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mercato.cli", *words),
            env=self.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("MERCATO_")}
        taken = ("MERCATO_AMQP_URL", "MERCATO_MONGO_URL", "MERCATO_S3_URL")
        return {
            **own,
            **{name: self.others.env[name] for name in taken},
            "MERCATO_HOME": str(self.home),
            "MERCATO_PORTS": ",".join(f"{name}={port}" for name, port in self.ports.numbers.items()),
            "COLUMNS": "200",
        }

    @property
    def record(self) -> state.StackRecord:
        record = state.read(self.home)
        assert record is not None
        return record

    def pids(self) -> dict[str, int]:
        return {p.name: p.pid for p in self.record.processes}


@pytest.fixture
async def machine(tmp_path: Path, stack: LocalStack) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path / "home", Ports.free(CHAINS), stack)
    yield machine
    if marked(marker(machine.home)):
        await machine.mercato("down")
    machine.ports.release()
    assert marked(marker(machine.home)) == []


async def test_up_is_safe_to_repeat_and_down_ends_exactly_what_was_started(machine: Machine) -> None:
    code, said = await machine.mercato("up", "--services", "none")
    assert code == 0, said
    assert "redis://127.0.0.1" not in said
    assert re.search(r"mongo +mongodb://127\.0\.0\.1:\d+ +\(yours\)", said)
    first = machine.pids()
    assert set(first) == {"postgres", "redis", "chain-31337", "chain-31338"}

    assert (await machine.mercato("up", "--services", "none"))[0] == 0
    assert machine.pids() == first
    code, said = await machine.mercato("status")
    assert code == 0, said
    assert re.search(rf"postgres .* ready .* {first['postgres']} .* {machine.ports['postgres']} .* ok", said)

    code, said = await machine.mercato("down")
    assert (code, "down after" in said) == (0, True), said
    assert marked(marker(machine.home)) == []
    assert not machine.record.running
    assert await machine.mercato("down") == (0, "nothing was running\n")
    assert (await machine.mercato("status"))[0] == 1


async def test_up_comes_back_with_its_data_after_kill_9_of_everything(machine: Machine) -> None:
    code, said = await machine.mercato("up", "--services", "none")
    assert code == 0, said
    settings = settings_of(machine.record.env)
    database = await asyncpg.connect(settings.database_url("user_db"))
    await database.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')")
    await database.close()
    async with Redis.from_url(settings.redis_url) as redis:
        await redis.set("kept", "here")

    old = [ProcessId.of(pid) for pid in (machine.record.supervisor.pid, *machine.pids().values())]
    for process in old:
        assert process is not None
        process.send(signal.SIGKILL)
    code, said = await machine.mercato("status")
    assert (code, said.startswith("the stack is down")) == (1, True), said

    code, said = await machine.mercato("up", "--services", "none")
    assert code == 0, said
    database = await asyncpg.connect(settings.database_url("user_db"))
    assert await database.fetchval("SELECT word FROM kept") == "here"
    await database.close()
    async with Redis.from_url(settings.redis_url, decode_responses=True) as redis:
        assert await redis.get("kept") == "here"


async def test_what_a_killed_supervisor_left_is_stopped_too(machine: Machine) -> None:
    """The leash ends its children; what slipped it is found by its mark, even when the record is lost."""
    machine.home.mkdir()
    stray = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import time; time.sleep(60)"),
        env={**os.environ, "MERCATO_CHILD_OF": str(machine.home)},
        start_new_session=True,
    )
    code, said = await machine.mercato("down")
    assert (code, f"stopped what had no supervisor any more: pid {stray.pid}" in said) == (0, True), said
    assert await stray.wait() == -signal.SIGTERM


async def test_a_busy_port_is_told_in_one_line_and_nothing_is_left_running(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.ports["redis"])):
        code, said = await machine.mercato("up", "--services", "none")
    lines = said.strip().splitlines()
    assert (code, len(lines)) == (1, 1), said
    assert lines[0].startswith(f"error port {machine.ports['redis']} (redis) is held by pid {os.getpid()} (")
    assert "`mercato up --port-offset 1000`" in lines[0]
    assert marked(marker(machine.home)) == []
    assert machine.record.phase == "failed"


async def test_a_server_that_cannot_start_is_told_in_one_line(machine: Machine) -> None:
    data = machine.home / "data" / "redis"
    data.mkdir(parents=True)
    (data / "appendonlydir").write_text("not a folder")
    code, said = await machine.mercato("up", "--services", "none")
    failure = said.strip().splitlines()[-1]
    assert code == 1
    assert re.match(r"error redis exited with code 1 while starting: .*appendonlydir.*redis\.log\)$", failure), said
    assert marked(marker(machine.home)) == []


async def test_down_leaves_a_process_alone_that_got_the_pid_of_a_dead_part(machine: Machine) -> None:
    stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    try:
        identity = ProcessId.of(stranger.pid)
        assert identity is not None
        then = replace(identity, started=identity.started - 100)
        part = state.ProcessRecord("redis", "server", "ready", 1, then.pid, then.started, then.boot)
        supervisor = state.ProcessRecord("supervisor", "supervisor", "ready", 0, then.pid, then.started, then.boot)
        machine.home.mkdir()
        state.write(machine.home, state.StackRecord("ready", supervisor, (part,)))
        assert await machine.mercato("down") == (0, "nothing was running\n")
        assert identity.alive
    finally:
        stranger.kill()
        await stranger.wait()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["frob"], 2, "error no command frob; there are up, down, status"),
        (["up", "--nope"], 2, "error Unknown option: --nope."),
        (["logs", "nothing"], 1, "error no log of nothing; there are: none yet"),
        (["run", "autth"], 1, "error no service autth; there are gateway, auth"),
        (["migrate", "authdb"], 1, "error no database authdb; there are auth_db"),
        (["up", "--port-offset", "90000"], 1, "error --port-offset 90000 leads outside 1-65535"),
    ],
)
async def test_an_error_is_one_line(machine: Machine, words: list[str], code: int, line: str) -> None:
    found, said = await machine.mercato(*words)
    assert (found, len(said.strip().splitlines())) == (code, 1), said
    assert said.startswith(line)


async def test_help_names_every_command(machine: Machine) -> None:
    code, said = await machine.mercato("--help")
    assert code == 0
    for command in ("up", "down", "status", "logs", "run", "migrate", "doctor", "demo", "dlq"):
        assert re.search(rf"│ {command} +\S", said), command


async def test_doctor_finds_what_is_in_the_way(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.ports["gateway"])):
        code, said = await machine.mercato("doctor")
    assert code == 1
    assert f"problem port {machine.ports['gateway']}: wanted for gateway, held by pid {os.getpid()}" in said
    assert said.count("problem") == 1, said
