"""The catalog service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mercato.kit import grpc, ops, postgres, rabbit, redis
from mercato.kit.inbox import InboxPruner
from mercato.kit.logging import get_logger
from mercato.kit.outbox import OutboxRelay
from mercato.kit.postgres import Database
from mercato.kit.read_versions import ReadVersions
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.catalog.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.jobs import MeasureProgress, RequestMetadata
from mercato.services.catalog.rpc import CatalogServicer
from mercato.services.catalog.store.flags import Flags
from mercato.services.catalog.store.reading.balances import BalanceReads
from mercato.services.catalog.store.reading.collections import CollectionReads
from mercato.services.catalog.store.reading.events import EventReads
from mercato.services.catalog.store.reading.tokens import TokenReads
from mercato.services.catalog.store.versions import ChangedRows
from mercato.services.catalog.store.writing import CatalogStore
from mercato.services.catalog.usecases.reading import FlagToken


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    log = get_logger("catalog")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "catalog_db"))
        # Readers have connections of their own: history that is being written must not make them wait.
        reading = await enter(postgres.connected(settings, "catalog_db"))
        broker = await enter(rabbit.connected(settings, "catalog"))
        changed = ChangedRows(ReadVersions(await enter(redis.connected(settings))))
        store = CatalogStore(database, note=changed.note)
        await enter(looping(log, "read versions", changed.run))
        await enter(looping(log, "outbox", OutboxRelay(database, broker.publisher).run))
        await enter(looping(log, "inbox", InboxPruner(database).run))
        await enter(looping(log, "metadata requests", RequestMetadata(store).run))
        await enter(looping(log, "progress", MeasureProgress(EventReads(reading.pool)).run))
        for queue, handler in handlers(store).items():
            await enter(broker.consuming(queue, handler))
        await enter(
            grpc.serving(
                settings,
                "catalog",
                [
                    (
                        add_CatalogServiceServicer_to_server,
                        servicer(reading, changed),
                        "mercato.catalog.v1.CatalogService",
                    )
                ],
            )
        )
        await enter(ops.serving(settings, "catalog", {"postgres": reading.check, "rabbitmq": broker.check}))
        yield


def servicer(database: Database, changed: ChangedRows) -> CatalogServicer:
    """CatalogService over a database."""
    pool = database.pool
    tokens = TokenReads(pool)
    return CatalogServicer(
        CollectionReads(pool),
        tokens,
        BalanceReads(pool),
        EventReads(pool),
        FlagToken(Flags(pool), tokens, changed.tell),
    )
