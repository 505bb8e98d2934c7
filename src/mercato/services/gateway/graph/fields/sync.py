"""How far a chain is on each step of its way: one batched load for each service that knows one."""

from __future__ import annotations

import asyncio

from ariadne import SchemaBindable

from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.types import Info, chain_lag, chain_sync
from mercato.services.gateway.model.chains import Chain, IndexerStatus, ReadPoint


@chain_sync.field("readPoint")
async def sync_read_point(obj: Chain, info: Info) -> ReadPoint | None:
    return await context_of(info).loaders.find_read_point(obj.chain_id)


@chain_sync.field("indexer")
async def sync_indexer(obj: Chain, info: Info) -> IndexerStatus | None:
    return await context_of(info).loaders.find_indexer(obj.chain_id)


@chain_sync.field("lag")
def sync_lag(obj: Chain, _: Info) -> Chain:
    return obj


@chain_lag.field("head")
async def lag_head(obj: Chain, info: Info) -> int | None:
    indexer = await context_of(info).loaders.find_indexer(obj.chain_id)
    return indexer.head if indexer else None


@chain_lag.field("seen")
async def lag_seen(obj: Chain, info: Info) -> int | None:
    indexer = await context_of(info).loaders.find_indexer(obj.chain_id)
    return indexer.seen if indexer else None


@chain_lag.field("indexed")
async def lag_indexed(obj: Chain, info: Info) -> int | None:
    indexer = await context_of(info).loaders.find_indexer(obj.chain_id)
    return indexer.indexed if indexer else None


@chain_lag.field("catalogued")
async def lag_catalogued(obj: Chain, info: Info) -> int | None:
    point = await context_of(info).loaders.find_read_point(obj.chain_id)
    return point.block_number if point else None


@chain_lag.field("pushed")
async def lag_pushed(obj: Chain, info: Info) -> int | None:
    return await context_of(info).loaders.find_pushed(obj.chain_id)


@chain_lag.field("blocksBehind")
async def lag_blocks_behind(obj: Chain, info: Info) -> int | None:
    indexer, point = await _ends(obj, info)
    return max(0, indexer.head - point.block_number) if indexer and point else None


@chain_lag.field("secondsBehind")
async def lag_seconds_behind(obj: Chain, info: Info) -> int | None:
    indexer, point = await _ends(obj, info)
    if not indexer or not point or indexer.head_time is None or point.block_time is None:
        return None
    return max(0, int((indexer.head_time - point.block_time).total_seconds()))


async def _ends(obj: Chain, info: Info) -> tuple[IndexerStatus | None, ReadPoint | None]:
    loaders = context_of(info).loaders
    return await asyncio.gather(loaders.find_indexer(obj.chain_id), loaders.find_read_point(obj.chain_id))


BOUND: list[SchemaBindable] = [chain_sync, chain_lag]
