"""From a mined block to the push on a WebSocket: the latency of single mints while all ten services follow two chains.

The node does not mine by itself: each block is made by `evm_mine`, and time zero is taken right before that call,
so what the node needs to make the block is counted against us. One mint is under way at a time, at a moment that is
random to the pollers. The stages are taken by two extra queues on the broker in the measuring process: when the
indexer's fact, and when the catalog's domain event, came out of RabbitMQ. All times are of one clock.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage

from bench import load
from bench.cpu import Reading, reading
from bench.ground import BENCH, processes, running_stack
from bench.report import Report, console
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import messages, topology
from mercato.kit.ids import Address
from mercato.rpc.events.v1 import events_pb2
from mercato.stack import LocalStack
from mercato.story import documents
from mercato.story.api import Api, Json, Subscription
from mercato.story.play import Collection, Story

MINTS = 200
_WARM_UP = 10
_IDLE_SECONDS = 10.0
_PATIENCE = 30.0
_SEED = 42
_LONGEST_PAUSE = 0.2

_FEED = """
subscription {
  feed {
    __typename
    ... on TokenUpserted { contract tokenId owner position { blockNumber } }
  }
}
"""


@dataclass
class Arrivals:
    """When something was first heard of each token of one collection, by token id, in seconds."""

    contract: Address
    at: dict[int, float] = field(default_factory=dict)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, contract: Address, token_id: int, now: float) -> None:
        if contract == self.contract:
            self.at.setdefault(token_id, now)
            self._heard.set()

    async def of(self, token_id: int) -> float:
        """Waits for a token. Raises `TimeoutError`."""
        async with asyncio.timeout(_PATIENCE):
            while token_id not in self.at:
                self._heard.clear()
                await self._heard.wait()
        return self.at[token_id]


@dataclass(frozen=True)
class Mint:
    """One mint: seconds since its block was asked for."""

    fact: float
    domain: float
    push: float
    settled: float


async def measure() -> Report:
    """Runs the bench on a stack of its own."""
    async with running_stack() as stack, AsyncExitStack() as exits:
        report = Report(f"Block mined to WebSocket push: {MINTS} mints, one at a time")
        idle = await _idling(stack)
        bench = await exits.enter_async_context(_prepared(stack))
        console.print(f"{_WARM_UP} mints to warm up, then {MINTS} …")
        draw = random.Random(_SEED)
        for _ in range(_WARM_UP):
            await bench.mint(draw)
        before = reading(processes(stack))
        mints = [await bench.mint(draw) for _ in range(MINTS)]
        spent = reading(processes(stack)) - before
        _tell(mints, report)
        report.figure("live.idle.cores", idle.total / idle.at, "cores")
        report.cpu("live", spent, apart=(BENCH,))
        report.cpu("live.idle", idle)
        return report


def _tell(mints: list[Mint], report: Report) -> None:
    report.latencies("live.push", [m.push for m in mints])
    report.latencies("live.intent_indexed", [m.settled for m in mints])
    report.latencies("live.stage.indexed", [m.fact for m in mints])
    report.latencies("live.stage.catalogued", [m.domain - m.fact for m in mints])
    report.latencies("live.stage.pushed", [m.push - m.domain for m in mints])


async def _idling(stack: LocalStack) -> Reading:
    """What following two quiet chains costs."""
    console.print(f"{_IDLE_SECONDS:.0f} s of idling …")
    await asyncio.sleep(2)  # what started a moment ago is still busy with itself
    before = reading(processes(stack))
    await asyncio.sleep(_IDLE_SECONDS)
    return (reading(processes(stack)) - before).without(BENCH)


@dataclass
class _Bench:
    """A signed-in creator with a collection, a node that mines on demand, and ears at every stage."""

    story: Story
    collection: Collection
    facts: Arrivals
    domain: Arrivals
    pushes: Arrivals
    next_token: int = 1

    async def mint(self, draw: random.Random) -> Mint:
        """Prepares, signs, sends and tracks a mint, makes a block, and waits until everything has arrived."""
        token_id, self.next_token = self.next_token, self.next_token + 1
        intent = (await self.story.prepare_mint(self.collection, 1))["intent"]
        async with self.story.api.socket() as page:  # a page of its own watches each intent
            updates = await page.subscribe(documents.INTENT_UPDATES, id=intent["id"])
            await updates.next(_PATIENCE)
            tx_hash = await self.story.send(intent)
            await self.story.api.execute(documents.TRACK_MINT, id=intent["id"], hash=tx_hash)
            await asyncio.sleep(draw.uniform(0, _LONGEST_PAUSE))
            zero = time.perf_counter()
            await self.story.node.raw("evm_mine")
            settled = await _settled(updates)
        fact, domain, push = [await ears.of(token_id) for ears in (self.facts, self.domain, self.pushes)]
        return Mint(fact - zero, domain - zero, push - zero, settled - zero)


async def _settled(updates: Subscription) -> float:
    while True:
        update: Json = (await updates.next(_PATIENCE))["intentUpdates"]
        if update["state"] == "INDEXED":
            return time.perf_counter()
        assert update["state"] in ("PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"), update


@asynccontextmanager
async def _prepared(stack: LocalStack) -> AsyncIterator[_Bench]:
    """Signs in, makes the collection, then stops the node from mining by itself."""
    local = stack.chains[0]
    async with AsyncExitStack() as exits:
        session = await exits.enter_async_context(aiohttp.ClientSession())
        node = await exits.enter_async_context(RpcPool(local.chain_id, [Endpoint(local.url)]))
        story = Story(Api(session, f"http://127.0.0.1:{stack.ports['gateway']}"), node, local.chain_id)
        await story.fund()
        await story.sign_in()
        _, uri = await story.upload()
        socket = await exits.enter_async_context(story.api.socket())
        collection = await story.create_collection(socket, "ERC721", uri, maxSupply="1000")
        contract = Address.parse(collection.contract)
        bench = _Bench(story, collection, Arrivals(contract), Arrivals(contract), Arrivals(contract))
        await exits.enter_async_context(_tapping(stack, bench))
        feed = await socket.subscribe(_FEED)
        listener = asyncio.create_task(_listen(feed, bench.pushes))
        exits.callback(listener.cancel)
        await node.raw("evm_setAutomine", False)
        yield bench


async def _listen(feed: Subscription, pushes: Arrivals) -> None:
    while True:
        event = (await feed.next(timeout=600))["feed"]
        now = time.perf_counter()
        if event["__typename"] == "TokenUpserted":
            pushes.hear(Address.parse(event["contract"]), int(event["tokenId"]), now)


@asynccontextmanager
async def _tapping(stack: LocalStack, bench: _Bench) -> AsyncIterator[None]:
    """Hears what the indexer and the catalog publish, by queues of its own that end with it."""

    async def fact(message: AbstractIncomingMessage) -> None:
        now = time.perf_counter()
        minted = messages.decode(message.type or "", message.body)
        assert isinstance(minted, events_pb2.TokensMinted)
        for transfer in minted.transfers:
            bench.facts.hear(Address(transfer.contract), int(transfer.token_id), now)

    async def domain(message: AbstractIncomingMessage) -> None:
        now = time.perf_counter()
        for token in load.minted_tokens(message):
            bench.domain.hear(Address(token.contract), int(token.token_id), now)

    async with await aio_pika.connect(stack.settings.amqp_url) as connection:
        channel = await connection.channel()
        for exchange, key, hear in (
            (topology.MINTS_EVENTS, "minted.#", fact),
            (topology.MINTS_DOMAIN, "upserted.#", domain),
        ):
            queue = await channel.declare_queue(exclusive=True, auto_delete=True)
            await queue.bind(exchange, key)
            await queue.consume(hear, no_ack=True)
        yield


def main() -> None:
    """The command: single mints, then twenty blocks a second."""
    reports = [asyncio.run(measure()), asyncio.run(load.measure())]
    for report in reports:
        report.show_tables()
    for report in reports:
        report.show_lines()


if __name__ == "__main__":
    main()
