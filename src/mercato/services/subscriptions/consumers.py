"""Message handlers: decode, settle in one transaction with the inbox, push.

What concerns everybody is pushed inside the transaction of the inbox, before it commits: when Redis is away the message
is tried again, and what a crash in between pushes twice under one id is published once. Intents learn their facts
before that, each settlement in a transaction of its own: a message that comes again finds them settled. Their steps
are pushed after the commit by their store, which never loses one.

Before anything is told, the read versions of what it tells of are changed: who has heard of something is never given an
answer from before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from mercato.intents.store import IntentStore
from mercato.intents.wire import timestamp
from mercato.kit import channels, read_versions
from mercato.kit.errors import MercatoError, Poison
from mercato.kit.ids import Address, ChainId, IntentId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.pushes import Outgoing, PushLog
from mercato.kit.rabbit import Handler
from mercato.kit.read_versions import ReadVersions
from mercato.rpc.common.v1.common_pb2 import Position
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.rpc.push.v1.push_pb2 import Push, Retracted
from mercato.services.subscriptions.model import CollectionSeen, Place, TokenSeen
from mercato.services.subscriptions.store import PushedBlocks, commit_without_waiting
from mercato.services.subscriptions.usecases import Settle, Settlement, Turns

M = TypeVar("M")


class Consumers:
    """One handler for each queue of subscriptions. `clock` gives the time in UTC."""

    def __init__(
        self,
        database: Database,
        intents: IntentStore,
        settle: Settle,
        pushes: PushLog,
        versions: ReadVersions,
        clock: Callable[[], datetime],
        pushed: PushedBlocks,
    ) -> None:
        self._database = database
        self._intents = intents
        self._settle = settle
        self._pushes = pushes
        self._versions = versions
        self._clock = clock
        self._pushed = pushed
        self._turns = Turns()

    @property
    def by_queue(self) -> dict[str, Handler]:
        """Which handler reads which queue."""
        return {
            "subs.auth.logged_in": self.user_logged_in,
            "subs.wallets.linked": self.wallet_linked,
            "subs.collections.upserted": self.collection_upserted,
            "subs.mints.upserted": self.tokens_upserted,
            "subs.tokens.changed": self.tokens_changed,
            "subs.chains.reorged": self.chain_reorged,
        }

    async def user_logged_in(self, incoming: Incoming) -> None:
        """To the user alone."""
        event = _expect(incoming, pb.UserLoggedIn)
        audience = [channels.user(_parse(UUID, event.user_id))]
        push = self._push(incoming.message_id, audience, user_logged_in=event)
        await self._finish("subs.auth.logged_in", incoming, [push])

    async def wallet_linked(self, incoming: Incoming) -> None:
        """To the user alone."""
        event = _expect(incoming, pb.WalletLinked)
        audience = [channels.user(_parse(UUID, event.user_id))]
        push = self._push(incoming.message_id, audience, wallet_linked=event)
        await self._finish("subs.wallets.linked", incoming, [push])

    async def collection_upserted(self, incoming: Incoming) -> None:
        """Settles the intent that created the collection; to its followers and the feed."""
        event = _expect(incoming, pb.CollectionUpserted)
        chain_id, contract = _parse(ChainId.parse, event.chain_id), _parse(Address, event.contract)
        place = _place(chain_id, event.position)
        await self._versions.change(read_versions.of_collection(chain_id, contract))
        async with self._turns.of(place.tx_hash):
            await self._learn(await self._settle.collection(CollectionSeen(contract, place)))
        push = self._push(incoming.message_id, _audience(chain_id, contract), collection_upserted=event)
        await self._finish("subs.collections.upserted", incoming, [push])
        self._pushed.note(chain_id, event.position.block.number)

    async def tokens_upserted(self, incoming: Incoming) -> None:
        """Settles the intents that minted the tokens; to the collections' followers and the feed.

        Mints by one transaction to one account are settled together, and transactions one after the other: what one
        of them settles decides what the next one may.
        """
        told = _told(incoming, "token_upserted")
        await self._change(told)
        for seen in dict.fromkeys(map(_seen, told)):
            async with self._turns.of(seen.place.tx_hash):
                await self._learn(await self._settle.token(seen))
        await self._finish("subs.mints.upserted", incoming, [self._push_token(one) for one in told])
        self._note(told)

    async def tokens_changed(self, incoming: Incoming) -> None:
        """Transfers and newly joined metadata; to the collections' followers and the feed."""
        told = _told(incoming, "token_transferred", "token_enriched")
        await self._change(told)
        await self._finish("subs.tokens.changed", incoming, [self._push_token(one) for one in told])
        self._note([one for one in told if one.kind == "token_transferred"])

    async def chain_reorged(self, incoming: Incoming) -> None:
        """Takes intents back whose block was orphaned, and tells the feed and who follows a collection of the chain
        from which block on it was wrong."""
        event = _expect(incoming, pb.ChainReorged)
        chain_id = _parse(ChainId.parse, event.chain_id)
        blocks = [(block.hash, block.number) for block in event.orphaned]
        retracted = Retracted(chain_id=event.chain_id, from_block=event.common_ancestor.number + 1)
        async with self._database.transaction() as transaction:
            if not await transaction.is_first("subs.chains.reorged", incoming.message_id):
                return
            await self._versions.change(read_versions.of_fork(chain_id))
            touched = await self._intents.orphan_within(transaction, chain_id, blocks)
            followed = await self._pushes.channels(channels.collections(chain_id))
            audience = [channels.FEED, *followed]
            await self._pushes.push_all([self._push(incoming.message_id, audience, retracted=retracted)])
        self._pushed.retract(chain_id, event.common_ancestor.number)
        await self._push_intents(touched)

    async def _finish(self, queue: str, incoming: Incoming, pushes: Sequence[Outgoing]) -> None:
        """Inbox and pushes of one message."""
        async with self._database.transaction() as transaction:
            if await transaction.is_first(queue, incoming.message_id):
                await commit_without_waiting(transaction)
                await self._pushes.push_all(pushes)

    async def _change(self, told: Iterable[_Told]) -> None:
        collections = dict.fromkeys((one.chain_id, one.contract) for one in told)
        await self._versions.change(name for key in collections for name in read_versions.of_collection(*key))

    def _note(self, told: Iterable[_Told]) -> None:
        for one in told:
            self._pushed.note(one.chain_id, one.event.position.block.number)

    async def _learn(self, settlements: Sequence[Settlement]) -> None:
        if not settlements:
            return
        async with self._database.transaction() as transaction:
            for intent, facts in sorted(settlements, key=lambda settlement: settlement[0].id):
                await self._intents.learn_within(transaction, intent, facts)
        await self._push_intents(intent.id for intent, _ in settlements)

    async def _push_intents(self, ids: Iterable[IntentId]) -> None:
        for intent_id in ids:
            await self._intents.push(intent_id)

    def _push(self, push_id: str, audience: Sequence[str], **body: Any) -> Outgoing:
        push = Push(id=push_id, pushed_at=timestamp(self._clock()), **body)
        return Outgoing(push_id, push.SerializeToString(), audience)

    def _push_token(self, told: _Told) -> Outgoing:
        return self._push(told.id, _audience(told.chain_id, told.contract), **{told.kind: told.event})


class _Told(NamedTuple):
    """An event of one token, and which field of a push it is."""

    id: str
    kind: str
    chain_id: ChainId
    contract: Address
    event: Any


def _told(incoming: Incoming, *kinds: str) -> list[_Told]:
    told = []
    for one in _expect(incoming, pb.TokenEvents).events:
        kind = one.WhichOneof("body")
        if kind not in kinds:
            raise Poison("UNEXPECTED_TYPE", f"an event of kind {kind} does not belong in this queue")
        event = getattr(one, kind)
        chain_id, contract = _parse(ChainId.parse, event.chain_id), _parse(Address, event.contract)
        told.append(_Told(one.id, kind, chain_id, contract, event))
    return told


def _audience(chain_id: ChainId, contract: Address) -> list[str]:
    return [channels.collection(chain_id, contract), channels.FEED]


def _expect(incoming: Incoming, kind: type[M]) -> M:
    if not isinstance(incoming.message, kind):
        raise Poison("UNEXPECTED_TYPE", f"a {incoming.type} does not belong in this queue")
    return incoming.message


def _seen(told: _Told) -> TokenSeen:
    return TokenSeen(told.contract, _parse(Address, told.event.owner), _place(told.chain_id, told.event.position))


def _place(chain_id: ChainId, position: Position) -> Place:
    if len(position.tx_hash) != 32 or len(position.block.hash) != 32:
        raise Poison("INVALID_POSITION", "a position names transaction and block by hashes of 32 bytes")
    return Place(chain_id, position.tx_hash, position.block.number, position.block.hash)


def _parse(parse: Callable[[Any], M], value: object) -> M:
    try:
        return parse(value)
    except (MercatoError, ValueError) as error:
        raise Poison("INVALID_FIELD", f"{value!r}: {error}") from None
