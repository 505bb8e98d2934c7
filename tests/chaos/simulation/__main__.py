"""``python -m tests.chaos.simulation``: any seeds, on a PostgreSQL of its own or on a running one."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import traceback
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from mercato.kit.settings import Settings
from mercato.stack import LocalStack
from tests.chaos.simulation.mutants import MUTANTS
from tests.chaos.simulation.world import Build, Servers, failures, open_servers


def main() -> int:
    """Prints one JSON line for each seed that fails and one at the end; 1 when any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100, help="how many, from --first on")
    parser.add_argument("--step", type=int, default=1, help="every so manyth, for workers that share the seeds")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="a planted mistake; ends where it is found")
    parser.add_argument("--running", action="store_true", help="on the server that MERCATO_* name; else one is started")
    parser.add_argument("--first-chain", type=int, default=1, help="chain numbers are taken from here on")
    parser.add_argument("--verbose", action="store_true", help="every row that differs, and the reader's log")
    return asyncio.run(_run(parser.parse_args()))


async def _run(asked: argparse.Namespace) -> int:
    quiet = structlog.make_filtering_bound_logger(20 if asked.verbose else 50)
    structlog.configure(wrapper_class=quiet)
    async with AsyncExitStack() as stack:
        if asked.running:
            settings = Settings()
        else:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="mercato-simulation-"))
            started = await stack.enter_async_context(LocalStack(Path(home), servers=["postgres"], services=[]))
            settings = started.settings
        servers = await open_servers(settings, stack, asked.first_chain)
        return await _live(servers, asked)


async def _live(servers: Servers, asked: argparse.Namespace) -> int:
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds, asked.step)
    build = MUTANTS.get(asked.mutant, Build())
    started, failed, ran = time.monotonic(), 0, 0
    for seed in seeds:
        ran += 1
        found = await _failures(servers, seed, build)
        if found:
            failed += 1
            print(json.dumps({"seed": seed, "failed": _shown(found, asked.verbose)}), flush=True)
            if asked.mutant:
                break
    print(json.dumps({"seeds": ran, "failures": failed, "seconds": round(time.monotonic() - started, 1)}), flush=True)
    return 1 if failed else 0


async def _failures(servers: Servers, seed: int, build: Build) -> dict[str, Any]:
    try:
        async with asyncio.timeout(120):
            return await failures(servers, seed, build)
    except Exception:
        return {"exception": traceback.format_exc()}


def _shown(found: dict[str, Any], verbose: bool) -> dict[str, str]:
    """The beginning of each difference, and of a stack trace its end."""
    limit = 100_000 if verbose else 600
    return {
        name: str(difference)[-limit:] if name == "exception" else str(difference)[:limit]
        for name, difference in found.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
