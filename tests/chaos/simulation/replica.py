"""A replica of the indexer: the real reader, run from one of its pauses to the next, killed, or forgotten and woken."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from mercato.evm.directory import ChainHandle
from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.jobs import ChainReader, Tools
from mercato.services.indexer.store.checkpoints import Checkpoints
from tests.chaos.simulation.broker import Broker
from tests.chaos.simulation.faults import Crash, Doom, Doomed, DoomedPublisher
from tests.chaos.simulation.node import LyingNode
from tests.chaos.simulation.raw_memory import RawEventsInMemory

_STUCK = 60.0

Mutation = Callable[[Tools], Tools]


class Lease:
    """Who may lead; passes to whoever asks once the holder is gone."""

    def __init__(self) -> None:
        self.holder: Replica | None = None


class _Leases:
    def __init__(self, lease: Lease, replica: Replica) -> None:
        self._lease = lease
        self._replica = replica

    async def try_acquire(self, chain: ChainId) -> bool:
        if self._lease.holder is None:
            self._lease.holder = self._replica
        return self._lease.holder is self._replica

    async def check(self, chain: ChainId) -> bool:
        return self._lease.holder is self._replica

    async def release(self, chain: ChainId) -> None:
        if self._lease.holder is self._replica:
            self._lease.holder = None


class Replica:
    """A process with one reader. `doom` decides how it ends."""

    def __init__(
        self,
        handle: ChainHandle,
        lease: Lease,
        checkpoints: Checkpoints,
        raw: RawEventsInMemory,
        broker: Broker,
        draw: random.Random,
        mutate: Mutation,
    ) -> None:
        self._resting = asyncio.Event()
        self._turn = asyncio.Event()
        self.doom = Doom(self._rest)
        tools = Tools(
            checkpoints=Doomed(checkpoints, self.doom),  # type: ignore[arg-type]
            raw=Doomed(raw, self.doom),  # type: ignore[arg-type]
            publisher=DoomedPublisher(broker, self.doom, draw),
            leases=_Leases(lease, self),
            leader="simulation",
            poll_interval=1.0,
            log_range=draw.choice((3, 10, 100)),
            log=structlog.get_logger(),
            pause=self._pause,
        )
        self._reader = ChainReader(mutate(tools), handle)
        self._running: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._running is None or not self._running.done()

    async def turn(self) -> None:
        """Lets the reader work until its next pause, or its end."""
        if self._running is None:
            self._running = asyncio.create_task(self._reader.run())
        self._resting.clear()
        self._turn.set()
        resting = asyncio.create_task(self._resting.wait())
        done, _ = await asyncio.wait({self._running, resting}, timeout=_STUCK, return_when=asyncio.FIRST_COMPLETED)
        resting.cancel()
        assert done, "the reader neither rests nor ends"
        if self._running.done():
            self._end(self._running.exception())

    def _end(self, error: BaseException | None) -> None:
        """A store's failure ends the loop, which its service then runs again; a crash ends the process."""
        if isinstance(error, Unavailable):
            self._running = None
        elif not isinstance(error, Crash):
            raise error or AssertionError("a reader never returns")

    async def kill(self) -> None:
        """Whatever it was doing."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        await self._rest()

    async def _rest(self) -> None:
        self._turn.clear()
        self._resting.set()
        await self._turn.wait()


def handle_of(
    chain: ChainId, node: LyingNode, factory: bytes, market: bytes, scope: chains_pb2.IndexScope, finality: int
) -> ChainHandle:
    """What the registry says of the chain; the node stands in for the pool of its endpoints."""
    description = chains_pb2.Chain(
        chain_id=chain.caip2, enabled=True, scope=scope, version=1,
        contracts=[
            chains_pb2.Contract(kind="factory", address=factory), chains_pb2.Contract(kind="seaport", address=market),
        ],
        gas_policy=chains_pb2.GasPolicy(finality_depth=finality),
    )  # fmt: skip
    return ChainHandle(description, node)  # type: ignore[arg-type]
