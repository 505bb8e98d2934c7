"""Outbox and inbox on real PostgreSQL and RabbitMQ: state and messages leave together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractQueue

from mercato.kit import postgres, rabbit, topology
from mercato.kit.errors import Unavailable
from mercato.kit.messages import Outgoing, outgoing
from mercato.kit.outbox import OutboxRelay
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Publisher
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2 as events

QUEUE = "subs.wallets.linked"


class DyingPublisher(Publisher):
    """Publishes for real and then fails, as a process killed between the confirm and the commit."""

    def __init__(self, real: Publisher) -> None:
        self._real = real

    async def publish_all(self, batch: object) -> None:
        await self._real.publish_all(batch)  # type: ignore[arg-type]
        raise Unavailable("KILLED", "died after the confirm")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "wallet_db") as opened:
        await opened.pool.execute("TRUNCATE outbox, processed_events")
        yield opened


@pytest.fixture
async def publisher(settings: Settings) -> AsyncIterator[Publisher]:
    async with rabbit.connected(settings, "test") as broker:
        yield broker.publisher


@pytest.fixture
async def queue(settings: Settings, publisher: Publisher) -> AsyncIterator[AbstractQueue]:
    connection = await aio_pika.connect(settings.amqp_url)
    async with connection:
        channel = await connection.channel()
        source = await channel.get_queue(QUEUE)
        await source.purge()
        yield source


def linked(message_id: str) -> Outgoing:
    return outgoing(topology.WALLETS_EVENTS, topology.WALLET_LINKED, events.WalletLinked(wallet_id="w"), message_id)


async def received(queue: AbstractQueue, count: int) -> list[str]:
    ids: list[str] = []
    async with asyncio.timeout(60):
        while len(ids) < count:
            if (message := await queue.get(fail=False, no_ack=True)) is not None:
                ids.append(message.message_id or "")
            else:
                await asyncio.sleep(0.02)
    assert await queue.get(fail=False, no_ack=True) is None
    return ids


async def rows(database: Database) -> int:
    count: int = await database.pool.fetchval("SELECT count(*) FROM outbox")
    return count


async def test_a_rolled_back_transaction_sends_nothing(
    database: Database, publisher: Publisher, queue: AbstractQueue
) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with database.transaction() as transaction:
            assert await transaction.is_first("test", "event")
            transaction.publish(linked("never"))
            raise RuntimeError("changed my mind")
    assert await rows(database) == 0
    assert await OutboxRelay(database, publisher).drain_once() == 0
    async with database.transaction() as transaction:
        assert await transaction.is_first("test", "event"), "the inbox forgets with the transaction"


async def test_committed_messages_leave_in_their_order_and_their_rows_go(
    database: Database, publisher: Publisher, queue: AbstractQueue
) -> None:
    async with database.transaction() as transaction:
        transaction.publish(*(linked(str(i)) for i in range(5)))
    assert await OutboxRelay(database, publisher).drain_once() == 5
    assert sorted(await received(queue, 5)) == ["0", "1", "2", "3", "4"]
    assert await rows(database) == 0


async def test_a_relay_that_dies_after_the_confirm_sends_again_under_the_same_id(
    database: Database, publisher: Publisher, queue: AbstractQueue
) -> None:
    async with database.transaction() as transaction:
        transaction.publish(linked("once"))
    with pytest.raises(Unavailable):
        await OutboxRelay(database, DyingPublisher(publisher)).drain_once()
    assert await rows(database) == 1
    assert await OutboxRelay(database, publisher).drain_once() == 1
    assert await received(queue, 2) == ["once", "once"]


async def test_further_routing_keys_pass_through_the_outbox(
    database: Database, publisher: Publisher, settings: Settings
) -> None:
    async with await aio_pika.connect(settings.amqp_url) as connection, connection.channel() as channel:
        queues = [await channel.declare_queue(exclusive=True) for _ in range(2)]
        for queue, keys in zip(queues, (["upserted.eip155.1.0xa.2"], ["upserted.eip155.1.0xa.1", "#"]), strict=True):
            for key in keys:
                await queue.bind(topology.MINTS_DOMAIN, key)
        async with database.transaction() as tx:
            first, further = "upserted.eip155.1.0xa.1", ["upserted.eip155.1.0xa.2", "upserted.eip155.1.0xa.3"]
            tx.publish(outgoing(topology.MINTS_DOMAIN, first, events.TokenEvents(), "one", further))
        assert await OutboxRelay(database, publisher).drain_once() == 1
        assert [await received(queue, 1) for queue in queues] == [["one"], ["one"]]


async def test_two_relays_share_the_work(database: Database, publisher: Publisher, queue: AbstractQueue) -> None:
    async with database.transaction() as transaction:
        transaction.publish(*(linked(f"{i:04}") for i in range(1200)))
    relays = [OutboxRelay(database, publisher) for _ in range(2)]
    taken = 0
    while await rows(database):
        taken += sum(await asyncio.gather(*(r.drain_once() for r in relays)))
    assert taken == 1200
    assert sorted(await received(queue, 1200)) == [f"{i:04}" for i in range(1200)]


async def test_a_running_relay_wakes_at_the_commit(
    database: Database, publisher: Publisher, queue: AbstractQueue
) -> None:
    relay = asyncio.create_task(OutboxRelay(database, publisher).run())
    try:
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        async with database.transaction() as transaction:
            transaction.publish(linked("now"))
        assert await received(queue, 1) == ["now"]
        assert asyncio.get_running_loop().time() - started < 0.9, "it must not wait for the idle poll of a second"
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)


async def test_an_event_is_first_once_per_consumer_under_parallel_deliveries(database: Database) -> None:
    async def deliver(consumer: str) -> bool:
        async with database.transaction() as transaction:
            return await transaction.is_first(consumer, "same-event")

    outcomes = await asyncio.gather(*(deliver(c) for c in ("a", "b") for _ in range(20)))
    assert outcomes.count(True) == 2
