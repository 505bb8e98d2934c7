"""The composition root of subscriptions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from mercato.evm.directory import ChainDirectory
from mercato.intents.sightings import contract_errors
from mercato.intents.store import IntentStore
from mercato.kit import grpc, ops, postgres, rabbit, redis
from mercato.kit.inbox import InboxPruner
from mercato.kit.logging import get_logger
from mercato.kit.pushes import PushLog
from mercato.kit.read_versions import ReadVersions
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.subscriptions.consumers import Consumers
from mercato.services.subscriptions.rpc import CatalogClient, ChainsClient
from mercato.services.subscriptions.store import PushedBlocks
from mercato.services.subscriptions.usecases import Settle

SERVICE = "subscriptions"


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """The service, until the block ends."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres.connected(settings, "orchestrator_db"))
        redis_client = await stack.enter_async_context(redis.connected(settings))
        broker = await stack.enter_async_context(rabbit.connected(settings, SERVICE))
        await stack.enter_async_context(looping(get_logger(SERVICE), "inbox", InboxPruner(database).run))
        chains = await stack.enter_async_context(grpc.connected(settings, "chains", ChainsServiceStub))
        catalog = await stack.enter_async_context(grpc.connected(settings, "catalog", CatalogServiceStub))
        directory = await stack.enter_async_context(ChainDirectory(chains))
        pushes = PushLog(redis_client, settings)
        intents = IntentStore(database, redis_client, pushes, utc_now)
        settle = Settle(intents, ChainsClient(directory, contract_errors()), CatalogClient(catalog), utc_now)
        pushed = PushedBlocks(redis_client)
        await stack.enter_async_context(looping(get_logger(SERVICE), "pushed blocks", pushed.run))
        versions = ReadVersions(redis_client)
        consumers = Consumers(database, intents, settle, pushes, versions, utc_now, pushed)
        for queue, handler in consumers.by_queue.items():
            await stack.enter_async_context(broker.consuming(queue, handler))
        # What a crash left unpushed is pushed by the orchestrator's housekeeper.
        await stack.enter_async_context(
            ops.serving(
                settings,
                SERVICE,
                {"database": database.check, "redis": redis_client.ping, "broker": broker.check},
            )
        )
        yield


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
