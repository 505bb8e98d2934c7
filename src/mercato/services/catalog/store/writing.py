"""One transaction per message: inbox, tables and outbox commit together, or not at all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

import asyncpg

from mercato.kit import read_versions
from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Database, Transaction
from mercato.services.catalog.model.facts import Cause
from mercato.services.catalog.model.metadata import MetadataPage
from mercato.services.catalog.store.blocks import Blocks
from mercato.services.catalog.store.collections import Collections
from mercato.services.catalog.store.metadata import Metadata
from mercato.services.catalog.store.movements import Movements
from mercato.services.catalog.store.progress import ReadPoint
from mercato.services.catalog.store.retraction import Retractor

_TRIES = 5
_LOCK_CLASS = 0x43415441

# Facts share a chain, a retraction has it alone: it must not miss rows that another transaction is about to commit.
# Every statement of a writer finds its rows by key. A plan made while the tables were small must not scan them later,
# when they have grown faster than their statistics.
_SHARE_CHAIN = """
SELECT pg_advisory_xact_lock_shared($1, $2), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
"""
_HOLD_CHAIN = _SHARE_CHAIN.replace("_shared", "")
_FIND_CHAIN = "SELECT chain_ref FROM sync_state WHERE chain_number = $1"
_ADD_CHAIN = "INSERT INTO sync_state (chain_number) VALUES ($1) ON CONFLICT DO NOTHING"


class Unit:
    """What a transaction can do to the tables of one chain."""

    def __init__(self, tx: Transaction, chain_ref: int) -> None:
        self.publish = tx.publish
        self.blocks = Blocks(tx.connection, chain_ref)
        self.collections = Collections(tx.connection, chain_ref)
        self.movements = Movements(tx.connection)
        self.metadata = Metadata(tx.connection)
        self.progress = ReadPoint(tx.connection, chain_ref)
        self.retractor = Retractor(tx.connection, self.collections, self.movements, self.metadata)

    def changed(self, chain: ChainId) -> Iterable[str]:
        """The read versions of all rows that it may have changed."""
        if self.retractor.has_taken:
            yield from read_versions.of_fork(chain)
        for contract in self.collections.held:
            yield from read_versions.of_collection(chain, Address(contract))


Work = Callable[[Unit], Awaitable[None]]


class CatalogStore:
    """`unit` makes what a transaction works with; another one than `Unit` is for a store that keeps its rows otherwise,
    or, in a test, wrongly. `note` is given, after each commit, the read versions of what it changed."""

    def __init__(
        self,
        database: Database,
        unit: Callable[[Transaction, int], Unit] = Unit,
        note: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._unit = unit
        self._note = note
        self._chain_refs: dict[ChainId, int] = {}
        self.metadata_waits = asyncio.Event()
        """Set by a commit that added to what metadata is to be asked for."""

    async def beside_others(self, cause: Cause, chain: ChainId, work: Work) -> None:
        """Does `work` in the transaction that remembers `cause`, once; does nothing when it is remembered already.
        Transactions that meet in a deadlock are tried again, so `work` may run more than once."""
        await self._transact(cause, chain, _SHARE_CHAIN, work)

    async def alone(self, cause: Cause, chain: ChainId, work: Work) -> None:
        """As `beside_others`, while nothing else writes to the chain."""
        await self._transact(cause, chain, _HOLD_CHAIN, work)

    async def hand_out_metadata_page(self, limit: int, publish: Callable[[Transaction, MetadataPage], None]) -> bool:
        """Takes tokens off the list of what to ask for and has them published in the same transaction; False when the
        list is empty."""
        async with self._database.transaction() as tx:
            page = await Metadata(tx.connection).take_page(limit)
            if page is None:
                return False
            if page.token_ids:
                publish(tx, page)
        return True

    async def _transact(self, cause: Cause, chain: ChainId, lock: str, work: Work) -> None:
        chain_ref = await self._chain_ref(chain)
        for tries_left in reversed(range(_TRIES)):
            try:
                async with self._database.transaction() as tx:
                    if not await tx.is_first(cause.consumer, cause.event_id):
                        return
                    await tx.connection.execute(lock, _LOCK_CLASS, chain_ref)
                    unit = self._unit(tx, chain_ref)
                    await work(unit)
                    await unit.progress.applied(cause.event_id)
                self._note(unit.changed(chain))
                if unit.metadata.has_requests:
                    self.metadata_waits.set()
                return
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                if not tries_left:
                    raise
            await asyncio.sleep(random.uniform(0.01, 0.1))

    async def _chain_ref(self, chain: ChainId) -> int:
        """Chains are never removed, so their keys may be remembered."""
        if chain not in self._chain_refs:
            async with self._database.pool.acquire() as connection:
                while (found := await connection.fetchval(_FIND_CHAIN, chain)) is None:
                    await connection.execute(_ADD_CHAIN, chain)
            self._chain_refs[chain] = found
        return self._chain_refs[chain]
