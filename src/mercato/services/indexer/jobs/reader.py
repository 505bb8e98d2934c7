"""The loop of one chain: at work while this replica leads it, waiting otherwise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from prometheus_client import Gauge

from mercato.evm.directory import ChainHandle
from mercato.evm.rpc import Header, NodeUnavailable, RpcError
from mercato.kit.errors import Unavailable
from mercato.kit.ids import Address
from mercato.kit.logging import Logger
from mercato.kit.tasks import looping
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.jobs.wakeup import Listen, WakeUp
from mercato.services.indexer.model.chain import (
    AwaitNode,
    BlocksMissing,
    EndpointsDisagree,
    ForkTooDeep,
    Idle,
    LeadershipLost,
    NodeInconsistent,
    ReadHistory,
    ReadTip,
    ResolveFork,
    State,
    Step,
    next_step,
)
from mercato.services.indexer.model.ranges import RangeSize
from mercato.services.indexer.model.scope import Scope
from mercato.services.indexer.usecases.delivery import Deliver
from mercato.services.indexer.usecases.forks import FollowFork
from mercato.services.indexer.usecases.history import CatchUp
from mercato.services.indexer.usecases.imports import JoinImports, ReadImports
from mercato.services.indexer.usecases.ports import CheckpointStore, ImportStore, Leases, Pause, Publisher, RawStore
from mercato.services.indexer.usecases.reading import Reading
from mercato.services.indexer.usecases.tip import SPAN, FollowTip
from mercato.services.indexer.usecases.witnesses import GRACE, Confirm

_CONTEND = 0.5
_HEARTBEAT = 1.0
_SILENCE = 2.0
_REGISTRY = 0.4
_HALTED_PAUSE = 2.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0

_head = Gauge("mercato_indexer_head_block", "Newest block the node reports", ["chain"])
_seen = Gauge("mercato_indexer_seen_block", "Newest block the reader has taken up", ["chain"])
_indexed = Gauge("mercato_indexer_indexed_block", "Newest block whose facts are published", ["chain"])
_finalized = Gauge("mercato_indexer_finalized_block", "Newest block that no fork may reach", ["chain"])
_lag = Gauge("mercato_indexer_lag_blocks", "Blocks between head and indexed", ["chain"])
_leading = Gauge("mercato_indexer_leading", "1 while this replica reads the chain", ["chain"])

# What says that the node is at fault, not a store or the broker.
_OF_THE_NODE = (NodeUnavailable, RpcError, NodeInconsistent)


@dataclass(frozen=True)
class Tools:
    """What all readers of a process share."""

    checkpoints: CheckpointStore
    raw: RawStore
    publisher: Publisher
    leases: Leases
    leader: str
    poll_interval: float
    log_range: int
    log: Logger
    grace: float = GRACE
    """Seconds that endpoints may differ before one of them is not believed."""

    imports: ImportStore | None = None
    """None: a reader by itself, to which nobody brings contracts."""

    announced_poll_interval: float = 0.0
    """As `poll_interval`, while sockets announce the blocks; the longer of the two counts then."""

    pause: Pause = asyncio.sleep
    """How a reader waits; a simulation decides here what happens meanwhile."""


class ChainReader:
    """Reads one chain for ever, as long as no other replica does."""

    def __init__(self, tools: Tools, handle: ChainHandle) -> None:
        self._tools = tools
        self._handle = handle
        self._chain = handle.chain_id
        deliver = Deliver(tools.raw, tools.checkpoints, tools.publisher)
        self._deliver = deliver
        self._catch_up = CatchUp(deliver)
        # A node by itself has nobody to be compared with.
        several = len(getattr(handle.pool, "endpoints", ())) > 1
        self._confirm = Confirm(handle.pool, tools.log, tools.grace) if several else None
        self._follow_tip = FollowTip(deliver, self._confirm, tools.pause)
        self._follow_fork = FollowFork(tools.raw, tools.checkpoints, tools.publisher, tools.log)
        self._join = JoinImports(deliver, tools.imports) if tools.imports else None
        self._history = ReadImports(deliver, tools.imports, handle, tools.log_range) if tools.imports else None
        self._wake_up = WakeUp(self._chain, tools.pause, tools.poll_interval, tools.announced_poll_interval)
        announcing = [s.endpoint for s in getattr(handle.pool, "endpoints", ()) if s.endpoint.ws_url]
        self._listen = Listen(self._chain, announcing, self._wake_up, tools.log) if announcing else None
        self._joined_at = 0.0
        self._reported: tuple[State, str, int] | None = None
        self._reported_at = 0.0
        self._trouble = ""

    async def run(self) -> None:
        """Never returns; what it raises is a store's failure, after which it can be run again."""
        leading = _leading.labels(self._chain.caip2)
        try:
            while True:
                if await self._try_lead():
                    leading.set(1)
                    async with AsyncExitStack() as beside:
                        for name, work in (("imports", self._history), ("announcements", self._listen)):
                            if work:
                                loop = looping(self._tools.log, f"{name} {self._chain.caip2}", work.run)
                                await beside.enter_async_context(loop)
                        with contextlib.suppress(LeadershipLost):
                            await self._lead()
                    leading.set(0)
                    self._tools.log.warning("leadership lost", chain=self._chain.caip2)
                await self._tools.pause(_CONTEND)
        finally:
            leading.set(0)
            await self._tools.leases.release(self._chain)

    async def _try_lead(self) -> bool:
        try:
            return await self._tools.leases.try_acquire(self._chain)
        except Unavailable:
            return False

    async def _lead(self) -> None:
        """One term. A step that fails is followed by a pause and by loading everything again."""
        reading = await self._begin()
        pause, loaded = _FIRST_PAUSE, False
        while True:
            try:
                if not loaded:
                    await self._load(reading)
                    loaded = True
                await self._look(reading)
                pause = _FIRST_PAUSE
            except LeadershipLost:
                raise
            except ForkTooDeep as error:
                loaded = False
                await self._stumble(reading, State.HALTED, error)
                await self._tools.pause(_HALTED_PAUSE)
            except (Unavailable, RpcError) as error:
                loaded = False
                at_fault = isinstance(error, _OF_THE_NODE)
                state = State.UNREACHABLE if at_fault else reading.state_at(reading.checkpoint.number)
                await self._stumble(reading, state, error)
                await self._tools.pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _begin(self) -> Reading:
        chain = self._handle.chain
        checkpoint = await self._tools.checkpoints.take(self._chain, chain.start_block, self._tools.leader)
        self._tools.log.info("reading", chain=self._chain.caip2, block=checkpoint.number, epoch=checkpoint.epoch)
        reading = Reading(
            node=self._handle.pool,
            finality_depth=chain.gas_policy.finality_depth,
            confirmations=max(1, chain.gas_policy.confirmations),
            scope=scope_of(chain),
            checkpoint=checkpoint,
            range_size=RangeSize(self._tools.log_range),
        )
        if self._join:
            await self._join.resume(reading)
        return reading

    async def _load(self, reading: Reading) -> None:
        await reading.reload(self._tools.checkpoints)
        await self._follow_fork.finish(reading)

    async def _look(self, reading: Reading) -> None:
        """Looks at the node's head and does what it asks for."""
        head = await self._ask_head(reading)
        reading.head, reading.head_time = head.number, head.timestamp
        await self._take_up_imports(reading)
        if reading.scope.empty:
            # Reading on would pass over what a factory does that is registered a moment later.
            await self._report(reading, State.CATCHING_UP, "nothing to follow yet: register the chain's factory")
            await self._tools.pause(_REGISTRY)
            return
        step = next_step(reading.checkpoint, reading.recent, head, reading.finality_depth, SPAN)
        await self._take(reading, step, head)
        self._trouble = ""
        self._measure(reading)
        if isinstance(step, Idle | AwaitNode):
            notice = self._confirm.notice if self._confirm else ""
            reason = "; ".join(filter(None, (_reason(step), notice)))
            await self._report(reading, reading.state_at(reading.checkpoint.number), reason)
            await self._wake_up.rest(head.hash)

    async def _take_up_imports(self, reading: Reading) -> None:
        now = asyncio.get_running_loop().time()
        if self._join and now - self._joined_at >= _REGISTRY:
            await self._join(reading)
            self._joined_at = now

    async def _ask_head(self, reading: Reading) -> Header:
        """The node pool is patient with its endpoints; the status says within 2 s that nobody answers."""
        asking = asyncio.create_task(reading.node.find_header("latest"))
        try:
            if not (await asyncio.wait([asking], timeout=_SILENCE))[0]:
                known = [f"{e.endpoint.name}: {e.last_error}" for e in self._handle.pool.endpoints if e.last_error]
                why = "; ".join(known) or f"no answer for {_SILENCE:g} s"
                await self._stumble(reading, State.UNREACHABLE, NodeUnavailable("NODE_UNAVAILABLE", why))
            head = await asking
        finally:
            asking.cancel()
        if head is None:
            raise NodeInconsistent("NODE_INCONSISTENT", "the node has no latest block")
        return head

    async def _take(self, reading: Reading, step: Step, head: Header) -> None:
        try:
            await self._read_or_retract(reading, step, head)
        except EndpointsDisagree:
            raise
        except NodeInconsistent:
            # One endpoint that contradicts itself would be asked again and again: have the others speak.
            await self._confirm_up_to(reading, reading.checkpoint.number + 1, {})
            raise

    async def _read_or_retract(self, reading: Reading, step: Step, head: Header) -> None:
        match step:
            case ReadHistory():
                await self._confirm_up_to(reading, step.last, {})
                follows = await self._catch_up(reading, step)
            case ReadTip():
                follows = await self._read_tip(reading, step, head)
            case _:
                follows = not isinstance(step, ResolveFork)
        if not follows:
            await self._confirm_up_to(reading, head.number, {head.number: head.hash})
            await self._follow_fork(reading, head)

    async def _confirm_up_to(self, reading: Reading, last: int, wanted: Mapping[int, bytes]) -> None:
        if self._confirm:
            await self._confirm(reading.checkpoint, last, wanted)

    async def _read_tip(self, reading: Reading, step: ReadTip, head: Header) -> bool:
        try:
            return await self._follow_tip(reading, step, head)
        except BlocksMissing:
            # Where no fork reaches, a range may pass over what the node does not have; not over announced blocks.
            final = min(step.last, head.number - reading.finality_depth)
            if final < step.first or max(reading.recent, default=-1) >= step.first:
                raise
            return await self._catch_up(reading, ReadHistory(step.first, final))

    async def _stumble(self, reading: Reading, state: State, error: Exception) -> None:
        """Shows trouble in the status and logs it once, however long it lasts."""
        if self._trouble != state.value + str(error):
            self._trouble = state.value + str(error)
            log = self._tools.log.error if state is State.HALTED else self._tools.log.warning
            log(
                "reader stopped" if state is State.HALTED else "reader waits", chain=self._chain.caip2, error=str(error)
            )
        with contextlib.suppress(Unavailable):
            await self._report(reading, state, str(error))

    async def _report(self, reading: Reading, state: State, reason: str) -> None:
        """Writes the status when it changes, and every second as a sign of life. Raises `LeadershipLost`."""
        now = asyncio.get_running_loop().time()
        news = (state, reason, reading.head)
        if self._reported == news and now - self._reported_at < _HEARTBEAT:
            return
        if not await self._tools.leases.check(self._chain):
            raise LeadershipLost("LEADERSHIP_LOST", "the lease's connection is gone")
        await self._tools.checkpoints.report(reading.checkpoint, reading.head or None, state, reason, reading.head_time)
        self._reported, self._reported_at = news, now

    def _measure(self, reading: Reading) -> None:
        chain, indexed = self._chain.caip2, reading.checkpoint.number
        _head.labels(chain).set(reading.head)
        _seen.labels(chain).set(reading.seen)
        _indexed.labels(chain).set(indexed)
        _finalized.labels(chain).set(reading.checkpoint.finalized)
        _lag.labels(chain).set(max(0, reading.head - indexed))


def scope_of(chain: chains_pb2.Chain) -> Scope:
    """What the registry wants read of a chain; the collections come from the store."""

    def of_kind(kind: str) -> frozenset[str]:
        return frozenset(Address(c.address).text for c in chain.contracts if c.kind == kind)

    return Scope(chain.scope == chains_pb2.INDEX_SCOPE_ALL, of_kind("factory"), of_kind("seaport"))


def _reason(step: Step) -> str:
    if isinstance(step, AwaitNode):
        return f"the node is {step.behind} blocks behind what was read from it before"
    return ""
