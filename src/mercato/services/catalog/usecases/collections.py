"""Collections are created and configured: the tables keep each fact, and show what was said last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from mercato.kit.ids import UINT256_MAX
from mercato.services.catalog.model.collections import LockedCollection, Place
from mercato.services.catalog.model.facts import (
    Batch,
    Cause,
    Change,
    Creation,
    Import,
    MintTerms,
    Ownership,
    Position,
    RoleGrant,
    Royalty,
    Standard,
)
from mercato.services.catalog.model.metadata import TokenRange
from mercato.services.catalog.usecases import messages
from mercato.services.catalog.usecases.ports import New, Store, Unit

F = TypeVar("F", Creation, Import, Change)
V = TypeVar("V", MintTerms, RoleGrant, Ownership, Royalty)


class ApplyCreations:
    """Factories deployed collections; tokens and terms of these may be known already."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, batch: Batch[Creation]) -> None:
        async def work(unit: Unit) -> None:
            placed, before = await _placed(unit, batch)
            new = await unit.collections.bind(placed)
            await _tell(unit, cause, batch, [(place, c) for place, c in placed if place[1:] in new])
            await _request_earlier_tokens(unit, before, {place[0] for place, _ in placed})

        await self._store.beside_others(cause, batch.chain, work)


class ApplyImports:
    """Contracts were imported; a factory that made one, too, knows it better and is shown instead."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, batch: Batch[Import]) -> None:
        async def work(unit: Unit) -> None:
            placed, before = await _placed(unit, batch)
            new = await unit.collections.bind_imports(placed)
            await _tell(unit, cause, batch, [(place, i) for place, i in placed if place[1:] in new])
            await _request_earlier_tokens(unit, before, {place[0] for place, _ in placed})

        await self._store.beside_others(cause, batch.chain, work)


class ApplyChanges:
    """Sale terms, roles, owners and royalties were set; the collection itself may not be known yet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, batch: Batch[Change]) -> None:
        async def work(unit: Unit) -> None:
            placed, _ = await _placed(unit, batch)
            new = await _add(unit, placed)
            await _tell(unit, cause, batch, [(place, c) for place, c in placed if place[1:] in new])

        await self._store.beside_others(cause, batch.chain, work)


async def _placed(unit: Unit, batch: Batch[F]) -> tuple[list[tuple[Place, F]], dict[int, LockedCollection]]:
    """Facts that are not late, each with its place, and the collections they are about, held."""
    block_refs = await unit.blocks.publish(batch.blocks, batch.generation)
    contracts = {fact.contract for fact in batch.facts if block_refs[fact.block] is not None}
    await unit.collections.add(contracts)
    held = await unit.collections.lock(contracts)
    placed = [
        ((held[fact.contract].ref, block_ref, fact.log_index), fact)
        for fact in batch.facts
        if (block_ref := block_refs[fact.block]) is not None
    ]
    return placed, {collection.ref: collection for collection in held.values()}


async def _add(unit: Unit, placed: Sequence[tuple[Place, Change]]) -> New:
    """A log is one fact of one kind, so what is new of all kinds is one set."""
    table = unit.collections
    return (
        await table.add_terms(_of_kind(MintTerms, placed))
        | await table.add_roles(_of_kind(RoleGrant, placed))
        | await table.add_owners(_of_kind(Ownership, placed))
        | await table.add_royalties(_of_kind(Royalty, placed))
    )


def _of_kind(kind: type[V], placed: Iterable[tuple[Place, Change]]) -> list[tuple[Place, V]]:
    return [(place, change.value) for place, change in placed if isinstance(change.value, kind)]


async def _tell(unit: Unit, cause: Cause, batch: Batch[F], new: Iterable[tuple[Place, F]]) -> None:
    """Shows what the collections are now, once for each that has something new. One of which neither creation nor
    transfer is known is told when either comes."""
    last = {place[0]: fact for place, fact in sorted(new, key=lambda item: item[0])}
    if not last:
        return
    shown = await unit.collections.refresh(last)
    for ref, fact in last.items():
        collection = shown[ref]
        if collection.standard is Standard.UNKNOWN:
            continue
        position = Position(batch.blocks[fact.block], fact.tx_hash, fact.log_index)
        unit.publish(
            messages.collection_upserted(cause.event_id, batch.chain, collection, collection.standard, position)
        )


async def _request_earlier_tokens(unit: Unit, before: dict[int, LockedCollection], bound: set[int]) -> None:
    """Tokens that were read before anybody knew that their collection is followed have not been asked for."""
    await unit.metadata.request(
        [
            TokenRange(ref, "0", str(UINT256_MAX), refresh=False)
            for ref in bound
            if before[ref].token_count and not before[ref].followed
        ]
    )
