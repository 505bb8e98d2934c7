"""2,000 open subscriptions in one gateway process: memory of a socket, and how long an event takes to all who watch it.

Events go in as the subscriptions service pushes them, through Redis and the logs of `kit.pushes`, each at a time fixed
beforehand. The clients are a process of their own that reads frames off plain sockets; all clocks are CLOCK_MONOTONIC.
Each event names as its token the moment when it was due, so that every receiver can tell how long it took.

Two cases. `spread`: ten sockets watch each of 200 collections, and 100 events a second go round: every event has ten
receivers. `everybody`: all 2,000 watch `feed`, so each event is 2,000 frames, and there are few of them a second. Three
rounds of each on the same sockets; what is said of time are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import resource
import statistics
import struct
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

import aiohttp
import uvloop

from bench.cpu import reading
from bench.ground import BENCH, processes, running_stack
from bench.report import Figure, Report, console, percentile
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import channels, redis
from mercato.kit.ids import Address, ChainId, new_id
from mercato.kit.pushes import PushLog
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1.push_pb2 import Push
from mercato.stack import LocalStack
from mercato.story.api import SUBPROTOCOL, Api
from mercato.story.play import Story

SOCKETS = 2_000
COLLECTIONS = 200
USERS = 4
SPREAD_RATE = 100
EVERYBODY_RATE = 2
ROUNDS = 3
SECONDS = 15

_SERVICES = ("gateway", "auth", "users", "wallets", "chains")
_SERVERS = ("postgres", "rabbitmq", "redis", "anvil")
_CHAIN = ChainId(31337)
_FILES = 10_000
_OPENING = 20
_SETTLING = 2.0
_PATIENCE = 240.0
_GREETING = 0
_GREETING_PAUSE = 2.0
CLIENTS = "clients"
"""The process of the clients, in tables of CPU time."""

_FEED = "subscription { feed { __typename ... on TokenUpserted { tokenId contract owner } } }"
_COLLECTION = """subscription ($contract: Address!) {
  collectionEvents(chainId: "eip155:31337", contract: $contract) {
    __typename ... on TokenUpserted { tokenId contract owner }
  }
}"""
_DUE = re.compile(rb'"tokenId":"(\d+)"')


@dataclass(frozen=True)
class Case:
    """`rate` events a second; `channels` are those that sockets watch, in equal numbers, by `question`."""

    name: str
    rate: int
    question: str
    channels: Sequence[str]

    @property
    def receivers(self) -> int:
        """Of each event."""
        return SOCKETS // len(self.channels)


def contract(number: int) -> Address:
    """The contract of a collection that nobody made."""
    return Address((0xC0FFEE << 136 | number).to_bytes(20))


CASES = (
    Case("spread", SPREAD_RATE, _COLLECTION, [channels.collection(_CHAIN, contract(i)) for i in range(COLLECTIONS)]),
    Case("everybody", EVERYBODY_RATE, _FEED, [channels.FEED]),
)


async def measure() -> Report:
    """Runs the bench on a stack of its own."""
    report = Report(f"{SOCKETS:,} subscriptions in one gateway process")
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, max(_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    async with running_stack(services=_SERVICES, servers=_SERVERS, chain_ids=(int(_CHAIN),)) as stack:
        tokens = await _signed_in(stack)
        for case in CASES:
            await _run(stack, case, tokens, report)
    return report


async def _run(stack: LocalStack, case: Case, tokens: Sequence[str], report: Report) -> None:
    gateway = stack.pid("gateway")
    before = _resident(gateway)
    console.print(f"{case.name}: opening {SOCKETS:,} sockets …")
    async with redis.connected(stack.settings) as client, _clients(stack, case, tokens) as clients:
        log = PushLog(client, stack.settings)
        await clients.all_heard(log, case)
        grown = _resident(gateway) - before
        console.print(f"{case.rate} events a second, {ROUNDS} times for {SECONDS} s …")
        named = processes(stack) | {CLIENTS: clients.pid}
        start = reading(named)
        rounds = []
        for _ in range(ROUNDS):
            await _push_for(log, case)
            rounds.append(await clients.collect(case.rate * SECONDS * case.receivers))
            console.print(f"{len(rounds[-1]):,} frames, p99 {percentile(rounds[-1], 99) * 1000:.0f} ms")
        spent = reading(named) - start
    if case is CASES[0]:  # later ones take memory that an earlier one has left
        report.figure("sockets.memory_per_socket", grown / SOCKETS / 1024, "KiB")
    frames = sum(map(len, rounds))
    for percent in (50, 99):
        middle = statistics.median(percentile(latencies, percent) for latencies in rounds)
        report.headline(Figure(f"sockets.{case.name}.fan_out.p{percent}", middle * 1000, "ms"))
    report.figure(f"sockets.{case.name}.frames_per_second", frames / spent.at, "1/s")
    report.figure(f"sockets.{case.name}.gateway_cpu_per_frame", spent.by_name["gateway"] / frames * 1e6, "us")
    report.cpu(f"sockets.{case.name}", spent, apart=(BENCH, CLIENTS))


async def _push_for(log: PushLog, case: Case) -> None:
    start = time.perf_counter() + 0.1
    for k in range(case.rate * SECONDS):
        due = start + k / case.rate
        await asyncio.sleep(due - time.perf_counter())
        where = contract(k % COLLECTIONS)
        await _push(log, where, int(due * 1e9), [channels.collection(_CHAIN, where), channels.FEED])


async def _push(log: PushLog, where: Address, token_id: int, audience: Sequence[str]) -> None:
    event = events_pb2.TokenUpserted(
        chain_id=_CHAIN.caip2, contract=where, token_id=str(token_id), owner=contract(0), amount="1"
    )
    push = Push(id=str(new_id()), token_upserted=event)
    push.pushed_at.GetCurrentTime()
    await log.push(push.id, push.SerializeToString(), audience)


async def _signed_in(stack: LocalStack) -> list[str]:
    local = stack.chains[0]
    async with aiohttp.ClientSession() as session, RpcPool(local.chain_id, [Endpoint(local.url)]) as node:
        stories = [Story(Api(session, _gateway(stack)), node, local.chain_id) for _ in range(USERS)]
        for story in stories:
            await story.sign_in()
        return [story.api.token for story in stories]


def _gateway(stack: LocalStack) -> str:
    return f"http://127.0.0.1:{stack.ports['gateway']}"


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- the clients, seen from the bench -------------------------------------------------------------


@dataclass(frozen=True)
class _Clients:
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self.process.pid

    async def all_heard(self, log: PushLog, case: Case) -> None:
        """Pushes greetings until every socket has heard one, so that all are subscribed."""
        assert self.process.stdout
        hearing = asyncio.create_task(self.process.stdout.readexactly(1))
        async with asyncio.timeout(_PATIENCE):
            while not hearing.done():
                for channel in case.channels:
                    await _push(log, contract(0), _GREETING, [channel])
                await asyncio.sleep(_GREETING_PAUSE)
        hearing.result()
        await asyncio.sleep(_SETTLING)

    async def collect(self, expected: int) -> list[float]:
        """Every latency since the last time in seconds, once all frames have come. Raises `TimeoutError` when one never
        does."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"%d\n" % expected)
        async with asyncio.timeout(_PATIENCE + SECONDS):
            (size,) = struct.unpack("<Q", await self.process.stdout.readexactly(8))
            body = await self.process.stdout.readexactly(size * 8)
        return list(struct.unpack(f"<{size}d", body))


@asynccontextmanager
async def _clients(stack: LocalStack, case: Case, tokens: Sequence[str]) -> AsyncIterator[_Clients]:
    """A process with all sockets open and subscribed; both are gone when the block ends."""
    order = {"port": stack.ports["gateway"], "question": case.question, "tokens": list(tokens)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.sockets", CLIENTS, json.dumps(order)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    try:
        yield _Clients(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


# --- the clients' own process ---------------------------------------------------------------------


_CLOSE, _PING, _PONG = 0x88, 0x89, b"\x8a"
_HANDSHAKE = b"\r\n".join([
    b"GET /graphql HTTP/1.1", b"Host: 127.0.0.1", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode(), b"Sec-WebSocket-Key: %b",
    b"", b"",
])  # fmt: skip


class _Client(asyncio.Protocol):
    """One socket. It speaks as much of RFC 6455 as it needs: server frames are whole, unmasked and short."""

    def __init__(self, token: str, question: str, variables: dict[str, str], latencies: list[float]) -> None:
        self._buffer = b""
        self._latencies = latencies
        self._upgraded = False
        self._first: list[Mapping[str, object]] = [
            {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}},
            {"id": "1", "type": "subscribe", "payload": {"query": question, "variables": variables}},
        ]
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._transport.write(_HANDSHAKE % base64.b64encode(os.urandom(16)))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded, self._buffer = True, rest
            self._send(self._first.pop(0))
        while (frame := self._next_frame()) is not None:
            self._heard(*frame, now)

    def connection_lost(self, error: Exception | None) -> None:
        _give_up(f"a socket was lost: {error!r}")

    def _next_frame(self) -> tuple[int, bytes] | None:
        """First byte and body."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, start = int.from_bytes(buffer[2:4]), 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0], buffer[start : start + size]

    def _heard(self, kind: int, frame: bytes, now: float) -> None:
        if kind == _PING:
            self._transport.write(_PONG + bytes([0x80 | len(frame)]) + bytes(4) + frame)
        elif kind == _CLOSE:
            _give_up(f"a socket was closed: {int.from_bytes(frame[:2])} {frame[2:].decode()}")
        elif (due := _DUE.search(frame)) is not None:
            if int(due[1]) != _GREETING:
                self._latencies.append(now - int(due[1]) / 1e9)
            elif not self.ready.done():
                self.ready.set_result(None)
        elif b"connection_ack" in frame:
            self._send(self._first.pop(0))
            self.open.set_result(None)

    def _send(self, message: Mapping[str, object]) -> None:
        """A masked text frame; the mask of zeros leaves the text as it is."""
        body = json.dumps(message).encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0x80 | 126]) + len(body).to_bytes(2)
        self._transport.write(b"\x81" + size + bytes(4) + body)


def _give_up(why: str) -> NoReturn:
    """Ends the process at once: a callback of the loop could only be logged."""
    print(why, file=sys.stderr, flush=True)
    os._exit(1)


async def _be_clients(port: int, question: str, tokens: Sequence[str]) -> None:
    """Says one byte when all have heard something; then, until its input ends, reads how many frames there will be and
    gives every latency."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, max(_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_OPENING)
    latencies: list[float] = []

    async def one(number: int) -> _Client:
        variables = {"contract": contract(number % COLLECTIONS).text} if "$contract" in question else {}
        async with gate:
            _, client = await loop.create_connection(
                lambda: _Client(tokens[number % len(tokens)], question, variables, latencies), "127.0.0.1", port
            )
            await client.open
        await client.ready
        return client

    await asyncio.gather(*map(one, range(SOCKETS)))
    sys.stdout.buffer.write(b".")
    sys.stdout.buffer.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        while len(latencies) < int(line):
            await asyncio.sleep(0.05)
        sys.stdout.buffer.write(struct.pack(f"<Q{len(latencies)}d", len(latencies), *latencies))
        sys.stdout.buffer.flush()
        latencies.clear()
    os._exit(0)  # 2,000 closed sockets are no news now


def main() -> None:
    """The command; with `clients` and what they are told, their process."""
    if sys.argv[1:2] == [CLIENTS]:
        uvloop.run(_be_clients(**json.loads(sys.argv[2])))
    else:
        asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
