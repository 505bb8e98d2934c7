"""IndexerService over gRPC: how far each chain is read, and which contracts were brought in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from mercato.evm.logs import Standard
from mercato.kit import cursors
from mercato.kit.ids import Address, ChainId
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.indexer.v1 import indexer_pb2, indexer_pb2_grpc
from mercato.services.indexer.model.chain import Progress
from mercato.services.indexer.model.imports import CollectionImport, ImportRequest
from mercato.services.indexer.usecases.imports import RequestImport

Context = aio.ServicerContext[Any, Any]

_END_OF_TIME = 253402300800
"""The year 10000, where timestamps end."""

_STANDARDS = {Standard.ERC721: common_pb2.STANDARD_ERC721, Standard.ERC1155: common_pb2.STANDARD_ERC1155}


class ProgressReads(Protocol):
    """What is read of the checkpoints."""

    async def list_progress(self) -> list[Progress]:
        """One row for each chain ever read, by number."""


class ImportReads(Protocol):
    """What is read of the imports."""

    async def list_imports(
        self, chain: ChainId | None, contract: Address | None, limit: int, before: int | None
    ) -> list[CollectionImport]:
        """Newest first, those older than the one with the key `before`; None stands for any."""


class IndexerServicer(indexer_pb2_grpc.IndexerServiceServicer):
    """Answers from the stores, so every replica gives the same answer."""

    def __init__(self, checkpoints: ProgressReads, request_import: RequestImport, imports: ImportReads) -> None:
        self._checkpoints = checkpoints
        self._request_import = request_import
        self._imports = imports

    async def GetStatus(self, request: indexer_pb2.GetStatusRequest, context: Context) -> indexer_pb2.GetStatusResponse:
        chains = await self._checkpoints.list_progress()
        return indexer_pb2.GetStatusResponse(chains=[_status(progress) for progress in chains])

    async def ImportCollection(
        self, request: indexer_pb2.ImportCollectionRequest, context: Context
    ) -> indexer_pb2.ImportCollectionResponse:
        asked = ImportRequest(
            ChainId.parse(request.chain_id),
            Address(request.contract),
            request.from_block if request.HasField("from_block") else None,
            Address(request.requested_by) if request.requested_by else None,
        )
        return indexer_pb2.ImportCollectionResponse(imported=_import(await self._request_import(asked)))

    async def ListImports(
        self, request: indexer_pb2.ListImportsRequest, context: Context
    ) -> indexer_pb2.ListImportsResponse:
        size = cursors.page_size(request.page.first)
        key = cursors.decode_numbers(request.page.after, 1, cursors.BIGINT_MAX)
        found = await self._imports.list_imports(
            ChainId.parse(request.chain_id) if request.chain_id else None,
            Address(request.contract) if request.contract else None,
            size + 1,
            key[0] if key else None,
        )
        shown, more = found[:size], len(found) > size
        return indexer_pb2.ListImportsResponse(
            imports=[_import(one) for one in shown],
            cursors=[cursors.encode(one.ref) for one in shown],
            page=common_pb2.PageInfo(has_next_page=more, end_cursor=cursors.encode(shown[-1].ref) if shown else ""),
        )


def _status(progress: Progress) -> indexer_pb2.ChainStatus:
    return indexer_pb2.ChainStatus(
        chain_id=progress.chain.caip2,
        head=progress.head,
        indexed=max(0, progress.indexed),
        indexed_hash=progress.indexed_hash,
        finalized=max(0, progress.finalized),
        state=progress.state.value,
        reason=progress.reason,
        facts_published=progress.facts_published,
        observed_at=_time(progress.updated_at),
        seen=max(0, progress.seen),
        head_time=_block_time(progress.head_time),
        indexed_time=_block_time(progress.indexed_time),
    )


def _import(one: CollectionImport) -> indexer_pb2.CollectionImport:
    return indexer_pb2.CollectionImport(
        chain_id=one.request.chain.caip2,
        contract=one.request.contract,
        standard=_STANDARDS[one.about.standard],
        name=one.about.name,
        symbol=one.about.symbol,
        state=one.state.value,
        reason=one.reason,
        from_block=one.from_block,
        blocks_read=one.blocks_read,
        blocks_total=one.blocks_total,
        facts_published=one.facts_published,
        requested_by=one.request.requested_by or b"",
        requested_at=_time(one.requested_at),
        updated_at=_time(one.updated_at),
    )


def _block_time(seconds: int) -> Timestamp | None:
    """A chain may claim any time; what no timestamp can show is left out."""
    return Timestamp(seconds=seconds) if 0 < seconds < _END_OF_TIME else None


def _time(moment: datetime) -> Timestamp:
    shown = Timestamp()
    shown.FromDatetime(moment)
    return shown
