"""Asks for the metadata of tokens that wait for it, a page of one collection at a time; measures how far chains are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Gauge

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Transaction
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.metadata import PAGE, MetadataPage
from mercato.services.catalog.model.views import ReadPoint
from mercato.services.catalog.usecases import messages

_IDLE_POLL = 1.0
_MEASURE_EVERY = 1.0

_catalogued = Gauge("mercato_catalog_catalogued_block", "Newest block whose facts are all in the rows", ["chain"])


class Store(Protocol):
    metadata_waits: asyncio.Event

    async def hand_out_metadata_page(self, limit: int, publish: Publish) -> bool: ...


class Publish(Protocol):
    def __call__(self, tx: Transaction, page: MetadataPage, /) -> None: ...


class RequestMetadata:
    """Any number of these share the list; a page is taken off it in the transaction that publishes the request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Never returns. Wakes at each local commit that added to the list, and every second for what others added."""
        waits = self._store.metadata_waits
        while True:
            waits.clear()
            await self.drain()
            try:
                async with asyncio.timeout(_IDLE_POLL):
                    await waits.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Asks for everything on the list."""
        while await self._store.hand_out_metadata_page(PAGE, _publish):
            pass


def _publish(tx: Transaction, page: MetadataPage) -> None:
    tx.publish(
        messages.metadata_requested(
            None, ChainId(page.chain_number), page.contract, Standard(page.standard), page.token_ids, page.refresh
        )
    )


class ReadPoints(Protocol):
    async def read_points(self) -> Sequence[ReadPoint]: ...


class MeasureProgress:
    """Shows the read points as a metric, the same in every replica."""

    def __init__(self, reads: ReadPoints) -> None:
        self._reads = reads

    async def run(self) -> None:
        """Never returns."""
        while True:
            for point in await self._reads.read_points():
                _catalogued.labels(point.chain.caip2).set(point.block_number)
            await asyncio.sleep(_MEASURE_EVERY)
