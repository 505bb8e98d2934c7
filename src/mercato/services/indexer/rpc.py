"""IndexerService over gRPC: how far each chain is read."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from mercato.rpc.indexer.v1 import indexer_pb2, indexer_pb2_grpc
from mercato.services.indexer.model.chain import Progress
from mercato.services.indexer.store.checkpoints import Checkpoints

Context = aio.ServicerContext[Any, Any]


class IndexerServicer(indexer_pb2_grpc.IndexerServiceServicer):
    """Answers from the checkpoints, so every replica gives the same answer."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    async def GetStatus(self, request: indexer_pb2.GetStatusRequest, context: Context) -> indexer_pb2.GetStatusResponse:
        chains = await self._checkpoints.list_progress()
        return indexer_pb2.GetStatusResponse(chains=[_status(progress) for progress in chains])


def _status(progress: Progress) -> indexer_pb2.ChainStatus:
    observed_at = Timestamp()
    observed_at.FromDatetime(progress.updated_at)
    return indexer_pb2.ChainStatus(
        chain_id=progress.chain.caip2,
        head=progress.head,
        indexed=max(0, progress.indexed),
        indexed_hash=progress.indexed_hash,
        finalized=max(0, progress.finalized),
        state=progress.state.value,
        reason=progress.reason,
        facts_published=progress.facts_published,
        observed_at=observed_at,
    )
