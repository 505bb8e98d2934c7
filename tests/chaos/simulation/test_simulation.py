"""Whatever happened on the way, every table ends as a clean reading of the canonical chain; and the proof has teeth."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from mercato.stack import LocalStack
from tests.chaos.simulation.mutants import MUTANTS
from tests.chaos.simulation.world import Build, Servers, World

SEEDS = int(os.environ.get("MERCATO_SIMULATION_SEEDS", "500"))
"""How many, from 0 on; more of them find more. A failure names its seed: `MERCATO_SIMULATION_SEED` runs that one."""

ONE = os.environ.get("MERCATO_SIMULATION_SEED")
WORKERS = 2
ENOUGH_FOR_A_MUTANT = 25


@pytest.mark.timeout(1200)
async def test_every_seed_ends_as_a_clean_reading(simulated: LocalStack) -> None:
    if ONE is not None:
        outcomes = [await _run(simulated, 0, "--seed", ONE)]
    else:
        outcomes = await asyncio.gather(
            *(
                _run(simulated, worker, "--first", str(worker), "--step", str(WORKERS), "--seeds", str(SEEDS - worker))
                for worker in range(WORKERS)
            )
        )
    print(*(outcome[-1] for outcome in outcomes), sep="\n")
    failed = [line for outcome in outcomes for line in outcome if "seed" in line]
    assert not failed, "\n".join(f"seed {line['seed']}: {json.dumps(line['failed'], indent=1)}" for line in failed)
    assert sum(outcome[-1]["seeds"] for outcome in outcomes) == (SEEDS if ONE is None else 1)


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
async def test_a_planted_mistake_is_found(simulated: LocalStack, mutant: str) -> None:
    place = 10 + sorted(MUTANTS).index(mutant)
    lines = await _run(simulated, place, "--mutant", mutant, "--seeds", str(ENOUGH_FOR_A_MUTANT))
    found = [line for line in lines if "seed" in line]
    assert len(found) == 1, f"{mutant} lived through {ENOUGH_FOR_A_MUTANT} seeds"
    assert "exception" not in found[0]["failed"]


async def test_a_seed_tells_the_same_story_again(servers: Servers) -> None:
    stories = []
    for _ in range(2):
        world = World(servers, 7, Build())
        await world.live()
        stories.append(([block.hash for block in world.chain.blocks], world.broker.story, world.broker.kills))
    assert stories[0] == stories[1]


async def _run(simulated: LocalStack, worker: int, *arguments: str) -> list[dict[str, Any]]:
    """The lines of a worker: one for each seed that failed, and one about all."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.simulation", "--running", "--first-chain", str(1 + 100_000 * worker),
        *arguments, stdout=asyncio.subprocess.PIPE, env={**os.environ, **simulated.env},
    )  # fmt: skip
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
    assert process.returncode in (0, 1), f"the worker ended with {process.returncode}"
    return [json.loads(line) for line in out.splitlines()]
