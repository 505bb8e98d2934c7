"""Transfers come in: tokens, owners, balances and counts follow, and the house hears of what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mercato.kit.ids import Address
from mercato.kit.messages import Outgoing
from mercato.services.catalog.model.collections import LockedCollection
from mercato.services.catalog.model.facts import Batch, Block, Cause, Position, Standard, Transfer
from mercato.services.catalog.model.fold import Fold, Movement, NewTokens, fold
from mercato.services.catalog.model.metadata import pages
from mercato.services.catalog.usecases import messages
from mercato.services.catalog.usecases.ports import Store, Unit


class ApplyTransfers:
    """Mints, transfers and burns of any contract, in any order, any number of times."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, batch: Batch[Transfer]) -> None:
        """Only transfers that are new and whose block is not orphaned count."""

        async def work(unit: Unit) -> None:
            await _apply(unit, cause, batch)

        await self._store.beside_others(cause, batch.chain, work)


@dataclass(frozen=True)
class _Applied:
    """What a message changed, for those who tell it."""

    cause: Cause
    batch: Batch[Transfer]
    blocks: Mapping[int, Block]
    collections: Mapping[int, LockedCollection]
    first_seen: set[int]
    fresh: Sequence[Movement]
    folded: Fold
    new_tokens: Mapping[int, NewTokens]


async def _apply(unit: Unit, cause: Cause, batch: Batch[Transfer]) -> None:
    block_refs = await unit.blocks.publish(batch.blocks, batch.generation)
    valid = [t for t in batch.facts if block_refs[t.block] is not None]
    contracts = {t.contract for t in valid}
    first_seen = await unit.collections.add(contracts)
    collections = await unit.collections.lock(contracts)
    refs = {contract: collection.ref for contract, collection in collections.items()}
    fresh = await unit.movements.without_known(list(_movements(valid, block_refs, refs)))
    if not fresh:
        return
    await unit.movements.insert(fresh)
    folded = fold(fresh)
    listing = [c.ref for c in collections.values() if c.followed or not batch.catching_up]
    new_tokens = await unit.movements.apply(folded, listing)
    applied = _Applied(
        cause,
        batch,
        {ref: block for ref, block in zip(block_refs, batch.blocks, strict=True) if ref is not None},
        {collection.ref: collection for collection in collections.values()},
        first_seen,
        fresh,
        folded,
        new_tokens,
    )
    unit.publish(*_collections_upserted(applied), *_metadata_requested(applied))
    if not batch.catching_up:
        unit.publish(*messages.tokens_changed(cause.event_id, _news(applied)))


def _movements(
    transfers: Iterable[Transfer], block_refs: Sequence[int | None], refs: Mapping[bytes, int]
) -> Iterator[Movement]:
    for t in transfers:
        block_ref = block_refs[t.block]
        assert block_ref is not None, "late facts are left out before"
        yield Movement(
            block_ref, refs[t.contract], t.log_index, t.batch_index, t.token_id, t.sender, t.recipient, t.tx_hash,
            t.operator, t.amount,
        )  # fmt: skip


def _collections_upserted(applied: _Applied) -> Iterator[Outgoing]:
    """Live: collections seen for the first time. Catching up: every collection touched, once, for all its tokens."""
    told = set(applied.folded.collections) if applied.batch.catching_up else applied.first_seen
    last = {move.collection_ref: move for move in applied.fresh if move.collection_ref in told}
    for ref, move in last.items():
        yield messages.collection_upserted(
            applied.cause.event_id, applied.batch.chain, applied.collections[ref], _standard(applied, ref),
            _position(applied, move),
        )  # fmt: skip


def _news(applied: _Applied) -> Iterator[messages.TokenNews]:
    """Each movement by itself: two mints of one ERC-1155 id may settle two intents."""
    chain, event_id = applied.batch.chain, applied.cause.event_id
    for move in applied.fresh:
        contract = Address(applied.collections[move.collection_ref].contract)
        amount = 1 if move.amount is None else move.amount
        position = _position(applied, move)
        if move.sender is None:
            standard = Standard.ERC721 if move.amount is None else Standard.ERC1155
            yield messages.token_upserted(
                event_id, chain, contract, move.token_id, standard, move.recipient, amount, position
            )
        else:
            yield messages.token_transferred(
                event_id, chain, contract, move.token_id, move.sender, move.recipient, amount, position
            )


def _metadata_requested(applied: _Applied) -> Iterator[Outgoing]:
    """New tokens, grouped by contract: all of them live; while history is read, only of followed collections, since the
    history of a whole chain names more tokens than anybody will look at."""
    chain, event_id = applied.batch.chain, applied.cause.event_id
    for ref, new in applied.new_tokens.items():
        contract = applied.collections[ref].contract
        for number, page in enumerate(pages(new.token_ids)):
            message_id = f"{event_id}:metadata:0x{contract.hex()}.{number}"
            yield messages.metadata_requested(message_id, chain, contract, _standard(applied, ref), page, refresh=False)


def _standard(applied: _Applied, ref: int) -> Standard:
    known = applied.collections[ref].standard
    return known or (Standard.ERC1155 if applied.folded.collections[ref].multi else Standard.ERC721)


def _position(applied: _Applied, move: Movement) -> Position:
    return Position(applied.blocks[move.block_ref], move.tx_hash, move.log_index, move.batch_index)
