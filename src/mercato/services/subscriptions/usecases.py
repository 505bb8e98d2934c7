"""Settling: which intents a domain event carries to INDEXED, and which ones a fork takes back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from mercato.intents.facts import Claimed, Fact, Indexed, IntentState, Mined, Proven, Refused, of_kind
from mercato.intents.model import Intent
from mercato.intents.sightings import Sighting, facts_of
from mercato.kit.ids import Address, ChainId
from mercato.services.subscriptions.model import CollectionSeen, Place, TokenSeen, carried_out

Settlement = tuple[Intent, list[Fact]]
"""An intent and what it is to learn."""


class Intents(Protocol):
    """Where intents are found."""

    async def list_recipients(self, chain_id: ChainId, contract: Address) -> list[Address]: ...
    async def find_creating(self, chain_id: ChainId, contract: Address) -> Intent | None: ...
    async def list_minting(
        self, chain_id: ChainId, contract: Address, recipient: Address, tx_hash: bytes
    ) -> list[Intent]: ...


class Chains(Protocol):
    """What nodes say; see `rpc.ChainsClient`. Raises `Unavailable`."""

    async def look(self, chain_id: ChainId, tx_hash: bytes) -> tuple[Sighting, int]: ...


class Collections(Protocol):
    """What the catalog says. Raises `Unavailable`."""

    async def find_creation(self, chain_id: ChainId, contract: Address) -> bytes | None: ...
    async def list_mints(self, chain_id: ChainId, contract: Address, recipient: Address) -> list[Place]: ...


class Turns:
    """One at a time for each key: a batch mint tells of one transaction a hundred times at once."""

    def __init__(self) -> None:
        self._locks: dict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: dict[bytes, int] = defaultdict(int)

    @asynccontextmanager
    async def of(self, key: bytes) -> AsyncIterator[None]:
        """Waits for everybody who came before with the same key."""
        self._waiting[key] += 1
        try:
            async with self._locks[key]:
                yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._locks[key]


class Settle:
    """Finds what a domain event means for intents. It reads only; the caller lets the intents learn the facts.

    An event belongs to an intent when the node shows its transaction with the sender, target, calldata and value
    that were prepared. Most events belong to none, which is no error. `clock` gives the time in UTC.
    """

    def __init__(
        self, intents: Intents, chains: Chains, collections: Collections, clock: Callable[[], datetime]
    ) -> None:
        self._intents = intents
        self._chains = chains
        self._collections = collections
        self._clock = clock

    async def collection(self, seen: CollectionSeen) -> list[Settlement]:
        """The creation, and the mints that the catalog does not tell one by one while it catches up with history.

        Raises `Unavailable`.
        """
        chain_id, contract = seen.place.chain_id, seen.contract
        settlements = await self._creation(seen)
        for recipient in await self._intents.list_recipients(chain_id, contract):
            for place in await self._collections.list_mints(chain_id, contract, recipient):
                settlements += await self.token(TokenSeen(contract, recipient, place))
        return settlements

    async def _creation(self, seen: CollectionSeen) -> list[Settlement]:
        """Matched by the predicted address, so it works without any reported hash."""
        intent = await self._intents.find_creating(seen.place.chain_id, seen.contract)
        if intent is None or _is_later_change(intent, seen.place):
            return []
        facts = await self._look(intent, seen.place.tx_hash)
        if of_kind(facts, Refused):
            # A later change of the collection told of it first: the factory's transaction is another one.
            creation = await self._collections.find_creation(seen.place.chain_id, seen.contract)
            facts = await self._look(intent, creation) if creation else []
        mined = of_kind(facts, Mined)
        if not mined:
            return []
        place = Place(seen.place.chain_id, mined[0].tx_hash, mined[0].block_number, mined[0].block_hash)
        if place.tx_hash == seen.place.tx_hash:
            place = seen.place
        return [(intent, [Claimed(place.tx_hash, self._clock()), *facts, _indexed(place)])]

    async def token(self, seen: TokenSeen) -> list[Settlement]:
        """Matched by hash, or by contract and recipient where none was reported. The first event of a batch mint
        settles it: the catalog commits them together, and the receipt names all token ids. Raises `Unavailable`."""
        place = seen.place
        intents = await self._intents.list_minting(place.chain_id, seen.contract, seen.recipient, place.tx_hash)
        if not intents or any(_is_settled(intent, place) for intent in intents):
            return []
        sighting, confirmations = await self._chains.look(place.chain_id, place.tx_hash)
        told = [(i, facts_of(i, place.tx_hash, sighting, confirmations)) for i in intents]
        refused = [(i, facts) for i, facts in told if of_kind(facts, Refused) and place.tx_hash in i.live_hashes]
        return [*refused, *self._carried_out([(i, f) for i, f in told if of_kind(f, Proven)], place)]

    def _carried_out(self, fitting: Sequence[Settlement], place: Place) -> list[Settlement]:
        if not fitting:
            return []
        nonce = of_kind(fitting[0][1], Proven)[0].nonce
        chosen = carried_out([intent for intent, _ in fitting], place.tx_hash, nonce)
        if chosen is None:
            # Kept without a claim: whichever intent the client reports the hash for is complete at once.
            return [(intent, [*facts, _indexed(place)]) for intent, facts in fitting if not intent.live_hashes]
        claim = Claimed(place.tx_hash, self._clock())
        return [(intent, [claim, *facts, _indexed(place)]) for intent, facts in fitting if intent is chosen]

    async def _look(self, intent: Intent, tx_hash: bytes) -> list[Fact]:
        sighting, confirmations = await self._chains.look(intent.chain_id, tx_hash)
        return facts_of(intent, tx_hash, sighting, confirmations)


def _indexed(place: Place) -> Indexed:
    return Indexed(place.tx_hash, place.block_number, place.block_hash)


def _is_later_change(intent: Intent, place: Place) -> bool:
    """Whether a finished creation is told of again, because the collection changed or the message came twice."""
    if intent.state is not IntentState.INDEXED:
        return False
    return intent.standing.tx_hash != place.tx_hash or _is_settled(intent, place)


def _is_settled(intent: Intent, place: Place) -> bool:
    standing = intent.standing
    return _indexed(place) in intent.facts and standing.block_hash == place.block_hash
