"""Chains move: forward as they are read, and back when a fork won."""

from __future__ import annotations

from mercato.services.catalog.model.facts import Cause, Progress, Retraction
from mercato.services.catalog.usecases.ports import Store, Unit


class RetractBlocks:
    """Orphaned blocks never were: their facts go, what followed from them is restored, late ones are refused. A block
    that is canonical again is published again, in a later generation, and counts from then on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, retraction: Retraction) -> None:
        async def work(unit: Unit) -> None:
            await unit.retractor.take_back(await unit.blocks.orphan(retraction))
            await unit.blocks.retreat(retraction)
            # What follows the ancestor may have been said already, by somebody who had not to tell of the fork.
            await unit.progress.settle()

        await self._store.alone(cause, retraction.chain, work)


class RecordProgress:
    """Moves the read point of a chain, as soon as the rows are as it says."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, progress: Progress) -> None:
        async def work(unit: Unit) -> None:
            await unit.progress.record(progress)

        # Alone, so that every message is either applied already or will find the statement that waits for it.
        await self._store.alone(cause, progress.chain, work)
