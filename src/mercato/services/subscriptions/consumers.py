"""Message handlers: decode, settle in one transaction with the inbox, push.

What concerns everybody is pushed inside the transaction, before it commits: when Redis is away the message is tried
again, and a crash in between pushes twice under one id, which receivers drop. Steps of intents are pushed after the
commit by their store, which never loses one.

Before a push, the read versions of what it tells of are changed: who has heard of something is never given an answer
from before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from mercato.intents.store import IntentStore
from mercato.intents.wire import timestamp
from mercato.kit import channels, read_versions
from mercato.kit.errors import MercatoError, Poison
from mercato.kit.ids import Address, ChainId, IntentId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Handler
from mercato.kit.read_versions import ReadVersions
from mercato.rpc.common.v1.common_pb2 import Position
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.rpc.push.v1.push_pb2 import Push, Retracted
from mercato.services.subscriptions.model import CollectionSeen, Place, TokenSeen
from mercato.services.subscriptions.store import Feed, PushedBlocks, commit_without_waiting
from mercato.services.subscriptions.usecases import Settle, Settlement, Turns

M = TypeVar("M")


class Consumers:
    """One handler for each queue of subscriptions. `clock` gives the time in UTC."""

    def __init__(
        self,
        database: Database,
        intents: IntentStore,
        settle: Settle,
        feed: Feed,
        versions: ReadVersions,
        clock: Callable[[], datetime],
        pushed: PushedBlocks,
    ) -> None:
        self._database = database
        self._intents = intents
        self._settle = settle
        self._feed = feed
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
            "subs.mints.upserted": self.token_upserted,
            "subs.tokens.changed": self.token_changed,
            "subs.chains.reorged": self.chain_reorged,
        }

    async def user_logged_in(self, incoming: Incoming) -> None:
        """To the user alone."""
        event = _expect(incoming, pb.UserLoggedIn)
        channel = channels.user(_parse(UUID, event.user_id))
        await self._finish("subs.auth.logged_in", incoming, [channel], self._push(incoming, user_logged_in=event))

    async def wallet_linked(self, incoming: Incoming) -> None:
        """To the user alone."""
        event = _expect(incoming, pb.WalletLinked)
        channel = channels.user(_parse(UUID, event.user_id))
        await self._finish("subs.wallets.linked", incoming, [channel], self._push(incoming, wallet_linked=event))

    async def collection_upserted(self, incoming: Incoming) -> None:
        """Settles the intent that created the collection; to its followers and the feed."""
        event = _expect(incoming, pb.CollectionUpserted)
        chain_id, contract = _parse(ChainId.parse, event.chain_id), _parse(Address, event.contract)
        place = _place(chain_id, event.position)
        async with self._turns.of(place.tx_hash):
            settlements = await self._settle.collection(CollectionSeen(contract, place))
            await self._finish(
                "subs.collections.upserted", incoming, _audience(chain_id, contract),
                self._push(incoming, collection_upserted=event), settlements,
                read_versions.of_collection(chain_id, contract),
            )  # fmt: skip
        self._pushed.note(chain_id, event.position.block.number)

    async def token_upserted(self, incoming: Incoming) -> None:
        """Settles the intent that minted the token; to the collection's followers and the feed."""
        event = _expect(incoming, pb.TokenUpserted)
        chain_id, contract = _parse(ChainId.parse, event.chain_id), _parse(Address, event.contract)
        place = _place(chain_id, event.position)
        async with self._turns.of(place.tx_hash):
            settlements = await self._settle.token(TokenSeen(contract, _parse(Address, event.owner), place))
            await self._finish(
                "subs.mints.upserted", incoming, _audience(chain_id, contract),
                self._push(incoming, token_upserted=event), settlements,
                read_versions.of_collection(chain_id, contract),
            )  # fmt: skip
        self._pushed.note(chain_id, event.position.block.number)

    async def token_changed(self, incoming: Incoming) -> None:
        """A transfer or newly joined metadata; to the collection's followers and the feed."""
        message = incoming.message
        if isinstance(message, pb.TokenTransferred):
            push = self._push(incoming, token_transferred=message)
        else:
            message = _expect(incoming, pb.TokenEnriched)
            push = self._push(incoming, token_enriched=message)
        chain_id, contract = _parse(ChainId.parse, message.chain_id), _parse(Address, message.contract)
        changed = read_versions.of_collection(chain_id, contract)
        await self._finish("subs.tokens.changed", incoming, _audience(chain_id, contract), push, changed=changed)
        if isinstance(message, pb.TokenTransferred):
            self._pushed.note(chain_id, message.position.block.number)

    async def chain_reorged(self, incoming: Incoming) -> None:
        """Takes intents back whose block was orphaned, and tells the feed from which block on it was wrong."""
        event = _expect(incoming, pb.ChainReorged)
        chain_id = _parse(ChainId.parse, event.chain_id)
        blocks = [(block.hash, block.number) for block in event.orphaned]
        retracted = Retracted(chain_id=event.chain_id, from_block=event.common_ancestor.number + 1)
        async with self._database.transaction() as transaction:
            if not await transaction.is_first("subs.chains.reorged", incoming.message_id):
                return
            touched = await self._intents.orphan_within(transaction, chain_id, blocks)
            await self._versions.change(read_versions.of_fork(chain_id))
            await self._feed.publish([channels.FEED], self._push(incoming, retracted=retracted))
        self._pushed.retract(chain_id, event.common_ancestor.number)
        await self._push_intents(touched)

    async def _finish(
        self,
        queue: str,
        incoming: Incoming,
        audience: Sequence[str],
        push: bytes,
        settlements: Sequence[Settlement] = (),
        changed: Sequence[str] = (),
    ) -> None:
        """Inbox, intents and push of one message. `changed` are the read versions of what it tells of."""
        async with self._database.transaction() as transaction:
            if not await transaction.is_first(queue, incoming.message_id):
                return
            if not settlements:
                await commit_without_waiting(transaction)
            for intent, facts in sorted(settlements, key=lambda settlement: settlement[0].id):
                await self._intents.learn_within(transaction, intent, facts)
            await self._versions.change(changed)
            await self._feed.publish(audience, push)
        await self._push_intents(intent.id for intent, _ in settlements)

    async def _push_intents(self, ids: Iterable[IntentId]) -> None:
        for intent_id in ids:
            await self._intents.push(intent_id)

    def _push(self, incoming: Incoming, **body: Any) -> bytes:
        return Push(id=incoming.message_id, pushed_at=timestamp(self._clock()), **body).SerializeToString()


def _audience(chain_id: ChainId, contract: Address) -> list[str]:
    return [channels.collection(chain_id, contract), channels.FEED]


def _expect(incoming: Incoming, kind: type[M]) -> M:
    if not isinstance(incoming.message, kind):
        raise Poison("UNEXPECTED_TYPE", f"a {incoming.type} does not belong in this queue")
    return incoming.message


def _place(chain_id: ChainId, position: Position) -> Place:
    if len(position.tx_hash) != 32 or len(position.block.hash) != 32:
        raise Poison("INVALID_POSITION", "a position names transaction and block by hashes of 32 bytes")
    return Place(chain_id, position.tx_hash, position.block.number, position.block.hash)


def _parse(parse: Callable[[Any], M], value: object) -> M:
    try:
        return parse(value)
    except (MercatoError, ValueError) as error:
        raise Poison("INVALID_FIELD", f"{value!r}: {error}") from None
