"""Loops of the orchestrator: watching transactions, expiring what was never sent, pushing what a crash left over."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.evm.abi import ErrorTable
from mercato.evm.directory import ChainDirectory, ChainHandle
from mercato.intents.facts import (
    Claimed,
    Confirmed,
    Dropped,
    Expired,
    Fact,
    IntentState,
    Mined,
    Orphaned,
    Superseded,
    of_kind,
)
from mercato.intents.model import Intent, is_confirmed
from mercato.intents.sightings import Lookout, difference, facts_of
from mercato.intents.store import IntentStore
from mercato.kit.errors import MercatoError
from mercato.kit.ids import ChainId, IntentId
from mercato.kit.logging import get_logger

_MOST_WATCHED = 1_000
_OVERDUE = 100
_HOUSEKEEPING = 1.0
_EAGER = timedelta(seconds=30)
"""How long a hash that no node knows yet is asked for in every round; afterwards once a block."""
_LAZY = timedelta(seconds=5)
"""A chain without new blocks is still asked this often."""


@dataclass(frozen=True)
class _Look:
    """When and at what an intent was last looked at."""

    version: int
    head: int
    at: datetime


class Watcher:
    """Asks nodes what became of transactions: receipts, confirmations, replaced nonces, lost transactions.

    It changes nothing by itself: it tells the store facts, so any number of watchers may run. `clock` gives the time in
    UTC; a transaction counts as dropped when no node has known it for `patience`.
    """

    def __init__(
        self,
        store: IntentStore,
        directory: ChainDirectory,
        errors: ErrorTable,
        *,
        clock: Callable[[], datetime],
        interval: float,
        patience: timedelta,
    ) -> None:
        self._store = store
        self._directory = directory
        self._errors = errors
        self._clock = clock
        self._interval = interval
        self._patience = patience
        self._log = get_logger("orchestrator")
        self._troubles: dict[ChainId, str] = {}
        self._looks: dict[IntentId, _Look] = {}
        self._unknown_since: dict[tuple[IntentId, bytes], datetime] = {}

    async def run(self) -> None:
        """Never returns: one round every `interval` seconds."""
        while True:
            await self.watch_once()
            await asyncio.sleep(self._interval)

    async def watch_once(self) -> None:
        """One round over all intents under way; a chain that cannot be asked does not hold up the others."""
        intents = await self._store.list_watched(_MOST_WATCHED)
        self._forget_all_but(intents)
        by_chain: dict[ChainId, list[Intent]] = defaultdict(list)
        for intent in intents:
            by_chain[intent.chain_id].append(intent)
        await asyncio.gather(*(self._watch_chain(chain_id, group) for chain_id, group in by_chain.items()))

    async def _watch_chain(self, chain_id: ChainId, intents: list[Intent]) -> None:
        try:
            handle = await self._directory.get(chain_id)
            head = await handle.pool.block_number()
            due = [intent for intent in intents if self._is_due(intent, head)]
            waiting = [i for i in due if i.state is IntentState.SUBMITTED]
            settled = [i for i in due if i.state is not IntentState.SUBMITTED]
            await self._watch_waiting(handle, waiting, head)
            await self._watch_mined(handle, settled, head)
            self._troubles.pop(chain_id, None)
        except MercatoError as error:
            if self._troubles.get(chain_id) != error.reason:  # said once, not ten times a second
                self._log.warning("transactions cannot be watched", chain=chain_id.caip2, error=str(error))
            self._troubles[chain_id] = error.reason

    def _is_due(self, intent: Intent, head: int) -> bool:
        look = self._looks.get(intent.id)
        if look is None or (look.version, look.head) != (intent.version, head):
            return True
        unproven = any(not intent.is_proven(tx_hash) for tx_hash in intent.pending_hashes)
        now = self._clock()
        eager = intent.state is IntentState.SUBMITTED and unproven and now - intent.timeline[-1].at < _EAGER
        return eager or now - look.at > _LAZY

    # ---- not mined yet -------------------------------------------------------------------------

    async def _watch_waiting(self, handle: ChainHandle, intents: list[Intent], head: int) -> None:
        hashes = [tx_hash for intent in intents for tx_hash in intent.pending_hashes]
        receipts = dict(zip(hashes, await handle.pool.receipts(hashes), strict=True)) if hashes else {}
        for intent in intents:
            mined = [tx_hash for tx_hash in intent.pending_hashes if receipts[tx_hash] is not None]
            if mined:
                facts = [f for tx_hash in mined for f in await self._look(handle, intent, tx_hash)]
            else:
                facts = [f for tx_hash in intent.pending_hashes for f in await self._ask_after(handle, intent, tx_hash)]
            await self._learn(handle, intent, facts, head)

    async def _ask_after(self, handle: ChainHandle, intent: Intent, tx_hash: bytes) -> list[Fact]:
        """What there is to say of a transaction without a receipt."""
        nonce = intent.nonce_of(tx_hash)
        if nonce is not None and await handle.pool.transaction_count(intent.sender) > nonce:
            return await self._explain_lost_nonce(handle, intent, tx_hash, nonce)
        facts = await self._look(handle, intent, tx_hash)
        if facts:
            self._unknown_since.pop((intent.id, tx_hash), None)
            return facts
        since = self._unknown_since.setdefault((intent.id, tx_hash), self._clock())
        return [Dropped(tx_hash)] if self._clock() - since > self._patience else []

    async def _explain_lost_nonce(self, handle: ChainHandle, intent: Intent, tx_hash: bytes, nonce: int) -> list[Fact]:
        """The nonce is used: by a sped-up copy of the transaction, which then carries out the intent, or by another."""
        user = await self._lookout(handle).find_user_of_nonce(intent.sender, nonce)
        if user is None or user.block_number is None or user.block_hash is None:
            return []
        if user.hash == tx_hash:
            return await self._look(handle, intent, tx_hash)
        if difference(intent, user):
            return [Superseded(tx_hash, user.hash, user.block_number, user.block_hash)]
        return [Claimed(user.hash, self._clock()), *await self._look(handle, intent, user.hash)]

    # ---- mined ---------------------------------------------------------------------------------

    async def _watch_mined(self, handle: ChainHandle, intents: list[Intent], head: int) -> None:
        numbers = [intent.standing.block_number or 0 for intent in intents]
        headers = await handle.pool.headers(numbers) if numbers else []
        confirmations = handle.chain.gas_policy.confirmations
        for intent, header in zip(intents, headers, strict=True):
            place = intent.standing
            facts: list[Fact] = []
            if place.block_hash is None or place.block_number is None or header is None:
                pass  # another process was faster, or this node lags
            elif header.hash != place.block_hash:
                facts = [Orphaned(place.block_hash)]
            elif is_confirmed(place.block_number, head, confirmations):
                facts = [Confirmed(place.block_hash)]
            await self._learn(handle, intent, facts, head)

    # ---- both ----------------------------------------------------------------------------------

    async def _learn(self, handle: ChainHandle, intent: Intent, facts: list[Fact], head: int) -> None:
        new = [fact for fact in facts if fact not in intent.facts]
        if new:
            await self._restore(handle, intent, new)
            intent = await self._store.learn(intent, new)
        self._looks[intent.id] = _Look(intent.version, head, self._clock())

    async def _restore(self, handle: ChainHandle, intent: Intent, facts: list[Fact]) -> None:
        """A receipt in a block that was orphaned: believed when the node, asked now, has that block again."""
        for mined in of_kind(facts, Mined):
            if Orphaned(mined.block_hash) in intent.facts:
                header = await handle.pool.find_header(mined.block_number)
                if header is not None and header.hash == mined.block_hash:
                    await self._store.restore(intent.chain_id, mined.block_hash, mined.block_number)

    async def _look(self, handle: ChainHandle, intent: Intent, tx_hash: bytes) -> list[Fact]:
        sighting = await self._lookout(handle).look(tx_hash)
        return facts_of(intent, tx_hash, sighting, handle.chain.gas_policy.confirmations)

    def _lookout(self, handle: ChainHandle) -> Lookout:
        return Lookout(handle.pool, self._errors)

    def _forget_all_but(self, intents: Iterable[Intent]) -> None:
        kept = {intent.id for intent in intents}
        self._looks = {key: look for key, look in self._looks.items() if key in kept}
        self._unknown_since = {key: since for key, since in self._unknown_since.items() if key[0] in kept}


class Housekeeper:
    """Ends intents whose time is over, and pushes what a crash kept from being pushed."""

    def __init__(self, store: IntentStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Never returns: one round a second."""
        while True:
            await self.expire_once()
            await self._store.push_left_over()
            await asyncio.sleep(_HOUSEKEEPING)

    async def expire_once(self) -> int:
        """Expires overdue intents; returns how many were overdue."""
        overdue = await self._store.list_overdue(self._clock(), _OVERDUE)
        for intent in overdue:
            await self._store.learn(intent, [Expired()])
        return len(overdue)
