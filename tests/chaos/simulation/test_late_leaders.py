"""A leader that was paused and wakes after another took over: what it had begun must not undo what came since."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.chaos.simulation.chain import Block
from tests.chaos.simulation.replica import Replica
from tests.chaos.simulation.world import Build, Servers, World


@pytest.fixture
async def world(servers: Servers) -> AsyncIterator[World]:
    """The first seed whose chain may fork three blocks deep, with six blocks read."""
    worlds = (World(servers, seed, Build()) for seed in itertools.count())
    world = next(world for world in worlds if world.chain.finality >= 5)
    world.chain.mine(6, emptiness=0)
    await turns(world.leader(), 3)
    yield world
    await world.end()


async def turns(replica: Replica, count: int) -> None:
    for _ in range(count):
        await replica.turn()


@pytest.mark.parametrize("call", ["orphan", "publish_all", "mark_published"])
async def test_a_block_that_came_back_meanwhile_stays_canonical(world: World, call: str) -> None:
    ours = list(world.chain.blocks)
    world.chain.turn_to([*ours[:-2], *longer(ours[:-2])])
    late = world.leader()
    late.doom.freeze_before(call)
    await turns(late, 1)
    assert late.doom.frozen
    world.lease.holder = None
    await turns(world.leader(), 3)
    world.chain.turn_to(ours)
    world.chain.mine(3, emptiness=0)
    await turns(world.leader(), 3)
    await turns(late, 2)
    await world.settle()
    assert await world.compare() == {}


@pytest.mark.parametrize("call", ["announce", "add", "publish_all", "advance"])
async def test_a_block_that_was_lost_meanwhile_stays_lost(world: World, call: str) -> None:
    shared = list(world.chain.blocks)
    world.chain.mine(2, emptiness=0)
    late = world.leader()
    late.doom.freeze_before(call)
    await turns(late, 1)
    assert late.doom.frozen
    world.lease.holder = None
    world.chain.turn_to([*shared, *longer(shared)])
    await turns(world.leader(), 3)
    await turns(late, 2)
    await world.settle()
    assert await world.compare() == {}


def longer(shared: list[Block]) -> list[Block]:
    """Three empty blocks on top of others."""
    blocks = [shared[-1]]
    for _ in range(3):
        parent = blocks[-1]
        blocks.append(Block(parent.number + 1, parent.hash, "longer", (), parent.timed, parent.left_standing))
    return blocks[1:]
