"""How far each chain is on its way from the node to a subscriber, for `mercato status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from redis.exceptions import RedisError
from rich.table import Table

from mercato.kit import grpc, pushed, redis
from mercato.kit.errors import MercatoError
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1.catalog_pb2 import GetReadPointsRequest
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.common.v1.common_pb2 import ReadPoint
from mercato.rpc.indexer.v1.indexer_pb2 import ChainStatus, GetStatusRequest
from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceStub

_PATIENCE = 3.0
_COLOURS = {"following": "green", "catching_up": "yellow"}


@dataclass(frozen=True)
class ChainLag:
    """One chain; block numbers, None where a step has not happened yet or nobody told."""

    chain: str
    state: str
    reason: str
    head: int
    seen: int
    indexed: int
    catalogued: int | None
    pushed: int | None
    seconds_behind: int | None

    @property
    def blocks_behind(self) -> int | None:
        """Between the node's head and what reads are true at."""
        return None if self.catalogued is None else max(0, self.head - self.catalogued)


async def look(settings: Settings) -> list[ChainLag]:
    """Asks indexer, catalog and Redis. Raises `MercatoError` when the indexer does not answer; what the others do not
    tell is left out."""
    async with AsyncExitStack() as opened:
        indexer = await opened.enter_async_context(grpc.connected(settings, "indexer", IndexerServiceStub))
        catalog = await opened.enter_async_context(grpc.connected(settings, "catalog", CatalogServiceStub))
        marks = await opened.enter_async_context(redis.connected(settings))
        chains = (await indexer.GetStatus(GetStatusRequest(), timeout=_PATIENCE)).chains
        try:
            points = list((await catalog.GetReadPoints(GetReadPointsRequest(), timeout=_PATIENCE)).points)
        except MercatoError:
            points = []
        try:
            told = await pushed.read(marks)
        except RedisError:
            told = {}
    return joined(chains, {point.chain_id: point for point in points}, told)


def joined(
    chains: Sequence[ChainStatus], points: Mapping[str, ReadPoint], told: Mapping[ChainId, int]
) -> list[ChainLag]:
    """One row for each chain that the indexer knows; `points` by CAIP-2 id."""
    return [_row(chain, points.get(chain.chain_id), told.get(ChainId.parse(chain.chain_id))) for chain in chains]


def table(rows: Sequence[ChainLag]) -> Table:
    """The rows as a table; what holds a chain up is between the first two columns that differ."""
    grid = Table("chain", "state", "head", "seen", "indexed", "catalogued", "pushed", "blocks behind", "seconds behind")
    for row in rows:
        numbers = (
            row.head, row.seen, row.indexed, row.catalogued, row.pushed, row.blocks_behind, row.seconds_behind
        )  # fmt: skip
        state = f"[{_COLOURS.get(row.state, 'red')}]{row.state.replace('_', ' ')}[/]"
        grid.add_row(row.chain, state, *("-" if number is None else str(number) for number in numbers))
    return grid


def _row(chain: ChainStatus, point: ReadPoint | None, last_pushed: int | None) -> ChainLag:
    seconds = None
    if point is not None and point.HasField("block_time") and chain.HasField("head_time"):
        seconds = max(0, chain.head_time.seconds - point.block_time.seconds)
    return ChainLag(
        chain=chain.chain_id,
        state=chain.state,
        reason=chain.reason,
        head=chain.head,
        seen=chain.seen,
        indexed=chain.indexed,
        catalogued=None if point is None else point.block_number,
        pushed=last_pushed,
        seconds_behind=seconds,
    )
