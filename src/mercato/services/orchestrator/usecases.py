"""What the orchestrator can do: prepare a transaction once, and follow the hash that the client reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from mercato.evm.create2 import predict_collection_address
from mercato.intents.facts import Claimed, Fact, Refused
from mercato.intents.model import MINED, Intent, IntentKind, UnsignedTransaction, prepared, salt_of
from mercato.kit.errors import Conflict, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from mercato.kit.ids import Address, ChainId, IntentId, UserId, Wei
from mercato.services.orchestrator.model import (
    Caller,
    Mint,
    NewCollection,
    Standard,
    body_hash,
    check_caller,
    check_collection,
    check_mint,
)

COLLECTION_KINDS = (IntentKind.CREATE_COLLECTION,)
MINT_KINDS = (IntentKind.MINT_721, IntentKind.MINT_1155)

MOST_HASHES = 10
"""Transactions one intent may claim: a few speed-ups, not a way to fill our tables."""

_NO_SALT = bytes(32)


class Intents(Protocol):
    """Where intents are kept."""

    async def get(self, intent_id: UUID, user_id: UUID) -> Intent: ...
    async def find_prepared(self, user_id: UUID, key: str, body_hash: bytes) -> Intent | None: ...
    async def add(self, intent: Intent, key: str, body_hash: bytes) -> tuple[Intent, bool]: ...
    async def list_claiming(self, chain_id: ChainId, tx_hash: bytes) -> list[Intent]: ...
    async def learn(self, intent: Intent, facts: Sequence[Fact]) -> Intent: ...


class Chains(Protocol):
    """What nodes and the registry say; see `rpc.ChainsClient`."""

    async def factory(self, chain_id: ChainId, standard: Standard) -> tuple[Address, Address]: ...
    async def price(self, mint: Mint) -> Wei: ...
    async def to_sign(
        self, chain_id: ChainId, sender: Address, to: Address, data: bytes, value: Wei
    ) -> tuple[UnsignedTransaction, int]: ...
    async def look(self, intent: Intent, tx_hash: bytes) -> list[Fact]: ...


class Collections(Protocol):
    """What the catalog knows."""

    async def find_standard(self, chain_id: ChainId, contract: Address) -> Standard | None: ...


class Prepare:
    """Makes unsigned transactions: one for each (user, idempotency key), however often it is asked for.

    `clock` gives the time in UTC, `new_id` a new intent id; an intent waits `lifetime` for its transaction.
    """

    def __init__(
        self,
        intents: Intents,
        chains: Chains,
        collections: Collections,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        lifetime: timedelta,
    ) -> None:
        self._intents = intents
        self._chains = chains
        self._collections = collections
        self._clock = clock
        self._new_id = new_id
        self._lifetime = lifetime

    async def create_collection(self, caller: Caller, new: NewCollection) -> tuple[Intent, bool]:
        """The intent, and whether this call made it.

        Raises `InvalidArgument` with the rule broken, `Conflict` IDEMPOTENCY_KEY_REUSED, and what `Chains` raises.
        """
        check_caller(caller)
        check_collection(new, int(self._clock().timestamp()))
        kind = IntentKind.CREATE_COLLECTION
        digest = body_hash(kind, new.chain_id, caller, b"", new.calldata(_NO_SALT))
        if kept := await self._intents.find_prepared(caller.user_id, caller.idempotency_key, digest):
            return kept, False
        factory, implementation = await self._chains.factory(new.chain_id, new.standard)
        intent_id = IntentId(self._new_id())
        salt = salt_of(intent_id)
        transaction, nonce = await self._chains.to_sign(
            new.chain_id, caller.wallet, factory, new.calldata(salt), Wei(0)
        )
        now = self._clock()
        intent = prepared(
            intent_id=intent_id,
            user_id=caller.user_id,
            kind=kind,
            chain_id=new.chain_id,
            sender=caller.wallet,
            transaction=transaction,
            contract=predict_collection_address(factory, implementation, caller.wallet, salt),
            recipient=None,
            first_nonce=nonce,
            at=now,
            expires_at=now + self._lifetime,
        )
        return await self._intents.add(intent, caller.idempotency_key, digest)

    async def mint(self, caller: Caller, mint: Mint) -> tuple[Intent, bool]:
        """The intent, and whether this call made it.

        Raises `InvalidArgument` with the rule broken or WRONG_STANDARD, `NotFound` UNKNOWN_COLLECTION, `Conflict`
        IDEMPOTENCY_KEY_REUSED, and what `Chains` raises.
        """
        check_caller(caller)
        check_mint(mint)
        kind = mint.standard.mint_kind
        digest = body_hash(kind, mint.chain_id, caller, mint.contract, mint.calldata)
        if kept := await self._intents.find_prepared(caller.user_id, caller.idempotency_key, digest):
            return kept, False
        await self._check_standard(mint)
        value = await self._chains.price(mint)
        transaction, nonce = await self._chains.to_sign(
            mint.chain_id, caller.wallet, mint.contract, mint.calldata, value
        )
        now = self._clock()
        intent = prepared(
            intent_id=IntentId(self._new_id()),
            user_id=caller.user_id,
            kind=kind,
            chain_id=mint.chain_id,
            sender=caller.wallet,
            transaction=transaction,
            contract=mint.contract,
            recipient=mint.recipient,
            first_nonce=nonce,
            at=now,
            expires_at=now + self._lifetime,
        )
        return await self._intents.add(intent, caller.idempotency_key, digest)

    async def _check_standard(self, mint: Mint) -> None:
        standard = await self._collections.find_standard(mint.chain_id, mint.contract)
        if standard is None:
            raise NotFound(
                "UNKNOWN_COLLECTION", f"{mint.contract} is no collection on {mint.chain_id.caip2} that is known here"
            )
        if standard is not mint.standard:
            raise InvalidArgument(
                "WRONG_STANDARD",
                f"{mint.contract} is an ERC-{standard.value} collection; use prepareMint{standard.value}",
                standard=standard.name,
            )


class Track:
    """Takes the hash that a client says carries out its intent. `clock` gives the time in UTC."""

    def __init__(self, intents: Intents, chains: Chains, clock: Callable[[], datetime]) -> None:
        self._intents = intents
        self._chains = chains
        self._clock = clock

    async def __call__(
        self, user_id: UserId, intent_id: IntentId, tx_hash: bytes, kinds: Sequence[IntentKind]
    ) -> Intent:
        """The intent as it is then; the same hash twice changes nothing.

        What a node knows of the transaction already is checked at once, the rest by the watcher. Raises `NotFound`
        INTENT_NOT_FOUND; `FailedPrecondition` WRONG_INTENT_KIND, INTENT_ALREADY_MINED or TOO_MANY_TRANSACTIONS;
        `InvalidArgument` INVALID_HASH or TX_MISMATCH; `Conflict` TX_ALREADY_TRACKED.
        """
        if len(tx_hash) != 32:
            raise InvalidArgument("INVALID_HASH", "a transaction hash has 32 bytes")
        intent = await self._intents.get(intent_id, user_id)
        if intent.kind not in kinds:
            raise FailedPrecondition(
                "WRONG_INTENT_KIND", f"this intent is a {intent.kind.value}; track it with the call for that kind"
            )
        if tx_hash in intent.live_hashes:
            return intent
        _check_open(intent)
        seen = await self._look(intent, tx_hash)
        await self._check_free(intent, tx_hash)
        changed = await self._intents.learn(intent, [Claimed(tx_hash, self._clock()), *seen])
        if seen and tx_hash not in changed.live_hashes:
            raise _taken()
        return changed

    async def _look(self, intent: Intent, tx_hash: bytes) -> list[Fact]:
        try:
            seen = await self._chains.look(intent, tx_hash)
        except Unavailable:
            return []  # the watcher looks again
        for fact in seen:
            if isinstance(fact, Refused):
                raise InvalidArgument("TX_MISMATCH", f"this transaction is not the one prepared: {fact.why}")
        return seen

    async def _check_free(self, intent: Intent, tx_hash: bytes) -> None:
        for other in await self._intents.list_claiming(intent.chain_id, tx_hash):
            if other.id != intent.id and other.is_proven(tx_hash):
                raise _taken()


def _check_open(intent: Intent) -> None:
    if intent.state in MINED:
        raise FailedPrecondition(
            "INTENT_ALREADY_MINED",
            f"another transaction of this intent was mined ({intent.state.value}); prepare a new intent",
            state=intent.state.value,
        )
    if len(intent.live_hashes) >= MOST_HASHES:
        raise FailedPrecondition("TOO_MANY_TRANSACTIONS", f"an intent follows at most {MOST_HASHES} transactions")


def _taken() -> Conflict:
    return Conflict("TX_ALREADY_TRACKED", "this transaction carries out another intent")
