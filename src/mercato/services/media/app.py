"""The media service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from mercato.evm.abi import Function
from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, mongo, ops, rabbit
from mercato.kit.errors import MercatoError, Poison
from mercato.kit.ids import Address, ChainId
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.media.v1.media_pb2_grpc import add_MediaServiceServicer_to_server
from mercato.services.media import fetcher, usecases
from mercato.services.media.consumers import ReadUris, ResolveRequested
from mercato.services.media.rpc import MediaServicer
from mercato.services.media.store import MediaStore, open_bucket

_TOKEN_URI: dict[int, Function] = {
    common_pb2.STANDARD_ERC721: Function("tokenURI(uint256)", returns="(string)"),
    common_pb2.STANDARD_ERC1155: Function("uri(uint256)", returns="(string)"),
}
_URI_GAS = 10_000_000
"""A contract's URI may be made on chain, but not with more gas than this."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        store = MediaStore(open_bucket(settings), await enter(mongo.connected(settings)))
        web = await enter(fetcher.opened(settings.fetch_timeout))
        broker = await enter(rabbit.connected(settings, "media"))
        chains = ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub)))
        await enter(chains)
        resolve = usecases.ResolveMetadata(store, web, _now, settings.ipfs_gateway_url, settings.metadata_limit)
        servicer = MediaServicer(
            usecases.StoreFile(store, _now, settings.upload_limit),
            usecases.StoreDocument(store, _now, settings.metadata_limit),
            usecases.GetDocument(store),
            store,
        )
        handler = ResolveRequested(uri_reader(chains), resolve, broker.publisher.publish, _now)
        await enter(broker.consuming("media.metadata.requested", handler))
        await enter(
            grpc.serving(
                settings, "media", [(add_MediaServiceServicer_to_server, servicer, "mercato.media.v1.MediaService")]
            )
        )
        await enter(ops.serving(settings, "media", {"rabbitmq": broker.check, "stores": store.check}))
        yield


def _now() -> datetime:
    return datetime.now(UTC)


def uri_reader(chains: ChainDirectory) -> ReadUris:
    """Asks the contracts themselves; a revert or nonsense reads as no URI."""

    async def read(chain: ChainId, contract: Address, standard: int, token_ids: Sequence[int]) -> list[str]:
        pool = (await chains.get(chain)).pool
        function = _TOKEN_URI.get(standard)
        if function is None:
            raise Poison("STANDARD_UNKNOWN", f"standard {standard} has no token URIs")

        answers = await pool.call_many([(contract, function.encode(t)) for t in token_ids], gas=_URI_GAS)
        return [_uri(function, answer) for answer in answers]

    return read


def _uri(function: Function, answer: bytes | MercatoError) -> str:
    try:
        if isinstance(answer, MercatoError):
            raise answer
        return str(function.decode_result(answer)[0])
    except MercatoError as error:
        if error.retryable:
            raise
        return ""
