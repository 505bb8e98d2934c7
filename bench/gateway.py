"""50 tokens with owner and metadata over HTTP, cold and hot, beside Ponder's own GraphQL API on the same rows.

    python -m bench.gateway

The rows are those of `bench.backfill`: 54,996 tokens of one collection, indexed from the replay node by both sides on
one PostgreSQL server. A round is Ponder and ours cold, second and hot, in turn, each with the same load on the same two
cores. The cache is on. Cold is every page asked for once: each request goes to SQL. Second is the pages of the cold run
once more: each is looked for, goes to SQL, and is kept. Hot is 200 pages again and again. Sign-ins and sockets follow,
each on a stack of its own.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson

from bench import backfill
from bench.backfill import ReplayNode, WrongEnd
from bench.cpu import Reading, reading
from bench.ground import BENCH, processes, running_stack
from bench.peers.run import free_port
from bench.peers.with_ponder import Ponder
from bench.report import Ratio, Report, console, percentile
from bench.workload.expected import RECORDED, EndState
from mercato.kit import cursors, postgres
from mercato.kit.ids import Address
from mercato.services.catalog.model.facts import Cause, Resolution, Trait
from mercato.services.catalog.store.writing import CatalogStore
from mercato.services.catalog.usecases.metadata import JoinMetadata
from mercato.stack import LocalStack

ROUNDS = 5
SECONDS = 8.0
SECOND_SECONDS = 5.0
"""Shorter, so that it cannot come to the end of what the cold run has asked for."""
WARM_UP = 6.0
CONNECTIONS = 16
PAGE = 50

_FOLDER = Path(__file__).parent / "peers" / "ponder"
_SERVICES = ("chains", "indexer", "catalog", "gateway")
_SERVERS = ("postgres", "rabbitmq", "redis", "mongo")
_HOT_PAGES = 200
_METADATA_PAGE = 500
_READY_AFTER = 300.0
_MOST_PER_SECOND = 1150
"""More than a run without kept answers asks for in a second."""

OURS = """
query Tokens($chain: ChainId!, $contract: Address!, $after: String) {
  tokens(first: 50, after: $after, filter: {chainId: $chain, contract: $contract}) {
    nodes { id tokenId owner name image imageUrl metadataState traits { name value } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PONDER = """
query Tokens($after: String) {
  tokens(limit: 50, after: $after) {
    items { id owner name image ownerAccount { address balance } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


@dataclass(frozen=True)
class Bodies:
    """What is asked, each by another cursor: as many pages as there are tokens to begin at."""

    ours: list[bytes]
    ponder: list[bytes]


@dataclass(frozen=True)
class Ready:
    """Both sides, serving the same rows."""

    stack: LocalStack
    pids: dict[str, int]
    ponder_pid: int
    ponder_port: int
    bodies: Bodies


@dataclass(frozen=True)
class Side:
    """What is asked, and the processes that answer."""

    port: int
    pids: dict[str, int]


@dataclass(frozen=True)
class LoadRun:
    """One load on one side."""

    seconds: float
    client_cpu: float
    latencies: Sequence[float]
    received: int
    spent: Reading

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 99) * 1000

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 50) * 1000

    @property
    def cpu_each(self) -> float:
        """Milliseconds of CPU for one request, of all that is measured."""
        return self.spent.total / len(self.latencies) * 1000


@asynccontextmanager
async def serving_rows() -> AsyncIterator[Ready]:
    """A stack and Ponder, both with every row of the recording."""
    recorded = await backfill.recording()
    expected = await backfill.expected_end(recorded)
    async with (
        backfill.replaying(recorded) as node,
        running_stack(services=_SERVICES, servers=_SERVERS, chain_ids=()) as stack,
    ):
        await Ponder().prepare(node)
        await backfill.filled(stack, node, expected)
        await _settle(stack)
        console.print("joining a document to each token …")
        await _describe_tokens(stack, node, expected)
        async with _ponder(stack, node) as (pid, port):
            await _settle(stack)
            yield Ready(stack, processes(stack), pid, port, await _bodies(stack, node))


async def _describe_tokens(stack: LocalStack, node: ReplayNode, expected: EndState) -> None:
    """A document with two traits for each token, joined as the catalog joins what media has resolved."""
    now = datetime.now(UTC)
    async with postgres.connected(stack.settings, "catalog_db") as database:
        ids = [row[0] for row in await database.pool.fetch("SELECT token_id::text FROM tokens ORDER BY token_id")]
    if len(ids) != expected.tokens:
        raise WrongEnd(f"{len(ids)} tokens, not {expected.tokens}")
    pages = [ids[start : start + _METADATA_PAGE] for start in range(0, len(ids), _METADATA_PAGE)]
    async with postgres.connected(stack.settings, "catalog_db") as database:
        join = JoinMetadata(CatalogStore(database))
        for number, page in enumerate(pages):
            cause = Cause("bench", f"page {number}")
            found = [_resolution(token_id, now) for token_id in page]
            await join.run(cause, node.chain, Address.parse(RECORDED[0]), found)
        # Nobody listens to what the bench has joined.
        await database.pool.execute("DELETE FROM outbox")
    await _settle(stack)


def _resolution(token_id: str, now: datetime) -> Resolution:
    number = int(token_id)
    return Resolution(
        token_id,
        now,
        uri=f"ipfs://bafkreibenchdocuments/{token_id}.json",
        name=f"Recorded #{token_id}",
        image=f"ipfs://bafkreibenchimages/{token_id}.png",
        doc_id=f"bench:{token_id}",
        traits=(Trait("Level", "string", str(number % 10)), Trait("Colour", "string", f"Colour {number % 7}")),
    )


@asynccontextmanager
async def _ponder(stack: LocalStack, node: ReplayNode) -> AsyncIterator[tuple[int, int]]:
    """Ponder, its own index complete, on the stack's PostgreSQL server: pid and port."""
    port = free_port()
    environment = {
        **os.environ,
        "NODE_ENV": "production",
        "DATABASE_URL": stack.settings.database_url("indexer_db"),
        "RPC_URL": node.url,
        "CONTRACT": RECORDED[0],
        "END_BLOCK": str(backfill.LAST_BLOCK),
        "PONDER_TELEMETRY_DISABLED": "1",
    }
    command = ("node", "node_modules/ponder/dist/esm/bin/ponder.js", "start", "--root", "read", "--schema", "bench")
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command, "-p", str(port), "-H", "127.0.0.1", "--log-format", "json",
            cwd=_FOLDER, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            await _until_ready(process, port)
            yield process.pid, port
        finally:
            process.kill()
            await process.wait()


async def _until_ready(process: asyncio.subprocess.Process, port: int) -> None:
    console.print("Ponder indexes the same recording …")
    async with asyncio.timeout(_READY_AFTER), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise RuntimeError("Ponder ended before it was ready")


async def _settle(stack: LocalStack) -> None:
    """Fresh statistics on both sides, as autovacuum would have them soon."""
    for name in ("catalog_db", "indexer_db"):
        connection = await asyncpg.connect(stack.settings.database_url(name))
        try:
            await connection.execute("VACUUM ANALYZE")
        finally:
            await connection.close()


async def _bodies(stack: LocalStack, node: ReplayNode) -> Bodies:
    """Every request once, in random order, the same for both sides."""
    connection = await asyncpg.connect(stack.settings.database_url("catalog_db"))
    try:
        rows = await connection.fetch("SELECT collection_ref, token_id::text FROM tokens ORDER BY token_id")
    finally:
        await connection.close()
    starts = rows[: -PAGE - 50]
    random.Random(42).shuffle(starts)
    place = {"chain": node.chain.caip2, "contract": RECORDED[0]}
    ours = [_body(OURS, {**place, "after": cursors.encode(ref, token_id)}) for ref, token_id in starts]
    return Bodies(ours, [_body(PONDER, {"after": _ponder_cursor(token_id)}) for _, token_id in starts])


def _body(query: str, variables: dict[str, str]) -> bytes:
    return orjson.dumps({"query": " ".join(query.split()), "variables": variables})


def _ponder_cursor(token_id: str) -> str:
    """Ponder's own form: base64 of the columns that order the list."""
    return base64.b64encode(b'{"id":{"__type":"bigint","value":"%b"}}' % token_id.encode()).decode()


async def measure() -> Report:
    """Runs the three in turn, `ROUNDS` times."""
    runs: dict[str, list[LoadRun]] = {"ponder": [], "cold": [], "second": [], "hot": []}
    async with serving_rows() as ready:
        gateway = ready.stack.ports["gateway"]
        pages = Pages(ready.bodies)
        await _check(gateway, ready.ponder_port, ready.bodies)
        servers = {name: pid for name, pid in ready.pids.items() if name != BENCH}
        theirs = Side(ready.ponder_port, {"ponder": ready.ponder_pid, "postgres": servers["postgres"]})
        sides = {"ponder": theirs, **dict.fromkeys(("cold", "second", "hot"), Side(gateway, servers))}
        console.print("warming up …")
        for name in ("ponder", "cold", "hot"):
            await load(sides[name], pages.next(name, WARM_UP), WARM_UP)
        for number in range(1, ROUNDS + 1):
            for name, run in await _round(sides, pages):
                runs[name].append(run)
                console.print(
                    f"round {number}: {name} {run.per_second:,.0f}/s, p50 {run.p50:.1f} ms, p99 {run.p99:.1f} ms, "
                    f"{run.cpu_each:.2f} CPU ms each, client {run.client_cpu / run.seconds:.2f} cores, "
                    f"others {(run.spent.other - run.client_cpu) / run.seconds:.2f} cores"
                )
    return _report(runs)


async def _round(sides: dict[str, Side], pages: Pages) -> list[tuple[str, LoadRun]]:
    """Each side's run. Raises `RuntimeError` when one asked for a page more often than it says."""
    done = [("ponder", await load(sides["ponder"], pages.next("ponder", SECONDS), SECONDS))]
    asked = pages.next("cold", SECONDS)
    cold = await load(sides["cold"], asked, SECONDS)
    if len(cold.latencies) > len(asked):
        raise RuntimeError("a cold run asked for a page twice; make the runs shorter")
    known = asked[: len(cold.latencies)]
    second = await load(sides["second"], known, SECOND_SECONDS)
    if len(second.latencies) > len(known):
        raise RuntimeError("a second run asked for a page a third time; make it shorter")
    hot = await load(sides["hot"], pages.next("hot", SECONDS), SECONDS)
    return [*done, ("cold", cold), ("second", second), ("hot", hot)]


def _report(runs: dict[str, list[LoadRun]]) -> Report:
    report = Report(f"A page of {PAGE} tokens, {CONNECTIONS} connections, medians of {ROUNDS} runs each, in turn")
    for name, of_side in runs.items():
        report.figure(f"gateway.{name}.per_second", _median([r.per_second for r in of_side]), "1/s")
        report.figure(f"gateway.{name}.p50", _median([r.p50 for r in of_side]), "ms")
        report.figure(f"gateway.{name}.p99", _median([r.p99 for r in of_side]), "ms")
        report.figure(f"gateway.{name}.cpu_each", _median([r.cpu_each for r in of_side]), "ms")
    for name in ("cold", "second", "hot"):
        pairs = list(zip(runs[name], runs["ponder"], strict=True))
        report.headline(Ratio(f"gateway.{name}_vs_ponder", _median([o.per_second / p.per_second for o, p in pairs])))
        report.headline(Ratio(f"gateway.{name}_p99_vs_ponder", _median([p.p99 / o.p99 for o, p in pairs])))
    others = [(r.spent.other - r.client_cpu) / r.seconds for of_side in runs.values() for r in of_side]
    report.figure("gateway.other_programs", _median(others), "cores")
    for name, of_side in runs.items():
        report.cpu(f"gateway.{name}", of_side[-1].spent)
    return report


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


class Pages:
    """Deals out what is asked: to Ponder and to a cold run pages that were not asked for before, as far as there are
    any; to a hot run the same ones always."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._dealt = {"ponder": 0, "cold": _HOT_PAGES}

    def next(self, name: str, seconds: float) -> Sequence[bytes]:
        """Enough for one run."""
        if name == "hot":
            return self._bodies.ours[:_HOT_PAGES]
        found = self._bodies.ponder if name == "ponder" else self._bodies.ours
        count = int(seconds * _MOST_PER_SECOND)
        start = self._dealt[name]
        if start + count > len(found):
            raise RuntimeError(f"only {len(found)} pages can be told apart; make the runs shorter")
        self._dealt[name] += count
        return found[start : start + count]


async def _check(gateway: int, ponder: int, bodies: Bodies) -> None:
    """Both sides show the same tokens with the same owners and names. Raises `WrongEnd`."""
    async with aiohttp.ClientSession() as session:
        for ours, theirs in zip(bodies.ours[:20], bodies.ponder[:20], strict=True):
            mine = (await _ask(session, gateway, ours))["tokens"]["nodes"]
            its = (await _ask(session, ponder, theirs))["tokens"]["items"]
            left = [(t["tokenId"], t["name"], t["image"]) for t in mine]
            right = [(t["id"], t["name"], t["image"]) for t in its]
            differing = sum(a["owner"].lower() != b["owner"] for a, b in zip(mine, its, strict=True))
            # Ponder leaves the last blocks out, so a few tokens have moved since.
            if left != right or len(left) != PAGE or differing > 5 or any(len(t["traits"]) != 2 for t in mine):
                raise WrongEnd(f"the sides do not show the same page: {left[:2]} and {right[:2]}, {differing} owners")


async def _ask(session: aiohttp.ClientSession, port: int, body: bytes) -> Any:
    headers = {"Content-Type": "application/json"}
    async with session.post(f"http://127.0.0.1:{port}/graphql", data=body, headers=headers) as response:
        return (await response.json())["data"]


async def load(side: Side, bodies: Sequence[bytes], seconds: float) -> LoadRun:
    """One load in a process of its own. Raises `RuntimeError` when an answer was wrong."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(bodies))
        file.flush()
        before = reading(side.pids)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.http_load", str(side.port), file.name, str(seconds), str(CONNECTIONS),
            cwd=Path(__file__).parent.parent, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
        spent = reading(side.pids) - before
    if process.returncode:
        raise RuntimeError("the load ended early; see above")
    found = orjson.loads(said)
    return LoadRun(found["seconds"], found["cpu"], found["latencies"], found["received"], spent)


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
