"""Ten times the history: what an event costs then, and how much memory it takes, beside the same at one time.

The chain is generated (`bench.workload.generated`): 5,000 blocks with about 100,000 events, and 50,000 with a million.
Each is read as in `bench.backfill`, from nothing, by a stack of its own, and the tables must be the expected ones.
"""

from __future__ import annotations

import asyncio

import msgspec

from bench import backfill
from bench.backfill import NODE, Backfill
from bench.ground import BENCH
from bench.report import Ratio, Report, console
from bench.workload.expected import EndState

BLOCKS = 5_000
TIMES = 10


async def measure() -> Report:
    """Once and ten times, one after the other."""
    runs = {"1x": await _run(BLOCKS), "10x": await _run(BLOCKS * TIMES)}
    once, many = runs["1x"], runs["10x"]
    report = Report(f"History of {once.events:,} and of {many.events:,} events")
    report.headline(Ratio("scale.rate_10x_vs_1x", many.per_second / once.per_second))
    report.headline(Ratio("scale.cpu_rate_10x_vs_1x", many.per_cpu_second / once.per_cpu_second))
    for name, run in runs.items():
        report.figure(f"scale.{name}.events_per_second", run.per_second, "1/s")
        report.figure(f"scale.{name}.events_per_cpu_second", run.per_cpu_second, "1/s")
        for service, peak in run.peaks.items():
            report.figure(f"scale.{name}.peak_memory.{service}", peak / 2**20, "MiB")
        report.figure(f"scale.{name}.peak_memory", sum(run.peaks.values()) / 2**20, "MiB")
    for name, run in runs.items():
        report.cpu(f"scale.{name}", run.spent, apart=(BENCH, NODE))
    return report


async def _run(blocks: int) -> Backfill:
    async with backfill.serving("bench.workload.generated", str(blocks)) as (node, said):
        expected = msgspec.json.decode(await said.readline(), type=EndState)
        console.print(f"a generated chain of {blocks:,} blocks with {expected.transfers:,} transfers")
        return await backfill.run(node, expected)


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
