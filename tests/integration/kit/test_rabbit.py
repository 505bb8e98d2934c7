"""The message topology on a real RabbitMQ: where keys go, the retry ladder, parking, and the tools for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from mercato.kit import parked, rabbit, topology, tracing
from mercato.kit.errors import InvalidArgument, Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.kit.messages import Incoming, Outgoing, outgoing
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2 as events

if TYPE_CHECKING:
    from mercato.stack import LocalStack

CHAIN = ChainId(31337)
CONTRACT = Address(b"\x11" * 20)

ROUTES = [
    (topology.AUTH_EVENTS, topology.USER_LOGGED_IN, {"subs.auth.logged_in", "users.auth.logged_in"}),
    (topology.WALLETS_EVENTS, topology.WALLET_LINKED, {"subs.wallets.linked"}),
    (topology.WALLETS_EVENTS, topology.WALLET_UNLINKED, {"auth.wallets.unlinked"}),
    (topology.COLLECTIONS_EVENTS, topology.created(CHAIN), {"catalog.collections.created"}),
    (topology.COLLECTIONS_EVENTS, topology.imported(CHAIN), {"catalog.collections.imported"}),
    (topology.COLLECTIONS_EVENTS, topology.configured(CHAIN), {"catalog.collections.configured"}),
    (topology.COLLECTIONS_DOMAIN, topology.collection_upserted(CHAIN, CONTRACT), {"subs.collections.upserted"}),
    (topology.MINTS_EVENTS, topology.minted(CHAIN), {"catalog.mints.created"}),
    (topology.MINTS_DOMAIN, topology.token_upserted(CHAIN, CONTRACT, 2**256 - 1), {"subs.mints.upserted"}),
    (topology.TOKENS_EVENTS, topology.transferred(CHAIN), {"catalog.tokens.transferred", "wallets.tokens.transferred"}),
    (topology.TOKENS_EVENTS, topology.approved(CHAIN), {"wallets.tokens.approved"}),
    (topology.TOKENS_EVENTS, topology.refreshed(CHAIN), {"catalog.tokens.refreshed"}),
    (topology.TOKENS_DOMAIN, topology.token_transferred(CHAIN, CONTRACT, 7), {"subs.tokens.changed"}),
    (topology.TOKENS_DOMAIN, topology.token_enriched(CHAIN, CONTRACT, 7), {"subs.tokens.changed"}),
    (
        topology.CHAINS_EVENTS,
        topology.reorged(CHAIN),
        {"catalog.chains.changed", "wallets.chains.reorged", "subs.chains.reorged"},
    ),
    (topology.CHAINS_EVENTS, topology.advanced(CHAIN), {"catalog.chains.changed", "wallets.chains.advanced"}),
    (topology.MEDIA_EVENTS, topology.METADATA_REQUESTED, {"media.metadata.requested"}),
    (topology.MEDIA_EVENTS, topology.METADATA_RESOLVED, {"catalog.metadata.resolved"}),
]


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """The whole ladder in under two seconds."""
    return settings.model_copy(update={"retry_delays": ("0.1", "0.2", "0.3", "0.4")})


@pytest.fixture
async def channel(quick: Settings) -> AsyncIterator[AbstractChannel]:
    """A bare channel on a broker whose queues are all empty."""
    connection = await aio_pika.connect(quick.amqp_url)  # not robust: that one answers declarations from memory
    async with connection:
        opened = await connection.channel()
        await rabbit.declare(opened, quick)
        for name in (*topology.QUEUE_BY_NAME, topology.PARKED):
            await (await opened.get_queue(name)).purge()
        yield opened


def logged_in(message_id: str = "event-1") -> Outgoing:
    return outgoing(
        topology.AUTH_EVENTS, topology.USER_LOGGED_IN, events.UserLoggedIn(user_id="u", address=CONTRACT), message_id
    )


async def depth(channel: AbstractChannel, queue: str) -> int:
    declared = await channel.declare_queue(queue, passive=True)
    return declared.declaration_result.message_count or 0


async def until_depth(channel: AbstractChannel, queue: str, count: int) -> None:
    async with asyncio.timeout(10):
        while await depth(channel, queue) != count:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def failing_consumer(
    settings: Settings, error: Exception, queue: str = "users.auth.logged_in"
) -> AsyncIterator[list[tuple[int, float]]]:
    """A consumer of `queue` that refuses everything; yields its (attempt, time) record."""
    seen: list[tuple[int, float]] = []

    async def refuse(incoming: Incoming) -> None:
        seen.append((incoming.attempt, asyncio.get_running_loop().time()))
        raise error

    async with (
        rabbit.connected(settings, "test") as broker,
        broker.consuming(queue, refuse),
    ):
        yield seen


@pytest.mark.parametrize(("exchange", "key", "queues"), ROUTES, ids=[f"{e} {k}" for e, k, _ in ROUTES])
async def test_each_key_reaches_exactly_its_queues(
    channel: AbstractChannel, quick: Settings, exchange: str, key: str, queues: set[str]
) -> None:
    async with rabbit.connected(quick, "test") as broker:
        await broker.publisher.publish(Outgoing(exchange, key, "m", "t", b""))
    for queue in queues:
        await until_depth(channel, queue, 1)
    reached = {name for name in topology.QUEUE_BY_NAME if await depth(channel, name)}
    assert reached == queues


async def test_a_message_with_several_keys_reaches_each_of_their_queues_once(
    channel: AbstractChannel, quick: Settings
) -> None:
    key, other = topology.transferred(CHAIN), topology.refreshed(CHAIN)
    async with rabbit.connected(quick, "test") as broker:
        message = Outgoing(
            topology.TOKENS_EVENTS, key, "m", "t", b"", further_keys=[key, other, other, "bound.nowhere"]
        )
        await broker.publisher.publish(message)
    for queue in ("catalog.tokens.transferred", "catalog.tokens.refreshed"):
        await until_depth(channel, queue, 1)
    reached = {name for name in topology.QUEUE_BY_NAME if await depth(channel, name)}
    assert reached == {"catalog.tokens.transferred", "wallets.tokens.transferred", "catalog.tokens.refreshed"}


async def test_a_message_with_several_keys_climbs_the_ladder_in_its_own_queue_alone(
    channel: AbstractChannel, quick: Settings
) -> None:
    key, other = topology.transferred(CHAIN), topology.refreshed(CHAIN)
    message = outgoing(topology.TOKENS_EVENTS, key, events.TokensTransferred(), "m", [other])
    tries = len(quick.delays) + 1
    async with failing_consumer(quick, Unavailable("DOWN", "not now"), "catalog.tokens.transferred") as seen:
        async with rabbit.connected(quick, "test") as broker:
            await broker.publisher.publish(message)
        await until_depth(channel, topology.PARKED, 1)
    assert [attempt for attempt, _ in seen] == list(range(1, tries + 1))
    reached = {name: await depth(channel, name) for name in (*topology.QUEUE_BY_NAME, topology.PARKED)}
    others = {"catalog.tokens.refreshed": 1, "wallets.tokens.transferred": 1}
    assert {name: n for name, n in reached.items() if n} == others | {topology.PARKED: 1}


def test_every_queue_is_reached_by_some_key() -> None:
    assert {q for _, _, queues in ROUTES for q in queues} == set(topology.QUEUE_BY_NAME)


async def test_an_unroutable_message_is_an_error(channel: AbstractChannel, quick: Settings) -> None:
    async with rabbit.connected(quick, "test") as broker:
        with pytest.raises(Unavailable) as caught:
            await broker.publisher.publish(Outgoing(topology.AUTH_EVENTS, "user_logged_in", "m", "t", b""))
        assert caught.value.reason == "UNROUTABLE"
        await broker.publisher.publish(logged_in())  # the channel lives on
    await until_depth(channel, "subs.auth.logged_in", 1)


async def test_a_message_climbs_the_whole_ladder_and_is_parked_with_its_cause(
    channel: AbstractChannel, quick: Settings
) -> None:
    # A delay hands on at least once, so a copy may come late: on a queue that no other test consumes.
    queue = "media.metadata.requested"
    asked = events.MetadataRequested(chain_id=CHAIN.caip2, contract=CONTRACT)
    message = outgoing(topology.MEDIA_EVENTS, topology.METADATA_REQUESTED, asked, "event-1")
    async with failing_consumer(quick, RuntimeError("the store is away"), queue) as seen:
        async with rabbit.connected(quick, "publisher") as broker:
            await broker.publisher.publish(message)
        await until_depth(channel, topology.PARKED, 1)
    assert [attempt for attempt, _ in seen] == [1, 2, 3, 4, 5]
    gaps = [later - earlier for (_, earlier), (_, later) in pairwise(seen)]
    assert all(gap >= wanted for gap, wanted in zip(gaps, quick.delays, strict=True))
    others = [name for name in topology.QUEUE_BY_NAME if name != queue and await depth(channel, name)]
    assert others == [], "a retry comes back to its own queue only"
    async with parked.opened(quick) as look:
        (given_up,) = look.all
        assert (given_up.queue, given_up.attempts, given_up.message_id) == (queue, 5, "event-1")
        assert given_up.cause == "RuntimeError('the store is away')"
        assert given_up.content()["chain_id"] == CHAIN.caip2


async def test_a_permanent_error_is_parked_at_once(channel: AbstractChannel, quick: Settings) -> None:
    async with failing_consumer(quick, InvalidArgument("NO_SUCH_USER", "gone")) as seen:
        async with rabbit.connected(quick, "publisher") as broker:
            await broker.publisher.publish(logged_in())
        await until_depth(channel, topology.PARKED, 1)
    assert [attempt for attempt, _ in seen] == [1]


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("mercato.events.v1.UserLoggedIn", b"\xff\xff\xff", "UNDECODABLE"),
        ("mercato.events.v9.Unheard", b"", "UNKNOWN_TYPE"),
        ("", b"plain", "UNKNOWN_TYPE"),
    ],
)
async def test_poison_never_reaches_the_handler(
    channel: AbstractChannel, quick: Settings, kind: str, body: bytes, reason: str
) -> None:
    async with failing_consumer(quick, AssertionError("must not be called")) as seen:
        async with rabbit.connected(quick, "publisher") as broker:
            await broker.publisher.publish(Outgoing(topology.AUTH_EVENTS, topology.USER_LOGGED_IN, "bad", kind, body))
        await until_depth(channel, topology.PARKED, 1)
    assert seen == []
    async with parked.opened(quick) as look:
        assert reason in look.all[0].cause
        assert "undecodable" in look.all[0].content()


async def test_a_message_that_kills_its_consumer_is_parked_by_the_broker(
    channel: AbstractChannel, quick: Settings
) -> None:
    async with rabbit.connected(quick, "publisher") as broker:
        await broker.publisher.publish(logged_in("killer"))
    queue = await channel.get_queue("users.auth.logged_in")
    deliveries = 0
    async with asyncio.timeout(10):
        while (message := await queue.get(fail=False)) is not None:
            deliveries += 1
            await message.nack(requeue=True)
    assert deliveries == quick.delivery_limit + 1
    await until_depth(channel, topology.PARKED, 1)
    async with parked.opened(quick) as look:
        assert look.all[0].queue == "users.auth.logged_in"
        assert look.all[0].cause == "dead-lettered by the broker: delivery_limit"


async def park(channel: AbstractChannel, quick: Settings, *ids: str) -> None:
    async with failing_consumer(quick, InvalidArgument("BROKEN", "no")):
        async with rabbit.connected(quick, "publisher") as broker:
            for message_id in ids:
                await broker.publisher.publish(logged_in(message_id))
        await until_depth(channel, topology.PARKED, len(ids))
    await (await channel.get_queue("subs.auth.logged_in")).purge()


async def test_parked_messages_are_replayed_or_dropped_one_by_one_and_looking_changes_nothing(
    channel: AbstractChannel, quick: Settings
) -> None:
    await park(channel, quick, "a", "b", "c")
    async with parked.opened(quick) as look:
        assert [m.message_id for m in look.all] == ["a", "b", "c"]
    await until_depth(channel, topology.PARKED, 3)
    async with parked.opened(quick) as look:
        assert await look.replay(look.select(["b"], None)) == 1
        assert await look.drop(look.select(["c"], "users.auth.logged_in")) == 1
        assert look.select(["a"], "subs.auth.logged_in") == []
    await until_depth(channel, topology.PARKED, 1)
    assert await depth(channel, "users.auth.logged_in") == 1
    assert await depth(channel, "subs.auth.logged_in") == 0, "a replay reaches the one queue only"


async def test_a_replayed_message_starts_the_ladder_anew(channel: AbstractChannel, quick: Settings) -> None:
    await park(channel, quick, "again")
    done: list[Incoming] = []

    async def accept(incoming: Incoming) -> None:
        done.append(incoming)

    async with parked.opened(quick) as look:
        await look.replay(look.all)
    async with rabbit.connected(quick, "test") as broker, broker.consuming("users.auth.logged_in", accept):
        async with asyncio.timeout(10):
            while not done:
                await asyncio.sleep(0.02)
    assert (done[0].message_id, done[0].attempt) == ("again", 1)


async def test_a_held_message_survives_a_refused_publish_of_the_same_service(
    channel: AbstractChannel, quick: Settings
) -> None:
    """Publishing has its own connection: a channel closed by the broker must not redeliver what a handler holds."""
    entered, leave = asyncio.Event(), asyncio.Event()
    deliveries = 0

    async def slow(incoming: Incoming) -> None:
        nonlocal deliveries
        deliveries += 1
        entered.set()
        await leave.wait()

    async with rabbit.connected(quick, "test") as broker, broker.consuming("users.auth.logged_in", slow):
        await broker.publisher.publish(logged_in())
        await asyncio.wait_for(entered.wait(), 5)
        with pytest.raises(Unavailable):
            await broker.publisher.publish(Outgoing("no.such.exchange", "k", "m", "t", b""))
        await broker.publisher.publish(logged_in("second"))
        leave.set()
        await until_depth(channel, "users.auth.logged_in", 0)
    assert deliveries == 2


async def until_unready(broker: rabbit.Broker) -> None:
    """Until readiness says that the broker is away; the loss of a socket is noticed in its own time."""
    async with asyncio.timeout(10):
        while True:
            try:
                await broker.check()
            except Unavailable:
                return
            await asyncio.sleep(0.02)


async def test_publisher_and_consumers_come_back_after_the_broker_was_killed(
    stack: LocalStack, channel: AbstractChannel, quick: Settings
) -> None:
    seen: list[str] = []

    async def accept(incoming: Incoming) -> None:
        seen.append(incoming.message_id)

    async with rabbit.connected(quick, "test") as broker, broker.consuming("users.auth.logged_in", accept):
        await broker.publisher.publish(logged_in("before"))
        await stack.kill("rabbitmq")
        with pytest.raises(Unavailable) as caught:
            await broker.publisher.publish(logged_in("while away"))
        assert caught.value.reason == "BROKER_UNAVAILABLE"
        await until_unready(broker)
        await stack.start("rabbitmq")
        await broker.check()
        await broker.publisher.publish(logged_in("after"))
        async with asyncio.timeout(10):
            while "after" not in seen:
                await asyncio.sleep(0.05)
    assert {"before", "after"} <= set(seen)
    assert "while away" not in seen


async def test_request_id_and_trace_go_through_the_headers_to_the_handler(
    channel: AbstractChannel, quick: Settings
) -> None:
    seen: list[tuple[str, str]] = []

    async def accept(incoming: Incoming) -> None:
        seen.append((tracing.request_id.get(), tracing.current_trace_id()))

    tracing.setup(quick, "test")
    async with rabbit.connected(quick, "test") as broker, broker.consuming("users.auth.logged_in", accept):
        with tracing.continued({"x-request-id": "from-the-browser"}, "mutation"):
            trace_id = tracing.current_trace_id()
            await broker.publisher.publish(logged_in())
        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.02)
    assert len(trace_id) == 32
    assert seen == [("from-the-browser", trace_id)]
