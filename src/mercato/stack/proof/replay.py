"""Raw events into the tables of catalog and wallets, by their own handlers: no node and no broker takes part."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from mercato.evm.logs import decode as decode_logs
from mercato.kit import topology
from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming, Outgoing, decode
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Handler
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.store.writing import CatalogStore
from mercato.services.indexer.messages import Context, fact_messages, imported
from mercato.services.indexer.model.imports import CollectionImport
from mercato.services.indexer.model.raw import RawEvent
from mercato.services.indexer.store.raw import RawEvents
from mercato.services.wallets.consumers import OnApprovalsChanged, OnTokensTransferred
from mercato.services.wallets.store.approvals import ApprovalStore
from mercato.services.wallets.usecases import FollowApprovals

_BATCH = 2_500
"""Raw events decoded at once: as many as the store hands over at once."""

_IMPORTED = "catalog.collections.imported"


class NoCache:
    """Nobody reads what is rebuilt before it is done."""

    async def turn(self, chain: ChainId) -> None:
        """Has nothing that could be out of date."""


class Replay:
    """Feeds one chain's events to one copy. Facts commute, so the order of reading is of no matter."""

    def __init__(
        self, raw: RawEvents, catalog: Database, wallets: Database, chain: ChainId, tell: Callable[[int], None]
    ) -> None:
        """`tell` hears after each batch how many facts have been applied in all."""
        self._raw = raw
        self._chain = chain
        follow = FollowApprovals(ApprovalStore(wallets), NoCache())
        self._handlers: Mapping[str, Handler] = {
            **handlers(CatalogStore(catalog)),
            "wallets.tokens.approved": OnApprovalsChanged(follow),
            "wallets.tokens.transferred": OnTokensTransferred(follow),
        }
        self._tell = tell
        self._applied = 0
        self._next = 0

    async def up_to(self, block: int, orphans: Container[bytes]) -> None:
        """Applies what blocks above the last call's and up to `block` said, except `orphans` (block hashes)."""
        batch: list[RawEvent] = []
        async for event in self._raw.stream(self._chain, self._next, block):
            if event.block_hash in orphans:
                continue
            batch.append(event)
            if len(batch) == _BATCH:
                await self._apply(batch)
                batch = []
        await self._apply(batch)
        self._next = max(self._next, block + 1)

    async def bind(self, imports: Iterable[CollectionImport]) -> None:
        """Tells the catalog of contracts that an operator brought in: no log speaks of that."""
        for wanted in imports:
            assert wanted.bound is not None
            told = imported(0, wanted, wanted.bound)
            await self._handlers[_IMPORTED](_incoming(told))

    async def _apply(self, events: Sequence[RawEvent]) -> None:
        """As history: what is new is not told to anybody, token by token."""
        context = Context(self._chain, generation=0, catching_up=True, timestamps={})
        for message in fact_messages(context, decode_logs(event.as_log() for event in events)):
            queues = _queues(message.outgoing.exchange, f"{message.kind}.eip155.*")
            for queue in queues & self._handlers.keys():
                await self._handlers[queue](_incoming(message.outgoing))
            self._applied += message.facts
        self._tell(self._applied)


def _queues(exchange: str, binding: str) -> set[str]:
    return {queue.name for queue in topology.QUEUES if (queue.exchange, queue.binding) == (exchange, binding)}


def _incoming(message: Outgoing) -> Incoming:
    return Incoming(message.message_id, message.type, decode(message.type, message.body), message.headers, 1)
