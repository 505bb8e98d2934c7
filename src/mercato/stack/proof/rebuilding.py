"""The read model made anew from raw events, and compared with the live one at one block.

The live one moves on meanwhile. So catalog and wallets are looked at when both are true at the same block and hold
nothing above it, and the copy is brought up to exactly that block. Where they still differ, again a moment later: a
fork or an import that passes just then disappears from the differences, what is wrong stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from mercato.kit import mongo, postgres
from mercato.kit.errors import FailedPrecondition, NotFound
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.services.catalog.store.natural import TABLES, ReadPoint, at_one_moment, list_chains
from mercato.services.indexer.store.checkpoints import Checkpoints
from mercato.services.indexer.store.imports import Imports
from mercato.services.indexer.store.raw import RawEvents
from mercato.services.wallets.store.natural import TABLES as APPROVAL_TABLES
from mercato.services.wallets.store.natural import Moment as Approvals
from mercato.services.wallets.store.natural import at_one_moment as approvals_at_one_moment
from mercato.stack.proof.comparing import TableComparison, compare
from mercato.stack.proof.replay import Replay
from mercato.stack.proof.scratch import CATALOG, WALLETS, Scratch, scratch_database

_LOOK_AGAIN = 0.3
_SETTLING = 3.0
"""Seconds for which a difference must stay to be one: facts of an import, or of a fork, are below the read point."""

_STARTS = 5
"""Starts that forks may spoil."""

_PATIENCE = 60.0
"""Seconds to wait for a moment in which catalog and wallets are true at one block and hold nothing above it."""

_MEETING = 2.0
"""Seconds for which one look at the catalog waits for wallets to come to its block."""

_STEP = 0.02

Tell = Callable[[int, int], None]
"""Facts applied, facts there are."""


@dataclass(frozen=True)
class Rebuilt:
    """What came of it: all tables at one block; `scratch` names the databases, which are gone unless they were kept."""

    point: ReadPoint
    tables: tuple[TableComparison, ...]
    scratch: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        return all(table.is_equal for table in self.tables)


class _Forked(Exception):
    """A fork took away a block that the copy holds: it is no clean one any more."""


@dataclass(frozen=True)
class _Copy:
    """Both databases of one copy."""

    catalog: Scratch
    wallets: Scratch

    @property
    def names(self) -> tuple[str, ...]:
        return self.catalog.name, self.wallets.name

    def keep(self) -> None:
        self.catalog.kept = self.wallets.kept = True


class Rebuilding:
    """Compares the live catalog and approvals with clean copies of them."""

    def __init__(
        self,
        settings: Settings,
        live: Database,
        wallets: Database,
        raw: RawEvents,
        checkpoints: Checkpoints,
        imports: Imports,
    ) -> None:
        self._settings = settings
        self._live = live
        self._wallets = wallets
        self._raw = raw
        self._checkpoints = checkpoints
        self._imports = imports

    async def chains(self) -> list[ChainId]:
        """The chains there is something to compare of."""
        return await list_chains(self._live)

    async def run(self, chain: ChainId, tell: Tell, *, keep: bool = False) -> Rebuilt:
        """Rebuilds one chain and compares. Starts over when a fork passes through what was rebuilt.

        Raises `NotFound` CHAIN_NOT_CATALOGUED, `FailedPrecondition` NEVER_AT_REST, and what making the copy raises.
        """
        for _ in range(_STARTS):
            try:
                async with AsyncExitStack() as opened:
                    catalog = await opened.enter_async_context(scratch_database(self._settings, chain, CATALOG))
                    wallets = await opened.enter_async_context(scratch_database(self._settings, chain, WALLETS))
                    copy = _Copy(catalog, wallets)
                    result = await self._attempt(chain, copy, tell)
                    if keep:
                        copy.keep()
                    return result
            except _Forked:
                continue
        raise FailedPrecondition("NEVER_AT_REST", f"{_STARTS} forks of {chain.caip2} passed through the rebuild")

    async def _attempt(self, chain: ChainId, scratch: _Copy, tell: Tell) -> Rebuilt:
        async with at_one_moment(self._live, chain) as moment:
            if moment.point is None:
                raise NotFound("CHAIN_NOT_CATALOGUED", f"the catalog has read nothing of {chain.caip2} yet")
            total, begin = await moment.tables.count_facts(), moment.point.number
        databases = scratch.catalog.database, scratch.wallets.database
        replay = Replay(self._raw, *databases, chain, lambda done: tell(done, max(done, total)))
        await self._extend(chain, replay, scratch, begin)
        return await self._settled(chain, replay, scratch)

    async def _extend(self, chain: ChainId, replay: Replay, scratch: _Copy, block: int) -> None:
        orphans = await self._checkpoints.list_orphans(chain, 0)
        await replay.bind(await self._imports.list_bound(chain, block))
        await replay.up_to(block, orphans)
        # A chain that said nothing yet has no row in the copy either.
        await scratch.catalog.database.pool.execute(
            "INSERT INTO sync_state (chain_number) VALUES ($1) ON CONFLICT DO NOTHING", chain
        )
        async with at_one_moment(scratch.catalog.database, chain) as moment:
            if await moment.tables.has_any(list(orphans)):
                raise _Forked

    async def _settled(self, chain: ChainId, replay: Replay, scratch: _Copy) -> Rebuilt:
        """Compares until all is equal, or until the same rows have differed for `_SETTLING` seconds."""
        loop = asyncio.get_running_loop()
        begin = differing_since = loop.time()
        lasting: set[tuple[str, str]] | None = None
        while True:
            result = await self._compared(chain, replay, scratch)
            now = loop.time()
            if result is not None:
                if result.is_equal:
                    return result
                keys = {(t.table, d.key) for t in result.tables for d in t.differences}
                lasting = keys if lasting is None else lasting & keys
                if not lasting:
                    lasting, differing_since = keys, now
                if now - differing_since >= _SETTLING:
                    return result
            elif now - begin > _PATIENCE:
                raise FailedPrecondition(
                    "NEVER_AT_REST",
                    f"catalog and wallets are never at one block of {chain.caip2}: is one of them behind?",
                )
            await asyncio.sleep(_LOOK_AGAIN)

    async def _compared(self, chain: ChainId, replay: Replay, scratch: _Copy) -> Rebuilt | None:
        """All as of one block; None when the live tables are not at one, or hold facts above it just then."""
        async with at_one_moment(self._live, chain) as live, AsyncExitStack() as opened:
            point = live.point
            if point is None or await live.tables.newest_block() > point.number:
                return None
            approvals = await self._meeting(opened, chain, point)
            if approvals is None:
                return None
            await self._extend(chain, replay, scratch, point.number)
            async with at_one_moment(scratch.catalog.database, chain) as rebuilt:
                tables = await compare(TABLES, live.tables, rebuilt.tables)
            async with approvals_at_one_moment(scratch.wallets.database, chain) as rebuilt_approvals:
                tables += await compare(
                    APPROVAL_TABLES, approvals.up_to(point.number), rebuilt_approvals.up_to(point.number)
                )
            return Rebuilt(point, tables, scratch.names)

    async def _meeting(self, opened: AsyncExitStack, chain: ChainId, point: ReadPoint) -> Approvals | None:
        """A moment in which the approvals are true at the same block and hold nothing above it; None when they have
        gone past it, or do not come to it soon."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _MEETING
        while loop.time() < until:
            async with AsyncExitStack() as moment:
                found = await moment.enter_async_context(approvals_at_one_moment(self._wallets, chain))
                at = found.point
                if at is not None and (at.generation, at.number) > (point.generation, point.number):
                    return None
                if at is not None and at.hash == point.hash and not await found.has_above(point.number):
                    await opened.enter_async_context(moment.pop_all())
                    return found
            await asyncio.sleep(_STEP)
        return None


@asynccontextmanager
async def rebuilding(settings: Settings) -> AsyncIterator[Rebuilding]:
    """Opened on the stores of the indexer and the catalog, which it only reads."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        live = await enter(postgres.connected(settings, "catalog_db"))
        wallets = await enter(postgres.connected(settings, "wallet_db"))
        progress = await enter(postgres.connected(settings, "indexer_db"))
        raw = RawEvents(await enter(mongo.connected(settings)))
        yield Rebuilding(settings, live, wallets, raw, Checkpoints(progress), Imports(progress))
