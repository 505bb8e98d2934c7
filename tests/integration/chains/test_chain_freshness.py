"""How old an answer of the registry and its readers can be, on a clock that moves when the test says so."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from registry_parts import a_policy, put_chain, put_endpoint, second, version_seen

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.chains import app

if TYPE_CHECKING:
    from mercato.kit.settings import Settings
    from mercato.stack import LocalStack

STEP = 0.05


class Clock:
    """Seconds, as far as anybody moved them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_readers_of_two_processes_see_each_write_of_either_within_a_second(
    emptied: Settings, stack: LocalStack
) -> None:
    """Readers ask all the time and each process writes some times in a row, so that the other one has just looked when
    a write comes: the worst case."""
    clock, chain_id = Clock(), stack.chains[0].chain_id
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        writers = []
        for settings in (emptied, second(emptied, stack)):
            await enter(app.running(settings, clock))
            writers.append(await enter(grpc.connected(settings, "chains", ChainsServiceStub)))
        await put_chain(writers[0], stack)
        await put_endpoint(writers[0], stack)
        readers = []
        for turn in range(12):  # each looks at a moment of its own, so that some are given the oldest answer there is
            readers.append(await enter(ChainDirectory(writers[turn % 2], clock)))
            await version_seen(readers[-1], chain_id)
            clock.now += STEP
        version = await everybody_at(readers, stack, 2, clock)
        waits = []
        for turn in range(12):
            policy = a_policy(base_fee_multiplier_percent=101 + turn)
            request = pb.PutGasPolicyRequest(chain_id=chain_id.caip2, gas_policy=policy)
            version = (await writers[turn // 6].PutGasPolicy(request)).version
            began = clock.now
            assert await everybody_at(readers, stack, version, clock) == version
            waits.append(clock.now - began)
            clock.now += turn * STEP / 3  # so that the next write comes at another moment of their rounds
    assert version == 14
    # 0.2 s in a process and 0.4 s in a reader, and the steps of this test; the rest of the second is for the calls.
    assert 0.0 < max(waits) <= 0.8


async def everybody_at(readers: list[ChainDirectory], stack: LocalStack, version: int, clock: Clock) -> int:
    """Moves the clock until every reader has the version; the lowest that they have then."""
    async with asyncio.timeout(60):
        while True:
            seen = await asyncio.gather(*(version_seen(reader, stack.chains[0].chain_id) for reader in readers))
            if min(seen) >= version:
                return min(seen)
            clock.now += STEP
