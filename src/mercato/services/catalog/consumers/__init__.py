"""What the catalog hears, one handler per queue; a message that breaks its contract raises a permanent error, which
parks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, ChainId
from mercato.kit.messages import Incoming
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import decoding
from mercato.services.catalog.model.facts import Cause
from mercato.services.catalog.usecases.chains import RecordProgress, RetractBlocks
from mercato.services.catalog.usecases.collections import ApplyChanges, ApplyCreations, ApplyImports
from mercato.services.catalog.usecases.metadata import ApplyRefreshes, JoinMetadata
from mercato.services.catalog.usecases.ports import Store
from mercato.services.catalog.usecases.transfers import ApplyTransfers

M = TypeVar("M", bound=Message)
Handler = Callable[[Incoming], Awaitable[None]]

_AT_ONCE = 8
"""Messages taken apart at the same time, as many as there are connections to write with. What else the broker has sent
waits as it came: in history a message taken apart is some megabytes."""


class Consumer(Generic[M]):
    """Handler of a queue that carries messages of one type."""

    def __init__(
        self, queue: str, kind: type[M], handle: Callable[[Cause, M], Awaitable[None]], gate: asyncio.Semaphore
    ) -> None:
        self.queue = queue
        self._kind = kind
        self._handle = handle
        self._gate = gate

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` UNEXPECTED_TYPE, and what decoding raises."""
        if not isinstance(incoming.message, self._kind):
            raise _unexpected(incoming, self.queue)
        async with self._gate:
            await self._handle(Cause(self.queue, incoming.message_id), incoming.message)


class Facts:
    """Handlers of what happened on chains."""

    def __init__(self, store: Store) -> None:
        self._transfers = ApplyTransfers(store)
        self._creations = ApplyCreations(store)
        self._imports = ApplyImports(store)
        self._changes = ApplyChanges(store)
        self._refreshes = ApplyRefreshes(store)
        self._retract = RetractBlocks(store)
        self._record = RecordProgress(store)

    async def minted(self, cause: Cause, event: pb.TokensMinted) -> None:
        await self._transfers.run(cause, decoding.batch(event.at, decoding.transfers(event.transfers)))

    async def transferred(self, cause: Cause, event: pb.TokensTransferred) -> None:
        await self._transfers.run(cause, decoding.batch(event.at, decoding.transfers(event.transfers)))

    async def created(self, cause: Cause, event: pb.CollectionsCreated) -> None:
        await self._creations.run(cause, decoding.batch(event.at, decoding.creations(event.collections)))

    async def imported(self, cause: Cause, event: pb.CollectionsImported) -> None:
        await self._imports.run(cause, decoding.batch(event.at, decoding.imports(event.collections)))

    async def configured(self, cause: Cause, event: pb.CollectionsConfigured) -> None:
        await self._changes.run(cause, decoding.batch(event.at, decoding.changes(event.changes)))

    async def refreshed(self, cause: Cause, event: pb.MetadataRefreshed) -> None:
        await self._refreshes.run(cause, decoding.batch(event.at, decoding.refreshes(event.refreshes)))

    async def chain_changed(self, incoming: Incoming) -> None:
        """Retractions and progress come through one queue."""
        cause, event = Cause("catalog.chains.changed", incoming.message_id), incoming.message
        if isinstance(event, pb.ChainReorged):
            await self._retract.run(cause, decoding.retraction(event))
        elif isinstance(event, pb.ChainAdvanced):
            await self._record.run(cause, decoding.progress(event))
        else:
            raise _unexpected(incoming, cause.consumer)


class Documents:
    """Handler of what media resolved."""

    def __init__(self, store: Store) -> None:
        self._join = JoinMetadata(store)

    async def resolved(self, cause: Cause, event: pb.MetadataResolved) -> None:
        chain, contract = ChainId.parse(event.chain_id), Address(event.contract)
        await self._join.run(cause, chain, contract, decoding.resolutions(event.tokens))


def handlers(store: Store) -> Mapping[str, Handler]:
    """A handler for each queue of the catalog."""
    facts, documents, gate = Facts(store), Documents(store), asyncio.Semaphore(_AT_ONCE)
    consumers: tuple[Consumer[Any], ...] = (
        Consumer("catalog.mints.created", pb.TokensMinted, facts.minted, gate),
        Consumer("catalog.tokens.transferred", pb.TokensTransferred, facts.transferred, gate),
        Consumer("catalog.collections.created", pb.CollectionsCreated, facts.created, gate),
        Consumer("catalog.collections.imported", pb.CollectionsImported, facts.imported, gate),
        Consumer("catalog.collections.configured", pb.CollectionsConfigured, facts.configured, gate),
        Consumer("catalog.tokens.refreshed", pb.MetadataRefreshed, facts.refreshed, gate),
        Consumer("catalog.metadata.resolved", pb.MetadataResolved, documents.resolved, gate),
    )
    return {consumer.queue: consumer for consumer in consumers} | {"catalog.chains.changed": facts.chain_changed}


def _unexpected(incoming: Incoming, queue: str) -> Poison:
    return Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong on {queue}")
