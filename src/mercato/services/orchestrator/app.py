"""The composition root of the orchestrator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from mercato.evm.directory import ChainDirectory
from mercato.intents.sightings import contract_errors
from mercato.intents.store import IntentStore
from mercato.kit import grpc, ops, postgres, redis, tasks
from mercato.kit.ids import new_id
from mercato.kit.logging import get_logger
from mercato.kit.pushes import PushLog
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import add_OrchestratorServiceServicer_to_server
from mercato.services.orchestrator.jobs import Housekeeper, Watcher
from mercato.services.orchestrator.rpc import CatalogClient, ChainsClient, OrchestratorRpc
from mercato.services.orchestrator.usecases import Prepare, Track

SERVICE = "orchestrator"


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """The service, until the block ends."""
    log = get_logger(SERVICE)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres.connected(settings, "orchestrator_db"))
        redis_client = await stack.enter_async_context(redis.connected(settings))
        chains = await stack.enter_async_context(grpc.connected(settings, "chains", ChainsServiceStub))
        catalog = await stack.enter_async_context(grpc.connected(settings, "catalog", CatalogServiceStub))
        directory = await stack.enter_async_context(ChainDirectory(chains))
        errors = contract_errors()
        store = IntentStore(database, redis_client, PushLog(redis_client, settings), utc_now)
        network = ChainsClient(directory, errors)
        lifetime = timedelta(seconds=settings.intent_ttl)
        prepare = Prepare(store, network, CatalogClient(catalog), clock=utc_now, new_id=new_id, lifetime=lifetime)
        servicer = OrchestratorRpc(prepare, Track(store, network, utc_now), store)
        watcher = Watcher(
            store, directory, errors,
            clock=utc_now, interval=settings.intent_poll_interval,
            patience=timedelta(seconds=settings.intent_drop_after),
        )  # fmt: skip
        await stack.enter_async_context(tasks.looping(log, "watcher", watcher.run))
        await stack.enter_async_context(tasks.looping(log, "housekeeper", Housekeeper(store, utc_now).run))
        await stack.enter_async_context(
            grpc.serving(
                settings,
                SERVICE,
                [(add_OrchestratorServiceServicer_to_server, servicer, "mercato.orchestrator.v1.OrchestratorService")],
            )
        )
        await stack.enter_async_context(
            ops.serving(settings, SERVICE, {"database": database.check, "redis": redis_client.ping})
        )
        yield


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
