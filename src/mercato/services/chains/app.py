"""The composition root of the chain registry."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from mercato.kit import grpc, ops, postgres, redis
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1.chains_pb2_grpc import add_ChainsServiceServicer_to_server
from mercato.services.chains.rpc import ChainsRpc, NodesClient
from mercato.services.chains.store.audit import ChainAudit
from mercato.services.chains.store.chains import ChainStore
from mercato.services.chains.store.vault import Vault
from mercato.services.chains.usecases import ReadChains, WriteChains

SERVICE = "chains"


@asynccontextmanager
async def running(settings: Settings, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[None]:
    """The service, until the block ends. `clock` is monotonic, in seconds."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres.connected(settings, "chain_registry_db"))
        cache = await stack.enter_async_context(redis.connected(settings))
        store = ChainStore(database, cache, Vault.parse(settings.chain_secrets_key.get_secret_value()))
        reads = ReadChains(store, clock)
        servicer = ChainsRpc(reads, WriteChains(store, NodesClient(), reads), ChainAudit(database))
        await stack.enter_async_context(
            grpc.serving(
                settings, SERVICE, [(add_ChainsServiceServicer_to_server, servicer, "mercato.chains.v1.ChainsService")]
            )
        )
        # Redis only spares reads: without it the registry is still ready.
        await stack.enter_async_context(ops.serving(settings, SERVICE, {"database": database.check}))
        yield
