"""The indexer, composed."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, mongo, ops, postgres, rabbit
from mercato.kit.logging import get_logger
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.indexer.v1.indexer_pb2_grpc import add_IndexerServiceServicer_to_server
from mercato.services.indexer.jobs import Readers, Tools
from mercato.services.indexer.rpc import IndexerServicer
from mercato.services.indexer.store.checkpoints import Checkpoints
from mercato.services.indexer.store.imports import Imports
from mercato.services.indexer.store.leases import leases
from mercato.services.indexer.store.raw import RawEvents
from mercato.services.indexer.usecases.imports import RequestImport


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    log = get_logger("indexer")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "indexer_db"))
        raw = RawEvents(await enter(mongo.connected(settings)))
        broker = await enter(rabbit.connected(settings, "indexer"))
        directory = await enter(ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub))))
        checkpoints, imports = Checkpoints(database), Imports(database)
        tools = Tools(
            checkpoints=checkpoints,
            raw=raw,
            publisher=broker.publisher,
            leases=await enter(leases(settings)),
            leader=f"{socket.gethostname()}:{os.getpid()}",
            poll_interval=settings.poll_interval,
            announced_poll_interval=settings.announced_poll_interval,
            log_range=settings.log_range,
            log=log,
            imports=imports,
        )
        readers = Readers(tools, directory)
        servicer = IndexerServicer(checkpoints, RequestImport(directory, imports), imports)
        servicers = [(add_IndexerServiceServicer_to_server, servicer, "mercato.indexer.v1.IndexerService")]
        await enter(grpc.serving(settings, "indexer", servicers))
        await enter(looping(log, "readers", readers.run))
        checks = {"postgres": database.check, "mongo": raw.check, "rabbitmq": broker.check, "registry": readers.check}
        await enter(ops.serving(settings, "indexer", checks))
        yield
