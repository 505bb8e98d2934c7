"""A chain reader on real stores, and a mailbox that gets a copy of everything it publishes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import aio_pika

from mercato.evm.directory import ChainHandle
from mercato.evm.rpc import RpcPool
from mercato.kit import messages, mongo, postgres, rabbit, topology
from mercato.kit.ids import Address, ChainId
from mercato.kit.logging import get_logger
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.indexer.jobs import ChainReader, Tools
from mercato.services.indexer.model.chain import Progress
from mercato.services.indexer.model.raw import RawEvent
from mercato.services.indexer.store.checkpoints import Checkpoints
from mercato.services.indexer.store.leases import Leases
from mercato.services.indexer.store.raw import RawEvents

T = TypeVar("T")

POLL = 0.01
_FACT_KEYS = (
    topology.created, topology.imported, topology.configured, topology.minted, topology.transferred, topology.approved,
    topology.refreshed, topology.reorged, topology.advanced,
)  # fmt: skip
_FACT_EXCHANGES = (
    topology.COLLECTIONS_EVENTS, topology.MINTS_EVENTS, topology.TOKENS_EVENTS, topology.CHAINS_EVENTS,
)  # fmt: skip
_chains = itertools.count(990_001)


def new_chain() -> ChainId:
    """A chain no other test has used: every test starts with empty stores without emptying them."""
    return ChainId(next(_chains))


@dataclass(frozen=True)
class Stores:
    """The real stores of the indexer."""

    settings: Settings
    database: postgres.Database
    checkpoints: Checkpoints
    raw: RawEvents
    broker: rabbit.Broker

    def tools(self, leader: str = "test", **changes: Any) -> Tools:
        return replace(
            Tools(
                checkpoints=self.checkpoints,
                raw=self.raw,
                publisher=self.broker.publisher,
                leases=Leases(self.settings.database_url("indexer_db")),
                leader=leader,
                poll_interval=POLL,
                log_range=2000,
                log=get_logger("indexer"),
            ),
            **changes,
        )

    async def progress(self, chain: ChainId) -> Progress | None:
        return next((p for p in await self.checkpoints.list_progress() if p.chain == chain), None)

    async def indexed(self, chain: ChainId, number: int, hash_: bytes | None = None) -> Progress:
        """Waits until a block is indexed (that very block, when a hash is given)."""

        async def reached() -> Progress | None:
            progress = await self.progress(chain)
            if progress is None or progress.indexed < number:
                return None
            return progress if hash_ in (None, progress.indexed_hash) else None

        return await eventually(reached)

    async def raw_rows(self, chain: ChainId) -> list[RawEvent]:
        rows = [row async for row in self.raw.stream(chain)]
        return sorted(rows, key=lambda row: (row.block_number, row.block_hash, row.log_index))


async def eventually(look: Callable[[], Awaitable[T | None]], patience: float = 60.0) -> T:
    """The first answer that is not None."""
    async with asyncio.timeout(patience):
        while (found := await look()) is None:
            await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Leaves no message behind: nobody consumes what these tests publish."""
    async with (
        postgres.connected(settings, "indexer_db") as database,
        mongo.connected(settings) as client,
        rabbit.connected(settings, "indexer") as broker,
    ):
        try:
            yield Stores(settings, database, Checkpoints(database), RawEvents(client), broker)
        finally:
            await _empty_queues(settings)


async def _empty_queues(settings: Settings) -> None:
    connection = await aio_pika.connect(settings.amqp_url)
    async with connection:
        channel = await connection.channel()
        for queue in topology.QUEUES:
            if queue.exchange in _FACT_EXCHANGES:
                await (await channel.get_queue(queue.name, ensure=False)).purge()


class Mailbox:
    """Copies of all messages about one chain, in the order of their arrival."""

    def __init__(self, queue: aio_pika.abc.AbstractQueue) -> None:
        self._queue = queue
        self.received: list[Received] = []

    async def read(self) -> list[Received]:
        """What arrived since the last call; also added to `received`."""
        news = []
        while (raw := await self._queue.get(no_ack=True, fail=False)) is not None:
            message = messages.decode(raw.type or "", raw.body)
            news.append(Received(raw.routing_key or "", raw.message_id or "", message))
        self.received += news
        return news


@dataclass(frozen=True)
class Received:
    """A message as a consumer gets it."""

    key: str
    id: str
    message: Any

    @property
    def kind(self) -> str:
        """``minted``, ``reorged`` …"""
        return self.key.partition(".")[0]

    @property
    def facts(self) -> list[Any]:
        (items,) = [value for field, value in self.message.ListFields() if field.is_repeated]
        return list(items)


@asynccontextmanager
async def open_mailbox(settings: Settings, chain: ChainId) -> AsyncIterator[Mailbox]:
    connection = await aio_pika.connect(settings.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for exchange in _FACT_EXCHANGES:
            for key in _FACT_KEYS:
                await queue.bind(exchange, key(chain))
        yield Mailbox(queue)


def handle_of(
    chain: ChainId,
    pool: RpcPool,
    factory: Address | None = None,
    *,
    scope: chains_pb2.IndexScope = chains_pb2.INDEX_SCOPE_FOLLOWED,
    finality: int = 16,
    start_block: int = 0,
) -> ChainHandle:
    """What the registry would say of a chain."""
    contracts = [chains_pb2.Contract(kind="factory", address=factory)] if factory else []
    description = chains_pb2.Chain(
        chain_id=chain.caip2, enabled=True, scope=scope, start_block=start_block, version=1, contracts=contracts,
        gas_policy=chains_pb2.GasPolicy(finality_depth=finality),
    )  # fmt: skip
    return ChainHandle(description, pool)


@asynccontextmanager
async def reading(tools: Tools, handle: ChainHandle) -> AsyncIterator[None]:
    """A reader at work for as long as the block lasts, as the service runs it."""
    async with looping(tools.log, "reader", ChainReader(tools, handle).run):
        yield
    await close(tools.leases)


async def close(leases: Any) -> None:
    if isinstance(leases, Leases):
        await leases.close()


def fact_positions(received: Sequence[Received]) -> set[tuple[str, int, bytes, bytes, int, int]]:
    """The set of facts a consumer would end up with: kind, block, its hash, transaction, log and batch index."""
    found = set()
    for item in received:
        if item.kind in ("reorged", "advanced", "imported"):
            continue
        blocks = item.message.at.blocks
        for fact in item.facts:
            block = blocks[fact.block]
            found.add(
                (item.kind, block.number, block.hash, fact.tx_hash, fact.log_index, getattr(fact, "batch_index", 0))
            )
    return found


def canonical_positions(received: Sequence[Received]) -> set[tuple[str, int, bytes, bytes, int, int]]:
    """As `fact_positions`, with the facts of orphaned blocks undone by the rule of FactBlocks.generation."""
    orphaned_at: dict[bytes, int] = {}
    for item in received:
        if item.kind == "reorged":
            for block in item.message.orphaned:
                orphaned_at[block.hash] = max(orphaned_at.get(block.hash, 0), item.message.generation)
    found = set()
    for item in received:
        found |= {
            position
            for position in fact_positions([item])
            if item.message.at.generation >= orphaned_at.get(position[2], 0)
        }
    return found
