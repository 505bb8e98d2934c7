"""Answers kept in Redis: given again while nothing changed, never from before an event that somebody has seen."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from gateway_fakes import CHAIN, CONTRACT, World, a_collection, a_token, serving_fakes, stamp
from gateway_parts import Answer, Gateway

from mercato.kit import channels, read_versions, redis
from mercato.kit.errors import Unavailable
from mercato.kit.ids import Address, ChainId, new_id
from mercato.kit.read_versions import ReadVersions
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway import app
from mercato.services.gateway.graph.engine import Request
from mercato.services.gateway.http.hot import Doorkeeper, HotReads
from mercato.services.gateway.store.answers import Answers
from mercato.stack import LocalStack

LIST = """
query List($contract: Address!, $first: Int) {
  tokens(first: $first, filter: {chainId: "eip155:31337", contract: $contract}) { nodes { id owner name } }
}
"""
ONE = """
query One($contract: Address!) { collection(chainId: "eip155:31337", contract: $contract) { name tokenCount } }
"""
FEED = "subscription { feed { ... on TokenUpserted { tokenId } } }"
LIMIT = 30_000


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with AsyncExitStack() as opened:
        env = {"MERCATO_READ_CACHE_LIMIT": str(LIMIT), "MERCATO_READ_CACHE_FIRST": "true"}
        stack = await opened.enter_async_context(
            LocalStack(tmp_path_factory.mktemp("hot"), services=[], servers={"redis"}, env=env)
        )
        world = World()
        await opened.enter_async_context(serving_fakes(stack.settings, world))
        await opened.enter_async_context(app.running(stack.settings))
        # The server ends idle connections after 5 s; the client must have done so before.
        connector = aiohttp.TCPConnector(keepalive_timeout=2)
        session = await opened.enter_async_context(aiohttp.ClientSession(connector=connector))
        client = await opened.enter_async_context(redis.connected(stack.settings))
        yield Gateway(stack, session, client, world)


@pytest.fixture
async def gateway(site: Gateway) -> Gateway:
    """The gateway with a fresh world and nothing kept."""
    site.world.__dict__.update(World().__dict__)
    await site.redis.flushdb()
    return site


async def list_tokens(gateway: Gateway, **variables: Any) -> Answer:
    return await gateway.execute(LIST, contract=CONTRACT.checksum, **variables)


async def change(gateway: Gateway, *names: str) -> None:
    await ReadVersions(gateway.redis).change(names or read_versions.of_collection(CHAIN, CONTRACT))


def calls(gateway: Gateway, method: str = "ListTokens") -> int:
    return gateway.world.calls[method]


async def outcomes(gateway: Gateway) -> dict[str, float]:
    """The gateway's own counts."""
    ops = f"http://127.0.0.1:{gateway.stack.settings.ops_port('gateway')}/metrics"
    async with gateway.session.get(ops) as response:
        lines = (await response.text()).splitlines()
    start = 'mercato_gateway_read_cache_total{outcome="'
    return {line[len(start) : line.index('"}')]: float(line.split()[-1]) for line in lines if line.startswith(start)}


# ---- what is kept --------------------------------------------------------------------------------


async def test_the_second_reader_gets_the_same_answer_without_a_call(gateway: Gateway) -> None:
    before = await outcomes(gateway)
    first = await list_tokens(gateway)
    second = await list_tokens(gateway)
    assert first.data["tokens"]["nodes"][0]["name"] == "Light #1"
    assert (second.status, second.body) == (first.status, first.body)
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert calls(gateway) == 1
    after = await outcomes(gateway)
    assert after["hit"] - before.get("hit", 0) == 1
    assert after["miss"] - before.get("miss", 0) == 1


async def test_other_variables_operations_and_documents_are_other_answers(gateway: Gateway) -> None:
    two = "query A { chains { name } } query B { tokens(first: 1) { nodes { name } } }"
    assert len((await list_tokens(gateway, first=2)).data["tokens"]["nodes"]) == 2
    assert len((await list_tokens(gateway, first=3)).data["tokens"]["nodes"]) == 3
    assert list((await gateway.post({"query": two, "operationName": "A"})).data) == ["chains"]
    assert list((await gateway.post({"query": two, "operationName": "B"})).data) == ["tokens"]
    assert list((await gateway.post({"query": two, "operationName": "A"})).data) == ["chains"]
    assert (calls(gateway), calls(gateway, "ListChains")) == (3, 1)


async def test_get_and_post_share_an_answer_whatever_the_order_of_variables(gateway: Gateway) -> None:
    variables = {"first": 2, "contract": CONTRACT.checksum}
    posted = await gateway.post({"variables": variables, "query": LIST})
    async with gateway.session.get(
        f"{gateway.url}/graphql",
        params={"query": LIST, "variables": f'{{"contract": "{CONTRACT.checksum}", "first": 2}}'},
    ) as got:
        assert await got.json() == posted.body
        assert got.headers["Content-Type"].startswith("application/json")
    assert calls(gateway) == 1


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer token-alice"}, {"Cookie": "session=1"}])
async def test_who_may_be_known_gets_an_answer_of_its_own(gateway: Gateway, headers: dict[str, str]) -> None:
    body = {"query": LIST, "variables": {"contract": CONTRACT.checksum}}
    for _ in range(2):
        assert (await gateway.post(body, **headers)).data
    assert calls(gateway) == 2


async def test_a_failure_is_not_kept(gateway: Gateway) -> None:
    gateway.world.failures["ListTokens"] = Unavailable("CATALOG_AWAY", "try again")
    assert (await list_tokens(gateway)).reason == "CATALOG_AWAY"
    gateway.world.failures.clear()
    assert (await list_tokens(gateway)).data


@pytest.mark.parametrize(
    ("query", "method"),
    [
        ("{ syncStatus { chainId readPoint { blockNumber } } }", "GetReadPoints"),
        ("{ syncStatus { chainId indexer { head } } }", "GetStatus"),
        ("{ collectionImports { nodes { state } } }", "ListImports"),
    ],
)
async def test_what_moves_without_an_event_is_always_read(gateway: Gateway, query: str, method: str) -> None:
    for _ in range(3):
        assert (await gateway.execute(query)).data
    assert calls(gateway, method) == 3
    assert not [key async for key in gateway.redis.scan_iter(f"{read_versions.PREFIX}[0-9a-f]*")]


async def test_an_answer_that_is_too_large_is_not_kept(gateway: Gateway) -> None:
    gateway.world.tokens = {1: a_token(1)}
    gateway.world.tokens[1].name = "x" * LIMIT
    for _ in range(3):
        assert (await list_tokens(gateway)).data
    assert calls(gateway) == 3


async def test_mutations_are_never_looked_for(gateway: Gateway) -> None:
    ask = f'mutation {{ requestNonce(input: {{address: "{CONTRACT.checksum}", chainId: "eip155:31337"}}) {{ nonce }} }}'
    for _ in range(2):
        assert (await gateway.execute(ask)).data["requestNonce"]["nonce"] == "n0nce123"
    assert calls(gateway, "IssueNonce") == 2


async def test_a_changed_registry_is_seen_within_a_second(gateway: Gateway) -> None:
    async with asyncio.timeout(10):
        assert (await gateway.execute("{ chains { name } }")).data
        while calls(gateway, "ListChains") < 2:
            assert (await gateway.execute("{ chains { name } }")).data
    (ttl,) = [
        await gateway.redis.pttl(key) async for key in gateway.redis.scan_iter(f"{read_versions.PREFIX}[0-9a-f]*")
    ]
    assert ttl <= 500


# ---- what ends it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        read_versions.of_collection(CHAIN, CONTRACT),
        read_versions.of_fork(CHAIN),
    ],
)
async def test_a_change_of_the_collection_or_a_fork_ends_its_answers(gateway: Gateway, names: list[str]) -> None:
    await list_tokens(gateway)
    gateway.world.tokens = {7: a_token(7)}
    await change(gateway, *names)
    assert [t["name"] for t in (await list_tokens(gateway)).data["tokens"]["nodes"]] == ["Light #7"]


@pytest.mark.parametrize(
    "other",
    [
        read_versions.of_collection(CHAIN, Address(b"\x0f" * 20)),
        read_versions.of_collection(ChainId(1), CONTRACT),
        read_versions.of_fork(ChainId(1)),
    ],
)
async def test_changes_elsewhere_leave_it(gateway: Gateway, other: list[str]) -> None:
    await list_tokens(gateway)
    await change(gateway, *other)
    await list_tokens(gateway)
    assert calls(gateway) == 1


async def test_lists_over_a_chain_or_all_chains_end_with_any_change_there(gateway: Gateway) -> None:
    chain, everything = (
        '{ collections(filter: {chainId: "eip155:31337"}) { nodes { name } } }',
        "{ collections { nodes { name } } }",
    )
    for query in (chain, everything):
        await gateway.execute(query)
        gateway.world.collections[CONTRACT] = a_collection(name=f"After {query}")
        await change(gateway)
        assert (await gateway.execute(query)).data["collections"]["nodes"][0]["name"] == f"After {query}"
    await change(gateway, *read_versions.of_collection(ChainId(1), CONTRACT))
    gateway.world.calls.clear()
    await gateway.execute(chain)
    assert calls(gateway, "ListCollections") == 1  # its own change came after it was kept
    await gateway.execute(chain)
    await gateway.execute(everything)
    assert calls(gateway, "ListCollections") == 2


async def test_a_lost_version_ends_the_answer_and_never_comes_back(gateway: Gateway) -> None:
    await list_tokens(gateway)
    await gateway.redis.delete(read_versions.collection(CHAIN, CONTRACT))
    gateway.world.tokens = {7: a_token(7)}
    assert [t["name"] for t in (await list_tokens(gateway)).data["tokens"]["nodes"]] == ["Light #7"]


async def test_rows_read_before_a_change_are_not_kept_as_if_read_after_it(gateway: Gateway) -> None:
    gateway.world.collections_open.clear()
    slow = asyncio.create_task(gateway.execute(ONE, contract=CONTRACT.checksum))
    while calls(gateway, "BatchGetCollections") == 0:
        await asyncio.sleep(0.01)
    await change(gateway)
    gateway.world.collections_open.set()
    assert (await slow).data
    gateway.world.collections[CONTRACT] = a_collection(name="New")
    assert (await gateway.execute(ONE, contract=CONTRACT.checksum)).data["collection"]["name"] == "New"


# ---- what comes again ----------------------------------------------------------------------------


async def ask(hot: HotReads, query: str, answer: bytes, made: list[bytes]) -> bytes:
    """As the endpoint asks: passed by, found, or made and kept."""
    digest = hot.admit(Request(query, None, {}))
    if digest is not None and (found := await hot.find(digest)) is not None:
        return found
    await asyncio.sleep(0.01)
    made.append(answer)
    if digest is not None:
        async with hot.filling(digest) as filling:
            assert filling is not None
            await filling.watch.depend([read_versions.EVERYTHING])
            await asyncio.sleep(0.01)
            await filling.keep(answer)
    return answer


def behind_a_doorkeeper(gateway: Gateway) -> HotReads:
    return HotReads(Answers(gateway.redis), b"salt", 60, LIMIT, time.monotonic, Doorkeeper())


async def test_an_answer_is_kept_when_it_is_asked_for_again(gateway: Gateway) -> None:
    hot, made = behind_a_doorkeeper(gateway), list[bytes]()
    assert [await ask(hot, "{ a }", body, made) for body in (b"1", b"2", b"3", b"4")] == [b"1", b"2", b"2", b"2"]
    assert await ask(hot, "{ b }", b"other", made) == b"other"
    assert made == [b"1", b"2", b"other"]
    assert len(await gateway.redis.keys(f"{read_versions.PREFIX}[0-9a-f]*")) == 1


async def test_what_another_gateway_has_kept_is_found_when_it_is_asked_for_again(gateway: Gateway) -> None:
    here, there, made = behind_a_doorkeeper(gateway), behind_a_doorkeeper(gateway), list[bytes]()
    for body in (b"1", b"2"):
        await ask(there, "{ a }", body, made)
    assert [await ask(here, "{ a }", body, made) for body in (b"3", b"4")] == [b"3", b"2"]


def test_a_doorkeeper_forgets_what_has_not_come_for_long() -> None:
    doorkeeper = Doorkeeper(3)
    assert [doorkeeper.again(one) for one in ("a", "b", "a")] == [False, False, True]
    assert [doorkeeper.again(one) for one in ("c", "a", "d", "e")] == [False, True, False, False]
    assert doorkeeper.again("a")
    assert not doorkeeper.again("b")


# ---- many at once --------------------------------------------------------------------------------


async def test_twenty_readers_of_one_thing_make_one_call(gateway: Gateway) -> None:
    gateway.world.collections_open.clear()
    readers = [asyncio.create_task(gateway.execute(ONE, contract=CONTRACT.checksum)) for _ in range(20)]
    while calls(gateway, "BatchGetCollections") == 0:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # time for the others to come, which is no condition for the rest
    gateway.world.collections_open.set()
    bodies = [answer.body for answer in await asyncio.gather(*readers)]
    assert bodies == [bodies[0]] * 20
    assert calls(gateway, "BatchGetCollections") == 1


async def test_who_saw_an_event_never_reads_from_before_it(gateway: Gateway) -> None:
    """A writer changes rows, versions, and tells; 20 readers, each told by its own subscription, read as fast as they
    can. The list and the answers may be newer than the last event seen, never older."""
    world, rounds = gateway.world, 60
    world.tokens = {0: a_token(0)}
    world.longest_pause = 0.04  # so that changes come while answers are on their way
    done = asyncio.Event()

    async def write() -> None:
        for number in range(1, rounds + 1):
            world.tokens = {number: a_token(number)}  # the commit
            await asyncio.sleep(random.uniform(0, 0.005))
            await change(gateway)
            event = events_pb2.TokenUpserted(
                chain_id=CHAIN.caip2, contract=CONTRACT, token_id=str(number), owner=b"\xa1" * 20, amount="1"
            )
            push = push_pb2.Push(id=str(new_id()), pushed_at=stamp(), token_upserted=event)
            await gateway.publish(channels.FEED, push)
            await asyncio.sleep(random.uniform(0, 0.02))
        done.set()

    async def read(socket: Any, seen: list[int]) -> int:
        reads = 0
        while not done.is_set():
            known = seen[0]
            nodes = (await list_tokens(gateway)).data["tokens"]["nodes"]
            found = int(nodes[0]["name"].removeprefix("Light #"))
            assert found >= known, f"read {found} after event {known}"
            reads += 1
        return reads

    async def listen(socket: Any, seen: list[int]) -> None:
        while seen[0] < rounds:
            seen[0] = max(seen[0], int((await socket.event())["feed"]["tokenId"]))

    before = await outcomes(gateway)
    async with AsyncExitStack() as sockets, asyncio.timeout(120):
        opened = [await sockets.enter_async_context(gateway.socket()) for _ in range(4)]
        known = [[0] for _ in opened]
        for socket in opened:
            await socket.subscribe(FEED)
        await gateway.watching(4)
        listeners = [asyncio.create_task(listen(s, k)) for s, k in zip(opened, known, strict=True)]
        readers = [asyncio.create_task(read(opened[n % 4], known[n % 4])) for n in range(20)]
        await write()
        reads = sum(await asyncio.gather(*readers))
        await asyncio.gather(*listeners)
    hits = (await outcomes(gateway))["hit"] - before.get("hit", 0)
    assert known == [[rounds]] * 4
    assert reads > rounds
    assert hits > 0
    assert calls(gateway) < reads


# ---- without Redis -------------------------------------------------------------------------------


async def test_without_redis_every_answer_is_made_anew(gateway: Gateway) -> None:
    await list_tokens(gateway)
    await gateway.stack.stop("redis")
    try:
        for number in (5, 6):
            gateway.world.tokens = {number: a_token(number)}
            nodes = (await list_tokens(gateway)).data["tokens"]["nodes"]
            assert [t["name"] for t in nodes] == [f"Light #{number}"]
    finally:
        await gateway.stack.start("redis")
    async with asyncio.timeout(20):
        gateway.world.calls.clear()
        reads = 0
        while calls(gateway) == reads:  # until one is answered from Redis again
            await list_tokens(gateway)
            reads += 1
            await asyncio.sleep(0.05)
