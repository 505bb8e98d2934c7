"""Three mistakes that systems of this kind are known to make, kept to show that the simulation finds each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mercato.kit.ids import keccak256
from mercato.kit.messages import Outgoing, decode
from mercato.kit.postgres import Transaction
from mercato.rpc.events.v1 import events_pb2
from mercato.services.catalog.model.fold import Fold, NewTokens
from mercato.services.catalog.store.movements import Movements
from mercato.services.catalog.store.writing import Unit
from mercato.services.indexer.jobs import Tools
from mercato.services.indexer.model.chain import Advance, Checkpoint
from mercato.services.indexer.usecases.ports import Publisher
from tests.chaos.simulation.world import Build

_OF_CHAINS = frozenset(kind.DESCRIPTOR.full_name for kind in (events_pb2.ChainAdvanced, events_pb2.ChainReorged))


class IdsWithoutBlockHash:
    """Publishes facts under ids of chain, transaction and log alone, as if a transaction were mined once."""

    def __init__(self, real: Publisher) -> None:
        self._real = real

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        await self._real.publish_all(_without_block(m) if m.type not in _OF_CHAINS else m for m in batch)


def _without_block(message: Outgoing) -> Outgoing:
    facts: Any = decode(message.type, message.body)
    facts.ClearField("at")
    text = message.routing_key.encode() + facts.SerializeToString(deterministic=True)
    return replace(message, message_id=keccak256(text).hex())


class CheckpointFirst:
    """Publisher and checkpoints in one: facts are held back until the checkpoint has moved past them."""

    def __init__(self, tools: Tools) -> None:
        self._publisher = tools.publisher
        self._checkpoints: Any = tools.checkpoints
        self._held: list[Outgoing] = []

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        messages = list(batch)
        self._held += [m for m in messages if m.type not in _OF_CHAINS]
        await self._publisher.publish_all(m for m in messages if m.type in _OF_CHAINS)

    async def advance(self, before: Checkpoint, step: Advance) -> None:
        await self._checkpoints.advance(before, step)
        held, self._held = self._held, []
        await self._publisher.publish_all(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._checkpoints, name)


class OwnerByArrival(Movements):
    """The owner of a token is who the transfer that came last named, wherever in the chain it stands."""

    async def apply(self, change: Fold, listing: Sequence[int]) -> Mapping[int, NewTokens]:
        new_tokens = await super().apply(change, listing)
        for (ref, token_id), token in change.tokens.items():
            if token.last is not None:
                await self._connection.execute(
                    "UPDATE tokens SET owner = $3, moved_block_ref = $4, moved_log_index = $5, moved_batch_index = $6"
                    " WHERE collection_ref = $1 AND token_id = $2::text::numeric",
                    ref, token_id, token.last.recipient, token.last.block_ref, token.last.log_index,
                    token.last.batch_index,
                )  # fmt: skip
        return new_tokens


class _OwnerByArrivalUnit(Unit):
    def __init__(self, tx: Transaction, chain_ref: int) -> None:
        super().__init__(tx, chain_ref)
        self.movements = OwnerByArrival(tx.connection)


def _ids_without_block_hash(tools: Tools) -> Tools:
    return replace(tools, publisher=IdsWithoutBlockHash(tools.publisher))


def _checkpoint_first(tools: Tools) -> Tools:
    both: Any = CheckpointFirst(tools)
    return replace(tools, publisher=both, checkpoints=both)


MUTANTS: Mapping[str, Build] = {
    "ids-without-block-hash": Build(reader=_ids_without_block_hash),
    "checkpoint-first": Build(reader=_checkpoint_first),
    "owner-by-arrival": Build(unit=_OwnerByArrivalUnit),
}
