"""Events per second from a node to the catalog's tables, on the recorded workload of 99,941 transfers.

The node is the recording, served from memory. The chain is registered with the scope ALL, as an operator would add
one, while chains, indexer and catalog run and wait; the clock runs from that registration until the catalog says
that its rows are true at the last block and all transfers are in its table. Everything the marketplace keeps is
written: raw logs, transfers, owners, balances, holders, blocks, outbox, checkpoints. At the end the owners must be
the expected ones.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.cpu import Reading, peak_memory, reading
from bench.ground import BENCH, processes, running_stack
from bench.report import Report, console
from bench.workload import plan
from bench.workload.expected import EndState, end_states
from mercato.kit import grpc, mongo
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1 import chains_pb2 as chains
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.indexer.store.raw import RawEvents
from mercato.stack import LocalStack
from mercato.stack.site import default_home

LAST_BLOCK = plan.BLOCKS + 1
OWNERS_MD5 = "f7ce01d9"
"""How the digest of the peers' end state at the last block begins; a recording that gives another is another one."""

NODE = "replay_node"
_SERVICES = ("chains", "indexer", "catalog")
_SERVERS = ("postgres", "rabbitmq", "redis", "mongo")
_LOOK_EVERY = 0.1
_PATIENCE = 900.0
_NODE_START = 60.0
_SERVED_AT = re.compile(r"chain (\d+): .* up to (\d+), .* on (http://\S+)")

_COUNT = "SELECT count(*) FROM ownership_transfers"
_OWNERS = """
SELECT md5(string_agg(token_id || '0x' || encode(owner, 'hex'), ',' ORDER BY token_id)), count(*) FROM tokens
"""
_BALANCES = "SELECT COALESCE(sum(units), 0)::bigint FROM collection_holders"


class WrongEnd(Exception):
    """The tables are not what the recording makes of them."""


@dataclass(frozen=True)
class ReplayNode:
    """The recording as a node."""

    pid: int
    chain: ChainId
    head: int
    url: str


@dataclass(frozen=True)
class Backfill:
    """One back-fill: what it took. Memory is the peak in bytes, by service."""

    events: int
    spent: Reading
    caught_up: float
    peaks: dict[str, int]

    @property
    def per_second(self) -> float:
        return self.events / self.spent.at

    @property
    def per_cpu_second(self) -> float:
        """Everything counted: services, broker, stores."""
        return self.events / self.spent.without(BENCH, NODE).total


async def measure() -> Report:
    """Runs the bench on a stack of its own; makes the recording first when there is none."""
    recorded = await recording()
    async with replaying(recorded) as node:
        done = await run(node, await expected_end(recorded))
    report = Report(f"Node to catalog: {done.events:,} transfers in {LAST_BLOCK:,} blocks")
    report.figure("backfill.events_per_second", done.per_second, "1/s")
    report.figure("backfill.wall", done.spent.at, "s")
    report.figure("backfill.read_point_at_head", done.caught_up, "s")
    report.figure("backfill.events_per_cpu_second", done.per_cpu_second, "1/s")
    for name, peak in done.peaks.items():
        report.figure(f"backfill.peak_memory.{name}", peak / 2**20, "MiB")
    report.cpu("backfill", done.spent, apart=(BENCH, NODE))
    return report


async def run(node: ReplayNode, expected: EndState) -> Backfill:
    """One back-fill on a fresh stack. Raises `WrongEnd` when a row is not as expected."""
    async with running_stack(services=_SERVICES, servers=_SERVERS, chain_ids=()) as stack:
        return await filled(stack, node, expected)


async def filled(stack: LocalStack, node: ReplayNode, expected: EndState) -> Backfill:
    """One back-fill on a stack that has nothing yet. Raises `WrongEnd` when a row is not as expected."""
    named = processes(stack) | {NODE: node.pid}
    await _describe_chain(stack.settings, node.chain)
    before = reading(named)
    caught_up = await _register_and_wait(stack.settings, node, expected)
    spent = reading(named) - before
    await _check(stack.settings, node.chain, expected)
    peaks = {name: peak_memory(stack.pid(name)) for name in ("indexer", "catalog")}
    return Backfill(expected.transfers, spent, caught_up, peaks)


async def expected_end(recorded: Path) -> EndState:
    """What the tables must be in the end. Raises `WrongEnd` for another recording than the peers'."""
    (expected,) = await asyncio.to_thread(lambda: list(end_states(recorded, [LAST_BLOCK])))
    if not expected.owners_md5.startswith(OWNERS_MD5):
        raise WrongEnd(f"{recorded} is not the workload of the peers: owners {expected.owners_md5}; delete it")
    return expected


async def recording() -> Path:
    """Where the recording is; made when it is not there."""
    path = default_home() / "bench" / "full.jsonl.gz"
    if not path.exists():
        console.print(f"making the recording in {path}, once; this takes about 7 minutes …")
        path.parent.mkdir(parents=True, exist_ok=True)
        making = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.workload.record", str(path))
        if await making.wait():
            raise WrongEnd("the recording was not made; see above")
    return path


@asynccontextmanager
async def replaying(recording: Path) -> AsyncIterator[ReplayNode]:
    """The recording as a node on a free port, until the block ends. Raises `WrongEnd` for another recording."""
    async with serving("bench.workload.replay", str(recording)) as (node, _):
        if node.head != LAST_BLOCK:
            raise WrongEnd(f"{recording} ends at block {node.head}, not {LAST_BLOCK}; delete it to have it made again")
        yield node


@asynccontextmanager
async def serving(module: str, source: str) -> AsyncIterator[tuple[ReplayNode, asyncio.StreamReader]]:
    """A module of ours that serves a chain on a free port, and what else it has to say, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, source, "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_NODE_START):
            said = (await process.stdout.readline()).decode().strip()
        if (match := _SERVED_AT.fullmatch(said)) is None:
            raise WrongEnd(f"the replay node said {said!r}")
        yield ReplayNode(process.pid, ChainId(int(match[1])), int(match[2]), match[3]), process.stdout
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _describe_chain(settings: Settings, chain: ChainId) -> None:
    """Registers everything but the node, so that nothing begins yet."""
    async with grpc.connected(settings, "chains", ChainsServiceStub) as registry:
        await registry.PutChain(
            chains.PutChainRequest(
                chain=chains.Chain(
                    chain_id=chain.caip2,
                    name="Recorded",
                    currency_symbol="ETH",
                    currency_decimals=18,
                    enabled=True,
                    scope=chains.INDEX_SCOPE_ALL,
                )
            )
        )
        policy = chains.GasPolicy(
            base_fee_multiplier_percent=200,
            max_priority_fee="1000000000",
            max_fee_cap="500000000000",
            gas_limit_margin_percent=20,
            confirmations=1,
            finality_depth=64,
        )
        await registry.PutGasPolicy(chains.PutGasPolicyRequest(chain_id=chain.caip2, gas_policy=policy))


async def _register_and_wait(settings: Settings, node: ReplayNode, expected: EndState) -> float:
    """Names the node to the registry and returns when every transfer is in its table.

    Returns the seconds until the read point was at the last block. Raises `TimeoutError`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with (
        asyncio.timeout(_PATIENCE),
        grpc.connected(settings, "chains", ChainsServiceStub) as registry,
        grpc.connected(settings, "catalog", CatalogServiceStub) as catalog,
    ):
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("blocks in the catalog", total=node.head)
            started = time.monotonic()
            endpoint = chains.Endpoint(url=node.url, weight=1)
            await registry.PutEndpoint(chains.PutEndpointRequest(chain_id=node.chain.caip2, endpoint=endpoint))
            block = 0
            while block < node.head:
                await asyncio.sleep(_LOOK_EVERY)
                answer = await catalog.GetReadPoints(catalog_pb2.GetReadPointsRequest(), timeout=30)
                block = max((p.block_number for p in answer.points if p.chain_id == node.chain.caip2), default=0)
                progress.update(task, completed=block)
            caught_up = time.monotonic() - started
        await _until_all_transfers(settings, expected.transfers)
        return caught_up


async def _until_all_transfers(settings: Settings, transfers: int) -> None:
    """The read point promises that nothing is missing; this looks whether it keeps the promise."""
    connection = await asyncpg.connect(settings.database_url("catalog_db"))
    try:
        first = found = await connection.fetchval(_COUNT)
        while found < transfers:
            await asyncio.sleep(_LOOK_EVERY)
            found = await connection.fetchval(_COUNT)
        if first < transfers:
            console.print(f"when the read point was at the head, only {first:,} transfers were there")
    finally:
        await connection.close()


async def _check(settings: Settings, chain: ChainId, expected: EndState) -> None:
    """Raises `WrongEnd` when owners, holdings, counts or raw logs are not those of the recording."""
    connection = await asyncpg.connect(settings.database_url("catalog_db"))
    try:
        digest, tokens = await connection.fetchrow(_OWNERS) or ("", 0)
        found = EndState(
            expected.block,
            await connection.fetchval(_COUNT),
            tokens,
            digest or "",
            await connection.fetchval(_BALANCES),
        )
    finally:
        await connection.close()
    if found != expected:
        raise WrongEnd(f"expected {expected}, found {found}")
    async with mongo.connected(settings) as client:
        raw = sum([1 async for _ in RawEvents(client).stream(chain)])
    if raw != expected.transfers:
        raise WrongEnd(f"{raw} raw logs are kept, not {expected.transfers}")
    console.print(f"all {found.transfers:,} transfers, {found.tokens:,} tokens, owners {found.owners_md5}: as expected")


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
