"""Subscriptions that go on after a cursor: across sockets, gateways and breaks; nothing lost or twice, or a gap."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any

import pytest
from gateway_fakes import ALICE, BOB, CHAIN, CONTRACT, an_intent, position, stamp
from gateway_parts import Gateway, Socket
from gateway_site import another_gateway

from mercato.kit import channels
from mercato.kit.ids import Address, new_id
from mercato.kit.pushes import PushLog, log_key
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1 import push_pb2

OWN = """subscription ($c: Address!, $after: String) {
  collectionEvents(chainId: "eip155:31337", contract: $c, after: $after) {
  __typename ... on Event { eventId cursor } ... on CollectionUpserted { name } ... on Gap { cursor }
  ... on Retracted { fromBlock } } }"""
FEED = """subscription ($after: String) { feed(after: $after) {
  __typename ... on Event { eventId cursor } ... on Gap { cursor } ... on Retracted { fromBlock } } }"""
MINE = """subscription ($after: String) { myEvents(after: $after) {
  __typename ... on Event { eventId cursor } ... on Gap { cursor } } }"""
STEPS = """subscription ($id: ID!, $after: String) { intentUpdates(id: $id, after: $after) {
  state position snapshot cursor } }"""
PATH = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]


class Market:
    """One collection's channel, with a contract of its own for each test."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.contract = Address(new_id().bytes + b"\0\0\0\0")
        self.channel = channels.collection(CHAIN, self.contract)
        self.log = PushLog(gateway.redis, gateway.stack.settings)

    async def push(self, *names: str) -> None:
        for name in names:
            body = events_pb2.CollectionUpserted(
                chain_id=CHAIN.caip2, contract=CONTRACT, name=name, position=position()
            )
            push = push_pb2.Push(id=str(new_id()), pushed_at=stamp(), collection_upserted=body)
            await self.log.push(push.id, push.SerializeToString(), [self.channel])

    async def watch(self, socket: Socket, after: str | None, key: str = "1") -> None:
        await socket.subscribe(OWN, key=key, c=self.contract.checksum, after=after)

    async def lose_the_log(self) -> None:
        await self.gateway.redis.delete(log_key(self.channel))


async def events(socket: Socket, number: int) -> list[dict[str, Any]]:
    return [next(iter((await socket.event()).values())) for _ in range(number)]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [event.get("name", event["__typename"]) for event in found]


@pytest.fixture
def market(gateway: Gateway) -> Market:
    return Market(gateway)


# --- after a cursor -------------------------------------------------------------------------------


async def test_what_came_meanwhile_is_shown_first_and_then_what_comes(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        assert names(await events(socket, 1)) == ["Gap"]
        await market.push("a", "b")
        seen = await events(socket, 2)
    await market.push("c", "d")
    async with gateway.socket() as socket:
        await market.watch(socket, seen[0]["cursor"])
        assert names(await events(socket, 3)) == ["b", "c", "d"]
        await market.push("e")
        assert names(await events(socket, 1)) == ["e"]
        assert await socket.silent()


async def test_the_place_of_now_is_enough_to_miss_nothing(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        (gap,) = await events(socket, 1)
    await market.push("a")
    async with gateway.socket() as socket:
        await market.watch(socket, gap["cursor"])
        assert names(await events(socket, 1)) == ["a"]


async def test_without_a_cursor_only_new_events_come(market: Market, gateway: Gateway) -> None:
    await market.push("old")
    async with gateway.socket() as socket:
        await market.watch(socket, None)
        await gateway.watching()
        await market.push("new")
        assert names(await events(socket, 1)) == ["new"]


async def test_a_past_longer_than_a_mailbox_comes_whole(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        (gap,) = await events(socket, 1)
    await market.push(*map(str, range(900)))
    async with gateway.socket() as socket:
        await market.watch(socket, gap["cursor"])
        assert names(await events(socket, 900)) == list(map(str, range(900)))
        assert await socket.silent()


async def test_a_retraction_stands_where_it_was_pushed(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe(FEED, after="")
        (gap,) = await events(socket, 1)
    retracted = push_pb2.Retracted(chain_id=CHAIN.caip2, from_block=9)
    linked = events_pb2.TokenEnriched(chain_id=CHAIN.caip2, contract=CONTRACT, token_id="7", name="x")
    pushes = [
        push_pb2.Push(id=str(new_id()), pushed_at=stamp(), token_enriched=linked),
        push_pb2.Push(id=str(new_id()), pushed_at=stamp(), retracted=retracted),
        push_pb2.Push(id=str(new_id()), pushed_at=stamp(), token_enriched=linked),
    ]
    for push in pushes:
        await gateway.publish(channels.FEED, push)
    async with gateway.socket() as socket:
        await socket.subscribe(FEED, after=gap["cursor"])
        found = await events(socket, 3)
    assert [e["eventId"] for e in found] == [push.id for push in pushes]
    assert [e.get("fromBlock") for e in found] == [None, 9, None]


async def test_own_events_go_on_after_a_cursor(gateway: Gateway) -> None:
    gateway.world.tokens_of_users["token-mine"] = gateway.world.alice = new_id()
    gateway.world.addresses[gateway.world.alice] = ALICE
    channel = channels.user(gateway.world.alice)
    pushes = [
        push_pb2.Push(
            id=str(new_id()), pushed_at=stamp(),
            wallet_linked=events_pb2.WalletLinked(
                user_id=str(gateway.world.alice), wallet_id=str(n), address=ALICE, chain_id=CHAIN.caip2
            ),
        )
        for n in range(3)
    ]  # fmt: skip
    await gateway.publish(channel, pushes[0])
    async with gateway.socket("token-mine") as socket:
        await socket.subscribe(MINE)
        (first,) = await events(socket, 1)
    await gateway.publish(channel, pushes[1])
    async with gateway.socket("token-mine") as socket:
        await socket.subscribe(MINE, after=first["cursor"])
        (second,) = await events(socket, 1)
        await gateway.publish(channel, pushes[2])
        (third,) = await events(socket, 1)
    assert [e["eventId"] for e in (first, second, third)] == [p.id for p in pushes]


async def test_steps_of_an_intent_go_on_after_a_cursor(gateway: Gateway) -> None:
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:2], key)
    async with gateway.socket() as socket:
        await socket.subscribe(STEPS, id=str(key))
        (first,) = await events(socket, 1)
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:4], key)
    async with gateway.socket() as socket:
        await socket.subscribe(STEPS, id=str(key), after=first["cursor"])
        found = await events(socket, 2)
        await gateway.push_intent(an_intent(gateway.world.alice, PATH, key))
        found += await events(socket, 1)
    assert [(u["state"], u["position"], u["snapshot"]) for u in found] == [
        ("INCLUDED", 3, False), ("CONFIRMED", 4, False), ("INDEXED", 5, False),
    ]  # fmt: skip


@pytest.mark.parametrize("after", ["?", "WyIxIl0", "x" * 2000, "WyIwIiwgIjEtMCJd"])
@pytest.mark.parametrize("query", [FEED, MINE])
async def test_what_is_no_cursor_is_refused(gateway: Gateway, query: str, after: str) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe(query, after=after)
        message = await socket.next()
        assert (message["type"], message["payload"][0]["extensions"]["reason"]) == ("error", "INVALID_CURSOR")
    await gateway.watching(0)


async def test_a_cursor_of_another_channel_is_refused(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        (gap,) = await events(socket, 1)
        await socket.subscribe(FEED, key="2", after=gap["cursor"])
        assert (await socket.next())["payload"][0]["extensions"]["reason"] == "INVALID_CURSOR"
        await socket.subscribe(OWN, key="3", c=BOB.checksum, after=gap["cursor"])
        assert (await socket.next())["payload"][0]["extensions"]["reason"] == "INVALID_CURSOR"


# --- gaps -----------------------------------------------------------------------------------------


async def test_a_past_that_is_no_longer_kept_is_a_gap_and_then_live(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        (gap,) = await events(socket, 1)
    await market.push(*map(str, range(20)))
    await gateway.redis.xtrim(log_key(market.channel), maxlen=5, approximate=False)
    async with gateway.socket() as socket:
        await market.watch(socket, gap["cursor"])
        assert names(await events(socket, 1)) == ["Gap"]
        await market.push("new")
        assert names(await events(socket, 1)) == ["new"]
        assert await socket.silent()


async def test_a_log_that_was_lost_is_a_gap_at_the_next_event_of_a_live_watcher_too(
    market: Market, gateway: Gateway
) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        await events(socket, 1)
        await market.push("a")
        (seen,) = await events(socket, 1)
        await market.lose_the_log()
        await market.push("b")
        assert names(await events(socket, 1)) == ["Gap"]
        await market.push("c")
        assert names(await events(socket, 1)) == ["c"]
    async with gateway.socket() as socket:
        await market.watch(socket, seen["cursor"])
        assert names(await events(socket, 1)) == ["Gap"]


async def test_ids_that_went_backwards_are_a_gap(market: Market, gateway: Gateway) -> None:
    """As after a restart on older data, or with a clock that was set back."""
    async with gateway.socket() as socket:
        await market.watch(socket, "")
        await events(socket, 1)
        await market.push("a")
        (seen,) = await events(socket, 1)
        await market.lose_the_log()
        old = push_pb2.Push(id=str(new_id()), pushed_at=stamp()).SerializeToString()
        await gateway.redis.xadd(log_key(market.channel), {"previous": "0-0", "body": old}, id="1000-0")
        await gateway.redis.publish(market.channel, b"1000-0 0-0 " + old)
        assert names(await events(socket, 1)) == ["Gap"]
    async with gateway.socket() as socket:
        await market.watch(socket, seen["cursor"])
        assert names(await events(socket, 1)) == ["Gap"]


async def test_a_client_that_was_dropped_for_being_slow_loses_nothing_by_it(market: Market, gateway: Gateway) -> None:
    """What it shows first waits for the catalog, until more has come than may wait behind it."""
    query = OWN.replace("name }", "name collection { symbol } }")
    dropped = await slow_watchers(gateway)
    async with gateway.socket() as socket:
        await socket.subscribe(query, c=market.contract.checksum, after="")
        await events(socket, 1)
        gateway.world.collections_open.clear()
        await market.push(*map(str, range(300)))
        async with asyncio.timeout(20):
            while await slow_watchers(gateway) == dropped:
                await asyncio.sleep(0.02)
        gateway.world.collections_open.set()
        (first,) = await events(socket, 1)
        assert (await socket.next())["payload"][0]["extensions"]["reason"] == "SLOW_CONSUMER"
        assert await socket.closed() == (1013, "SLOW_CONSUMER")
    async with gateway.socket() as socket:
        await market.watch(socket, first["cursor"])
        assert names([first, *(await events(socket, 299))]) == list(map(str, range(300)))


async def slow_watchers(gateway: Gateway) -> float:
    url = f"http://127.0.0.1:{gateway.stack.settings.ops_port('gateway')}/metrics"
    async with gateway.session.get(url) as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("mercato_gateway_slow_watchers_total "))


# --- breaks ---------------------------------------------------------------------------------------


async def cut_off_pubsub(gateway: Gateway) -> None:
    """Every gateway's subscription at Redis is cut; what is pushed until it is back reaches nobody live."""
    await gateway.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


async def test_what_was_pushed_while_the_gateway_was_cut_off_is_shown(market: Market, gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await market.watch(socket, None)
        await gateway.watching()
        await market.push("a")
        assert names(await events(socket, 1)) == ["a"]
        for number in range(5):
            await cut_off_pubsub(gateway)
            await market.push(f"{number} b", f"{number} c")
            assert names(await events(socket, 2)) == [f"{number} b", f"{number} c"]
        assert await socket.silent()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_reconnects_between_any_gateways_give_the_exact_sequence(
    market: Market, gateway: Gateway, seed: int
) -> None:
    """Two pushers, three gateways of which one is begun and ended meanwhile, breaks of Redis's pub/sub: the client goes
    on after its last cursor each time and has in the end what the log has, in its order."""
    rng = random.Random(seed)
    total = 600

    async def pushing() -> None:
        for number in range(total):
            await market.push(str(number))
            if rng.random() < 0.1:
                await asyncio.sleep(rng.random() * 0.02)
            if rng.random() < 0.01:
                await cut_off_pubsub(gateway)

    async with another_gateway(gateway) as other, gateway.socket() as socket:
        await market.watch(socket, "")
        (last,) = await events(socket, 1)
        pusher = asyncio.create_task(pushing())
        seen: list[str] = []
        while len(seen) < total:
            async with AsyncExitStack() as opened:
                site = rng.choice([gateway, other])
                if rng.random() < 0.1:
                    site = await opened.enter_async_context(another_gateway(gateway))
                connection = await opened.enter_async_context(site.socket())
                await market.watch(connection, last["cursor"])
                for _ in range(min(rng.randint(1, 80), total - len(seen))):
                    message = await connection.next()
                    if message["type"] == "error":  # Redis was cut off as it began to listen
                        assert message["payload"][0]["extensions"]["reason"] == "PUSH_UNAVAILABLE"
                        break
                    last = message["payload"]["data"]["collectionEvents"]
                    seen.append(last.get("name", last["__typename"]))
        await pusher
    assert seen == list(map(str, range(total)))
