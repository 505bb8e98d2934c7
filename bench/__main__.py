"""Runs the benches one after the other, each on a stack of its own, and repeats all their lines at the end.

python -m bench [NAME…]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from bench import backfill, live, load, sign_in
from bench.report import Figure, Ratio, Report, console


async def decode() -> Report:
    """`bench.decode`, which speaks lines only."""
    return await _alone("bench.decode", "Logs to facts, beside eth-abi")


async def plan() -> Report:
    """`bench.plan`, which speaks lines only."""
    return await _alone("bench.plan", "A page of tokens by the compiled plan, beside graphql-core")


async def _alone(module: str, title: str) -> Report:
    """A bench in a process of its own: it measures process time."""
    report = Report(title)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} ended with code {process.returncode}")
    for line in said.decode().splitlines():
        kind, name, value, *unit = line.split()
        report.headline(Figure(name, float(value), *unit) if kind == "FIGURE" else Ratio(name, float(value)))
    return report


BENCHES: dict[str, Callable[[], Awaitable[Report]]] = {
    "sign_in": sign_in.measure,
    "live": live.measure,
    "load": load.measure,
    "backfill": backfill.measure,
    "decode": decode,
    "plan": plan,
}


async def run(names: list[str]) -> list[str]:
    """Runs the benches named, in the order of `BENCHES`. Returns the names of those that failed."""
    reports, failed = [], []
    for name, measure in BENCHES.items():
        if name not in names:
            continue
        console.rule(name)
        try:
            reports.append(await measure())
        except Exception as error:  # the others are worth their time all the same
            console.print(f"[red]{name} failed:[/] {error!r}")
            failed.append(name)
        else:
            reports[-1].show_tables()
    console.rule("all figures")
    for report in reports:
        report.show_lines()
    return failed


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("name", nargs="*", help=f"which; all when none is given: {', '.join(BENCHES)}")
    names = parser.parse_args().name
    if unknown := set(names) - BENCHES.keys():
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if failed := asyncio.run(run(names or list(BENCHES))):
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
