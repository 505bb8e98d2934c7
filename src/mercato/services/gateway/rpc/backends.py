"""All clients of the gateway in one value, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, TypeVar

from grpc import aio

from mercato.kit import grpc, redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceStub
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceStub
from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceStub
from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import OrchestratorServiceStub
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub
from mercato.services.gateway.rpc.catalog import CatalogClient
from mercato.services.gateway.rpc.chains import ChainsClient, IndexerClient
from mercato.services.gateway.rpc.identity import AuthClient, UsersClient, WalletsClient
from mercato.services.gateway.rpc.media import MediaClient
from mercato.services.gateway.rpc.orchestrator import OrchestratorClient
from mercato.services.gateway.rpc.registry import RegistryClient
from mercato.services.gateway.store.pushed import PushedBlocks

S = TypeVar("S")


class Backends(NamedTuple):
    """Every service the gateway calls."""

    auth: AuthClient
    users: UsersClient
    wallets: WalletsClient
    chains: ChainsClient
    registry: RegistryClient
    catalog: CatalogClient
    indexer: IndexerClient
    media: MediaClient
    orchestrator: OrchestratorClient
    pushed: PushedBlocks


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Backends]:
    """Connects lazily: no service need be up yet."""
    async with AsyncExitStack() as stack:

        async def open_stub(service: str, stub: Callable[[aio.Channel], S]) -> S:
            return await stack.enter_async_context(grpc.connected(settings, service, stub))

        chains = await open_stub("chains", ChainsServiceStub)
        yield Backends(
            auth=AuthClient(await open_stub("auth", AuthServiceStub)),
            users=UsersClient(await open_stub("users", UsersServiceStub)),
            wallets=WalletsClient(await open_stub("wallets", WalletsServiceStub)),
            chains=ChainsClient(chains),
            registry=RegistryClient(chains),
            catalog=CatalogClient(await open_stub("catalog", CatalogServiceStub)),
            indexer=IndexerClient(await open_stub("indexer", IndexerServiceStub)),
            media=MediaClient(await open_stub("media", MediaServiceStub)),
            orchestrator=OrchestratorClient(await open_stub("orchestrator", OrchestratorServiceStub)),
            pushed=PushedBlocks(await stack.enter_async_context(redis.connected(settings))),
        )
