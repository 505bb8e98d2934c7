"""Twenty blocks a second with twenty logs each: how long after a block a watcher has heard of it and a reader sees it.

The load is open: each block is due at a time fixed beforehand and every latency is counted from then, so a node that
falls behind is counted against us. A block has 2 mints of 5 tokens and 10 transfers among 10 wallets: 12 transactions,
signed before the clock starts. The new tokens' metadata is resolved meanwhile, as always. A watcher of `feed` hears of
every log. A reader asks the API for the last token of every twentieth block again and again, until it is there.

anvil builds the trie of the whole state anew for every block, so the tokens that move are always the same 200: with new
ones the node alone would soon take all of one core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage

from bench.cpu import reading
from bench.ground import BENCH, processes, running_stack
from bench.report import Report, console
from bench.workload.node import Node
from mercato.evm.abi import Function
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import messages, topology
from mercato.kit.ids import Address
from mercato.rpc.events.v1 import events_pb2
from mercato.stack import LocalStack
from mercato.story.api import Api, Subscription
from mercato.story.play import Collection, Story
from mercato.story.wallet import Wallet

BLOCKS_PER_SECOND = 20
SECONDS = 30
LOGS = 20
_WARM_UP_SECONDS = 10
_MINTS, _TOKENS, _WALLETS, _EACH = 2, 5, 10, 20
"""Mints in a block, tokens of each; wallets, each of which gives one token in each block, and how many each has."""

_SAMPLED = 20
_READ_PAUSE = 0.02
_PATIENCE = 120.0

_AIRDROP = Function("airdrop(address,uint256)")
_TRANSFER_FROM = Function("transferFrom(address,address,uint256)")
_FEES = {"value": "0", "gasLimit": "400000", "maxFeePerGas": str(10**10), "maxPriorityFeePerGas": "1"}

_FEED = """
subscription {
  feed {
    __typename
    ... on TokenUpserted { tokenId position { blockNumber } }
    ... on TokenTransferred { tokenId position { blockNumber } }
  }
}
"""
_TOKEN = """
query ($chain: ChainId!, $contract: Address!, $token: Uint256!) {
  token(chainId: $chain, contract: $contract, tokenId: $token) { owner }
}
"""


@dataclass
class Times:
    """When each block was due, and when what had happened, by block, in seconds of one clock."""

    due: dict[int, float] = field(default_factory=dict)
    mined: dict[int, float] = field(default_factory=dict)
    indexed: dict[int, float] = field(default_factory=dict)
    catalogued: dict[int, float] = field(default_factory=dict)
    readable: dict[int, float] = field(default_factory=dict)
    pushes: dict[int, list[float]] = field(default_factory=dict)

    def since_due(self, what: dict[int, float], blocks: Iterable[int]) -> list[float]:
        return [what[k] - self.due[k] for k in blocks if k in what]

    def pushed(self, blocks: Iterable[int]) -> list[float]:
        """Of every log by itself."""
        return [at - self.due[k] for k in blocks for at in self.pushes.get(k, ())]


def minted_in(token_id: int) -> int:
    """The block that mints a token, counted from 0; negative for those that were there before."""
    return (token_id - _WALLETS * _EACH - 1) // (_MINTS * _TOKENS)


def last_token(block: int) -> int:
    """The last token that a block mints."""
    return _WALLETS * _EACH + (block + 1) * _MINTS * _TOKENS


async def measure() -> Report:
    """Runs the bench on a stack of its own."""
    async with running_stack() as stack:
        return await run(stack)


async def run(stack: LocalStack) -> Report:
    """Loads the first chain of a stack."""
    report = Report(f"{BLOCKS_PER_SECOND} blocks a second with {LOGS} logs each, for {SECONDS} s")
    async with _prepared(stack) as load:
        warm, count = _WARM_UP_SECONDS * BLOCKS_PER_SECOND, SECONDS * BLOCKS_PER_SECOND
        console.print(f"signing {12 * (warm + count):,} transactions …")
        blocks = [load.transactions(k) for k in range(warm + count)]
        console.print(f"{_WARM_UP_SECONDS} s to warm up, then {SECONDS} s …")
        async with asyncio.TaskGroup() as readers:
            await load.mine(blocks[:warm], 0, readers)
            before = reading(processes(stack))
            await load.mine(blocks[warm:], warm, readers)
        measured = range(warm, warm + count)
        await load.until_heard(measured)
        spent = reading(processes(stack)) - before
        _tell(report, load.times, measured)
        report.cpu("live_load", spent, apart=(BENCH,))
    return report


def _tell(report: Report, times: Times, blocks: Sequence[int]) -> None:
    report.latencies("live_load.pushed", times.pushed(blocks))
    report.latencies("live_load.readable", times.since_due(times.readable, blocks))
    report.latencies("live_load.to.mined", times.since_due(times.mined, blocks))
    report.latencies("live_load.to.indexed", times.since_due(times.indexed, blocks))
    report.latencies("live_load.to.catalogued", times.since_due(times.catalogued, blocks))
    seconds = times.due[blocks[-1]] - times.due[blocks[0]] + 1 / BLOCKS_PER_SECOND
    late = sum(lag > 1 / BLOCKS_PER_SECOND for lag in times.since_due(times.mined, blocks))
    report.figure("live_load.blocks_mined_late", late, "blocks")
    report.figure("live_load.rate", len(times.pushed(blocks)) / seconds, "logs/s")


@dataclass
class _Load:
    """A creator with a collection, wallets that hold some of it, a node that mines when it is told to, and ears."""

    story: Story
    node: Node
    collection: Collection
    next_nonce: int
    first_block: int = 0
    listener: asyncio.Task[None] = field(init=False)
    times: Times = field(default_factory=Times)
    wallets: list[Wallet] = field(default_factory=lambda: [Wallet() for _ in range(_WALLETS)])

    async def stock_up(self) -> None:
        """Every wallet has coins, and tokens to give."""
        for wallet in self.wallets:
            await self.node.call("anvil_setBalance", wallet.address.text, hex(10**22))
        await self.send([self._by_creator(_AIRDROP.encode(wallet.address, _EACH)) for wallet in self.wallets])
        await self.node.call("evm_mine")
        self.first_block = int(await self.node.call("eth_blockNumber"), 16) + 1

    def transactions(self, block: int) -> list[bytes]:
        """Signed."""
        mints = [self._by_creator(_AIRDROP.encode(self.story.wallet.address, _TOKENS)) for _ in range(_MINTS)]
        return mints + [self._moved(group, block) for group in range(_WALLETS)]

    def _by_creator(self, data: bytes) -> bytes:
        self.next_nonce += 1
        return self._signed(self.story.wallet, data, self.next_nonce - 1)

    def _moved(self, group: int, block: int) -> bytes:
        """Tokens go round: what wallet `group` had at first is with its n-th neighbour after n rounds."""
        rounds, index = divmod(block, _EACH)
        giver, taker = (self.wallets[(group + rounds + i) % _WALLETS] for i in (0, 1))
        data = _TRANSFER_FROM.encode(giver.address, taker.address, group * _EACH + index + 1)
        return self._signed(giver, data, block)

    def _signed(self, wallet: Wallet, data: bytes, nonce: int) -> bytes:
        unsigned = {**_FEES, "chainNumber": int(self.story.chain), "to": self.collection.contract, "data": data}
        return wallet.sign_transaction(unsigned, nonce)[0]

    async def mine(self, blocks: Sequence[list[bytes]], first: int, readers: asyncio.TaskGroup) -> None:
        """One block after the other, each when it is due or, when the node is behind, at once."""
        start = time.perf_counter() + 1 / BLOCKS_PER_SECOND
        for k, transactions in enumerate(blocks, first):
            due = start + (k - first) / BLOCKS_PER_SECOND
            await self.send(transactions)
            await asyncio.sleep(due - time.perf_counter())
            self.times.due[k] = due
            if k % _SAMPLED == 0:
                readers.create_task(self.read(k))
            await self.node.call("evm_mine")
            self.times.mined[k] = time.perf_counter()

    async def send(self, transactions: Sequence[bytes]) -> None:
        await self.node.batch([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in transactions])

    async def read(self, block: int) -> None:
        """Asks for the last token of a block until it is there."""
        asked = {"chain": self.story.chain.caip2, "contract": self.collection.contract, "token": str(last_token(block))}
        async with asyncio.timeout(_PATIENCE):
            while (await self.story.api.execute(_TOKEN, **asked))["token"] is None:
                await asyncio.sleep(_READ_PAUSE)
        self.times.readable[block] = time.perf_counter()

    async def until_heard(self, blocks: Sequence[int]) -> None:
        """Raises `TimeoutError` when a log never came."""
        async with asyncio.timeout(_PATIENCE):
            while sum(len(self.times.pushes.get(k, ())) for k in blocks) < LOGS * len(blocks):
                if self.listener.done():
                    self.listener.result()
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _prepared(stack: LocalStack) -> AsyncIterator[_Load]:
    local = stack.chains[0]
    async with AsyncExitStack() as exits:
        session = await exits.enter_async_context(aiohttp.ClientSession())
        pool = await exits.enter_async_context(RpcPool(local.chain_id, [Endpoint(local.url)]))
        story = Story(Api(session, f"http://127.0.0.1:{stack.ports['gateway']}"), pool, local.chain_id)
        await pool.raw("evm_setAutomine", True)
        await story.fund(10_000)
        await story.sign_in()
        _, uri = await story.upload()
        socket = await exits.enter_async_context(story.api.socket())
        collection = await story.create_collection(socket, "ERC721", uri, maxSupply="1000000")
        nonce = await pool.transaction_count(story.wallet.address, "pending")
        load = _Load(story, Node(session, local.url), collection, nonce)
        await pool.raw("evm_setAutomine", False)
        await exits.enter_async_context(_tapping(stack, load))
        feed = await socket.subscribe(_FEED)
        await load.stock_up()
        load.listener = asyncio.create_task(_listen(feed, load))
        exits.callback(load.listener.cancel)
        yield load


async def _listen(feed: Subscription, load: _Load) -> None:
    while True:
        event = (await feed.next(timeout=600))["feed"]
        if "position" in event:
            block = int(event["position"]["blockNumber"]) - load.first_block
            load.times.pushes.setdefault(block, []).append(time.perf_counter())


@asynccontextmanager
async def _tapping(stack: LocalStack, load: _Load) -> AsyncIterator[None]:
    """Hears the indexer's facts, and the catalog's domain events of the last tokens of sampled blocks."""
    times = load.times

    async def fact(message: AbstractIncomingMessage) -> None:
        now = time.perf_counter()
        minted = messages.decode(message.type or "", message.body)
        assert isinstance(minted, events_pb2.TokensMinted)
        for transfer in minted.transfers:
            times.indexed.setdefault(minted_in(int(transfer.token_id)), now)

    async def domain(message: AbstractIncomingMessage) -> None:
        now = time.perf_counter()
        for token in minted_tokens(message):
            times.catalogued.setdefault(minted_in(int(token.token_id)), now)

    async with await aio_pika.connect(stack.settings.amqp_url) as connection:
        channel = await connection.channel()
        facts = await channel.declare_queue(exclusive=True, auto_delete=True)
        await facts.bind(topology.MINTS_EVENTS, "minted.#")
        await facts.consume(fact, no_ack=True)
        tokens = await channel.declare_queue(exclusive=True, auto_delete=True)
        contract = Address.parse(load.collection.contract)
        for block in range(0, (_WARM_UP_SECONDS + SECONDS) * BLOCKS_PER_SECOND, _SAMPLED):
            key = topology.token_upserted(load.story.chain, contract, last_token(block))
            await tokens.bind(topology.MINTS_DOMAIN, key)
        await tokens.consume(domain, no_ack=True)
        yield


def minted_tokens(message: AbstractIncomingMessage) -> list[events_pb2.TokenUpserted]:
    """What a message of mints.domain tells."""
    told = messages.decode(message.type or "", message.body)
    assert isinstance(told, events_pb2.TokenEvents)
    return [event.token_upserted for event in told.events]


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
