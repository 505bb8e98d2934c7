"""What a server acknowledged is there after kill -9."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import asyncpg
import obstore
from obstore.store import S3Store
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from mercato.kit.settings import Settings
from mercato.stack import LocalStack

RECEIVER = "0x" + "ab" * 20
COUNT = 50

# A broker killed within half a second of declaring a queue has not yet written down which log is whose; from then on
# its log is safe. Chains are saved a second after a block.
SETTLED = 2.0


async def test_acknowledged_writes_outlive_kill_9_of_every_server(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, services=[]) as stack:
        settings = stack.settings
        queue = await declare_queue(settings)
        block = await mine(stack)
        await asyncio.sleep(SETTLED)

        await asyncio.gather(*(write(settings) for write in (to_postgres, to_redis, to_mongo, to_s3)))
        await queue.publish()
        await asyncio.gather(*(stack.kill(name) for name in stack.names))
        await asyncio.gather(*(stack.start(name) for name in stack.names))

        await assert_in_postgres(settings)
        await assert_in_redis(settings)
        await assert_in_mongo(settings)
        await assert_in_s3(settings)
        await queue.assert_holds_all()
        for chain in stack.chains:
            assert await rpc(chain.url, "eth_getBalance", RECEIVER, "latest") == hex(COUNT)
            assert await rpc(chain.url, "eth_getBlockByNumber", "latest", False) == block[chain.url]


async def test_a_chain_that_was_saved_loses_nothing(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, services=[], servers=["anvil"], chain_ids=[31337]) as stack:
        for _ in range(3):
            (block,) = (await mine(stack)).values()
            await asyncio.gather(*(stack.save_chains() for _ in range(4)))
            await stack.kill("chain-31337")
            await stack.start("chain-31337")
            assert await rpc(stack.chains[0].url, "eth_getBlockByNumber", "latest", False) == block


class Queue:
    """A quorum queue and the messages that were confirmed into it."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._name = settings.amqp_url, "durability"

    async def declare(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(self._name, durable=True, arguments={"x-queue-type": "quorum"})

    async def publish(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel(publisher_confirms=True)
            await asyncio.gather(
                *(
                    channel.default_exchange.publish(aio_pika.Message(b"%d" % i, delivery_mode=2), self._name)
                    for i in range(COUNT)
                )
            )

    async def assert_holds_all(self) -> None:
        async with asyncio.timeout(20), await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(self._name)
            found: set[bytes] = set()
            async with queue.iterator() as messages:
                async for message in messages:
                    found.add(message.body)
                    await message.ack()
                    if len(found) == COUNT:
                        break
        assert found == {b"%d" % i for i in range(COUNT)}


async def declare_queue(settings: Settings) -> Queue:
    queue = Queue(settings)
    await queue.declare()
    return queue


async def to_postgres(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url("auth_db"))
    await connection.execute("CREATE TABLE durability (id int PRIMARY KEY)")
    await connection.execute("INSERT INTO durability SELECT generate_series(1, $1::int)", COUNT)
    await connection.close()


async def assert_in_postgres(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url("auth_db"))
    assert await connection.fetchval("SELECT count(*) FROM durability") == COUNT
    await connection.close()


async def to_redis(settings: Settings) -> None:
    async with Redis.from_url(settings.redis_url) as redis:
        await asyncio.gather(*(redis.set(f"durability:{i}", i) for i in range(COUNT)))


async def assert_in_redis(settings: Settings) -> None:
    async with Redis.from_url(settings.redis_url, decode_responses=True) as redis:
        found = await redis.mget([f"durability:{i}" for i in range(COUNT)])
    assert found == [str(i) for i in range(COUNT)]


async def to_mongo(settings: Settings) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongo_url)
    for i in range(COUNT):
        await client.test.durability.insert_one({"_id": i})
    await client.close()


async def assert_in_mongo(settings: Settings) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongo_url)
    found = [document["_id"] async for document in client.test.durability.find().sort("_id", 1)]
    await client.close()
    assert found == list(range(COUNT))


async def to_s3(settings: Settings) -> None:
    bucket = store(settings)
    await asyncio.gather(*(obstore.put_async(bucket, f"durability/{i}", b"%d" % i * 10_000) for i in range(COUNT)))


async def assert_in_s3(settings: Settings) -> None:
    bucket = store(settings)
    for i in range(COUNT):
        found = await obstore.get_async(bucket, f"durability/{i}")
        assert bytes(await found.bytes_async()) == b"%d" % i * 10_000


def store(settings: Settings) -> S3Store:
    return S3Store(
        settings.s3_bucket,
        endpoint=settings.s3_url,
        access_key_id=settings.s3_access_key,
        secret_access_key=settings.s3_secret_key.get_secret_value(),
        region="us-east-1",
        client_options={"allow_http": True},
    )


async def mine(stack: LocalStack) -> dict[str, Any]:
    """Sends `COUNT` wei to a fresh account on each chain; the newest block by node."""
    blocks = {}
    for chain in stack.chains:
        (sender, *_) = await rpc(chain.url, "eth_accounts")
        sent = await rpc(chain.url, "eth_sendTransaction", {"from": sender, "to": RECEIVER, "value": hex(COUNT)})
        while await rpc(chain.url, "eth_getTransactionReceipt", sent) is None:
            await asyncio.sleep(0.02)
        blocks[chain.url] = await rpc(chain.url, "eth_getBlockByNumber", "latest", False)
    return blocks


async def rpc(url: str, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with aiohttp.ClientSession() as session, session.post(url, json=call) as answer:
        return (await answer.json())["result"]
