"""The service as it runs: facts come through the broker, reads through gRPC, and the house hears of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aio_pika
import aiohttp
import pytest
from catalog_facts import Chain, Created, Move, Refreshed, account, block, contract, queue_of

from mercato.kit import grpc, messages, rabbit, topology
from mercato.kit.messages import Incoming, Outgoing
from mercato.kit.rabbit import Broker
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog import app

CATS = contract("cats")
ANN = account("ann")
PATIENCE = 20.0

KEYS = {
    "catalog.collections.created": topology.created,
    "catalog.mints.created": topology.minted,
    "catalog.tokens.refreshed": topology.refreshed,
    "catalog.chains.changed": topology.reorged,
}


@pytest.fixture(scope="module")
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with rabbit.connected(settings, "test") as connected:
        yield connected


@pytest.fixture(scope="module")
async def catalog(settings: Settings) -> AsyncIterator[CatalogServiceStub]:
    async with app.running(settings), grpc.connected(settings, "catalog", CatalogServiceStub) as stub:
        yield stub


@asynccontextmanager
async def listening(settings: Settings, chain: Chain) -> AsyncIterator[asyncio.Queue[Outgoing]]:
    """Everything the catalog says of one chain, for as long as the block lasts."""
    heard: asyncio.Queue[Outgoing] = asyncio.Queue()

    async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        event = messages.decode(message.type or "", message.body)
        told = event.events[0].token_upserted if isinstance(event, pb.TokenEvents) else event
        if getattr(told, "chain_id", "") == chain.id.caip2 and not isinstance(event, pb.ChainReorged):
            further = message.headers.get(messages.FURTHER_KEYS, [])
            assert isinstance(further, list)
            heard.put_nowait(Outgoing(message.exchange or "", message.routing_key or "", message.message_id or "",
                                      message.type or "", message.body, {}, [str(key) for key in further]))  # fmt: skip

    async with await aio_pika.connect(settings.amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for exchange in (topology.COLLECTIONS_DOMAIN, topology.MINTS_DOMAIN, topology.MEDIA_EVENTS):
            await queue.bind(exchange, "#")
        await queue.consume(hear, no_ack=True)
        yield heard


async def publish(broker: Broker, chain: Chain, incoming: Iterable[Incoming]) -> None:
    """As an indexer would."""
    await broker.publisher.publish_all(
        Outgoing(
            topology.QUEUE_BY_NAME[queue_of(m)].exchange,
            KEYS[queue_of(m)](chain.id),
            m.message_id,
            m.type,
            m.message.SerializeToString(),
        )
        for m in incoming
    )


async def tokens(catalog: CatalogServiceStub, chain: Chain, expected: int) -> list[str]:
    """The ids of the chain's tokens once there are `expected` of them."""
    request = catalog_pb2.ListTokensRequest(chain_id=chain.id.caip2, contract=CATS)
    async with asyncio.timeout(PATIENCE):
        while len(found := (await catalog.ListTokens(request)).tokens) != expected:
            await asyncio.sleep(0.02)
    return [token.token_id for token in found]


async def test_facts_become_rows_and_rows_become_news(
    settings: Settings, broker: Broker, catalog: CatalogServiceStub, chain: Chain
) -> None:
    facts = chain.messages(
        [(block(1), [Created(0, CATS), Move(1, CATS, 1, recipient=ANN), Move(2, CATS, 2, recipient=ANN)])]
    )
    async with listening(settings, chain) as heard, asyncio.timeout(PATIENCE):
        await publish(broker, chain, [*facts, *reversed(facts)])
        assert await tokens(catalog, chain, 2) == ["1", "2"]
        said: set[tuple[str, ...]] = set()
        while len(said) < 3:
            message = await heard.get()
            said.add((message.type.rpartition(".")[2], message.routing_key, *message.further_keys))
    contract_key = f"{chain.id.routing}.0x{CATS.hex()}"
    assert said == {
        ("CollectionUpserted", f"upserted.{contract_key}"),
        ("TokenEvents", f"upserted.{contract_key}.1", f"upserted.{contract_key}.2"),
        ("MetadataRequested", "metadata.requested"),
    }


async def test_a_fork_is_undone_through_the_broker(broker: Broker, catalog: CatalogServiceStub, chain: Chain) -> None:
    lost, won = block(1, "lost"), block(1, "won")
    await publish(broker, chain, chain.messages([(lost, [Move(0, CATS, 1, recipient=ANN)])]))
    await tokens(catalog, chain, 1)
    await publish(broker, chain, [chain.reorged([lost], block(0), 1)])
    await tokens(catalog, chain, 0)
    await publish(broker, chain, chain.messages([(won, [Move(0, CATS, 5, recipient=ANN)])], generation=1))
    assert await tokens(catalog, chain, 1) == ["5"]


async def test_a_refresh_is_asked_for_without_being_waited_for(
    settings: Settings, broker: Broker, catalog: CatalogServiceStub, chain: Chain
) -> None:
    await publish(broker, chain, chain.messages([(block(1), [Move(0, CATS, 1, recipient=ANN)])]))
    await tokens(catalog, chain, 1)
    async with listening(settings, chain) as heard, asyncio.timeout(PATIENCE):
        await publish(broker, chain, chain.messages([(block(2), [Refreshed(0, CATS, "1", "1")])]))
        request = pb.MetadataRequested()
        while not request.refresh:
            message = await heard.get()
            if message.exchange == topology.MEDIA_EVENTS:
                request = pb.MetadataRequested.FromString(message.body)
    assert list(request.token_ids) == ["1"]


async def test_the_service_says_that_it_is_ready(settings: Settings, catalog: CatalogServiceStub) -> None:
    url = f"http://{settings.host}:{settings.ops_port('catalog')}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.json() == {"service": "catalog", "checks": {"postgres": "ok", "rabbitmq": "ok"}}
