"""Our back-fill beside Ponder's: the same recording, the same replay node, alternating in one run.

Ours is counted whole: indexer, catalog, registry, broker, PostgreSQL, Redis and the document store, from the
registration of the node to the last row. Ponder's is its process and PostgreSQL, from its start to its own "historical
indexing done"; it writes three tables by its fastest way and keeps its cache of raw data. It ends 30 blocks early,
which the rates allow for.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench import backfill
from bench.backfill import Backfill, ReplayNode, WrongEnd
from bench.cpu import Reading, reading
from bench.ground import BENCH, running_stack
from bench.report import Ratio, Report, console
from bench.workload.expected import RECORDED

PONDER = Path(__file__).parent / "peers" / "ponder"
ROUNDS = 3
_DONE = b"Completed historical indexing"
_PATIENCE = 300.0
_LAST_BLOCK = 4971
_EVENTS, _OWNERS = 99_334, "d622e8c4"
"""What Ponder must have at the block where its historical phase ends."""

_CHECK = """
SELECT (SELECT count(*) FROM bench.transfer_event),
       (SELECT md5(string_agg(id::text || lower(owner), ',' ORDER BY id::numeric)) FROM bench.token)
"""


@dataclass(frozen=True)
class PeerRun:
    """One run of a peer."""

    spent: Reading

    @property
    def per_second(self) -> float:
        return _EVENTS / self.spent.at

    @property
    def per_cpu_second(self) -> float:
        return _EVENTS / self.spent.total


async def measure() -> Report:
    """Runs both `ROUNDS` times in turn."""
    await install()
    recorded = await backfill.recording()
    expected = await backfill.expected_end(recorded)
    ours: list[Backfill] = []
    theirs: list[PeerRun] = []
    async with backfill.replaying(recorded) as node:
        for number in range(1, ROUNDS + 1):
            ours.append(await backfill.run(node, expected))
            theirs.append(await _ponder(node))
            for name, one in (("ours", ours[-1]), ("Ponder", theirs[-1])):
                console.print(
                    f"round {number}: {name} {one.per_second:,.0f} events/s, {one.per_cpu_second:,.0f} a CPU second"
                )
    report = Report(f"Back-fill beside Ponder 1.0.0, medians of {ROUNDS} runs each, in turn")
    for name, runs in (("ours", ours), ("ponder", theirs)):
        report.figure(f"indexer.{name}.events_per_second", _median([r.per_second for r in runs]), "1/s")
        report.figure(f"indexer.{name}.events_per_cpu_second", _median([r.per_cpu_second for r in runs]), "1/s")
    pairs = list(zip(ours, theirs, strict=True))
    report.headline(Ratio("indexer.cpu_vs_ponder", _median([o.per_cpu_second / p.per_cpu_second for o, p in pairs])))
    report.headline(Ratio("indexer.wall_vs_ponder", _median([o.per_second / p.per_second for o, p in pairs])))
    report.figure("indexer.peak_memory", max(sum(r.peaks.values()) for r in ours) / 2**20, "MiB")
    report.cpu("indexer.ours", ours[-1].spent, apart=(BENCH, backfill.NODE))
    report.cpu("indexer.ponder", theirs[-1].spent)
    return report


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


async def install() -> None:
    """Ponder's packages, once."""
    if (PONDER / "node_modules").exists():
        return
    console.print("installing Ponder …")
    process = await asyncio.create_subprocess_exec("npm", "ci", "--loglevel=error", cwd=PONDER)
    if await process.wait():
        raise RuntimeError("npm could not install Ponder; see above")


async def _ponder(node: ReplayNode) -> PeerRun:
    """A cold run on a fresh PostgreSQL. Raises `WrongEnd` when its tables are not as expected."""
    shutil.rmtree(PONDER / ".ponder", ignore_errors=True)
    async with running_stack(services=(), servers={"postgres"}, chain_ids=()) as stack:
        database = stack.settings.database_url("indexer_db")
        environment = {
            **os.environ,
            "DATABASE_URL": database,
            "RPC_URL": node.url,
            "CONTRACT": RECORDED[0],
            "END_BLOCK": str(backfill.LAST_BLOCK),
            "PONDER_TELEMETRY_DISABLED": "1",
        }
        command = (
            "node",
            "node_modules/ponder/dist/esm/bin/ponder.js",
            "start",
            "--schema",
            "bench",
            "--log-format",
            "json",
        )
        postgres = {"postgres": stack.pid("postgres")}
        before = reading(postgres)
        process = await asyncio.create_subprocess_exec(
            *command, "-p", str(free_port()), "-H", "127.0.0.1", cwd=PONDER, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            await _until_done(process)
            spent = reading(postgres | {"ponder": process.pid}) - before
        finally:
            process.kill()
            await process.wait()
        connection = await asyncpg.connect(database)
        try:
            transfers, owners = await connection.fetchrow(_CHECK) or (0, "")
        finally:
            await connection.close()
    if transfers != _EVENTS or not owners.startswith(_OWNERS):
        raise WrongEnd(f"Ponder has {transfers} transfers and owners {owners} at block {_LAST_BLOCK}")
    return PeerRun(spent)


async def _until_done(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    said: list[bytes] = []
    async with asyncio.timeout(_PATIENCE):
        async for line in process.stdout:
            said.append(line)
            if _DONE in line:
                return
    raise RuntimeError(f"Ponder ended early: {b''.join(said[-5:]).decode(errors='replace')}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
