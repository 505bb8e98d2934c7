"""A transaction intent: what is to be signed, the facts known about it, and the timeline it went through.

    PREPARED ──▶ SUBMITTED ──▶ INCLUDED ──▶ CONFIRMED ──▶ INDEXED
       │           │    ▲          │            │            │
       │           │    └───────── ┴── reorg ───┴────────────┘
       │           ├──▶ PREPARED   the reported hash is another transaction
       │           ├──▶ FAILED     mined, but reverted
       │           ├──▶ REPLACED   the sender used the nonce for something else
       │           └──▶ DROPPED    no node knows the transaction any more
       └──────────────▶ EXPIRED    nothing was sent in time

The timeline moves one step at a time along `ARROWS`, whatever facts come at once. EXPIRED, REPLACED and DROPPED are
opinions about what will not happen any more; the chain has the last word, so a late transaction leads out of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mercato.intents.facts import (
    Claimed,
    Fact,
    InBlock,
    IntentState,
    Orphaned,
    Proven,
    Standing,
    live_claims,
    of_kind,
    pending_claims,
    show,
    standing,
)
from mercato.kit.ids import Address, ChainId, IntentId, TokenId, UserId, Wei, keccak256

_S = IntentState

ARROWS: dict[IntentState, tuple[IntentState, ...]] = {
    _S.PREPARED: (_S.SUBMITTED, _S.EXPIRED),
    _S.SUBMITTED: (_S.INCLUDED, _S.FAILED, _S.REPLACED, _S.DROPPED, _S.PREPARED),
    _S.INCLUDED: (_S.CONFIRMED, _S.SUBMITTED),
    _S.CONFIRMED: (_S.INDEXED, _S.SUBMITTED),
    _S.INDEXED: (_S.SUBMITTED,),
    _S.FAILED: (_S.SUBMITTED,),
    _S.REPLACED: (_S.SUBMITTED,),
    _S.DROPPED: (_S.SUBMITTED,),
    _S.EXPIRED: (_S.SUBMITTED,),
}
"""Every step a timeline may take."""

MINED = frozenset({_S.INCLUDED, _S.CONFIRMED, _S.INDEXED, _S.FAILED})
"""States that stand on a block."""


class IntentKind(StrEnum):
    CREATE_COLLECTION = "CREATE_COLLECTION"
    MINT_721 = "MINT_721"
    MINT_1155 = "MINT_1155"


@dataclass(frozen=True)
class UnsignedTransaction:
    """What a wallet signs (EIP-1559), but for nonce and signature. Fees are wei per unit of gas."""

    to: Address
    data: bytes
    value: Wei
    gas_limit: int
    max_fee_per_gas: Wei
    max_priority_fee_per_gas: Wei


@dataclass(frozen=True)
class Step:
    """A state reached, with what was visible at that moment, so that it can be shown again as it was."""

    state: IntentState
    at: datetime
    version: int
    note: str
    reason: str = ""
    tx_hash: bytes | None = None
    block_number: int | None = None


@dataclass(frozen=True)
class Intent:
    """`contract` is where the collection will stand (CREATE2), or the collection minted from; `recipient` is who
    receives a mint. `first_nonce` is the sender's next one when the intent was prepared: what has a lower one was sent
    for something else, however equal it looks. `version` grows with each visible change, by one for each step."""

    id: IntentId
    user_id: UserId
    kind: IntentKind
    chain_id: ChainId
    sender: Address
    transaction: UnsignedTransaction
    contract: Address
    recipient: Address | None
    first_nonce: int
    created_at: datetime
    expires_at: datetime
    facts: frozenset[Fact]
    timeline: tuple[Step, ...]
    version: int
    pushed_version: int

    @property
    def standing(self) -> Standing:
        """What the facts mean."""
        return standing(self.facts)

    @property
    def state(self) -> IntentState:
        """The last one of the timeline."""
        return self.timeline[-1].state

    @property
    def live_hashes(self) -> tuple[bytes, ...]:
        """Every transaction that may carry out this intent, first claimed first."""
        return _by_time(live_claims(self.facts))

    @property
    def pending_hashes(self) -> tuple[bytes, ...]:
        """Those of them that may still be mined."""
        return _by_time(pending_claims(self.facts))

    def nonce_of(self, tx_hash: bytes) -> int | None:
        """Known once a node has shown the transaction."""
        return next((f.nonce for f in of_kind(self.facts, Proven) if f.tx_hash == tx_hash), None)

    def is_proven(self, tx_hash: bytes) -> bool:
        """Whether a node has shown the transaction as this intent's."""
        return self.nonce_of(tx_hash) is not None

    @property
    def blocks(self) -> dict[bytes, int]:
        """Number by hash of every block that some fact stands on."""
        return {f.block_hash: f.block_number for f in self.facts if isinstance(f, InBlock)}

    def learn(self, facts: Iterable[Fact], at: datetime) -> Intent:
        """The intent with more facts known at `at`, its timeline taken step by step to what they mean."""
        return self._with(self.facts | self._unknown(facts), at)

    def restore(self, block_hash: bytes, at: datetime) -> Intent:
        """The intent after a node showed that a block counted as orphaned is canonical again."""
        return self._with(self.facts - {Orphaned(block_hash)}, at)

    def _unknown(self, facts: Iterable[Fact]) -> frozenset[Fact]:
        """A claim differs by its time only: the first one stays."""
        claimed = {f.tx_hash for f in of_kind(self.facts, Claimed)}
        return frozenset(f for f in facts if not (isinstance(f, Claimed) and f.tx_hash in claimed))

    def _with(self, facts: frozenset[Fact], at: datetime) -> Intent:
        if facts == self.facts:
            return self
        before, after = self.standing, standing(facts)
        steps = _steps(self.timeline[-1], before, after, max(at, self.timeline[-1].at), self.version)
        version = self.version + len(steps)
        if not steps and _visible(before) != _visible(after):
            version += 1
        return replace(self, facts=facts, timeline=(*self.timeline, *steps), version=version)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """What is still to be pushed, in order: the intent as it was at each step, then the present one when it
        changed without a step."""
        steps = [(i, s) for i, s in enumerate(self.timeline) if s.version > self.pushed_version]
        past = tuple(Snapshot(self, self.timeline[: i + 1], s.version) for i, s in steps)
        if self.version > max(self.pushed_version, self.timeline[-1].version):
            return (*past, self.present)
        return past

    @property
    def present(self) -> Snapshot:
        """The intent as it is now."""
        return Snapshot(self, self.timeline, self.version)


@dataclass(frozen=True)
class Snapshot:
    """An intent as it was when its timeline ended with a given step."""

    intent: Intent
    timeline: tuple[Step, ...]
    version: int

    @property
    def last(self) -> Step:
        """The step it ended with."""
        return self.timeline[-1]

    @property
    def _is_present(self) -> bool:
        return len(self.timeline) == len(self.intent.timeline)

    @property
    def tx_hash(self) -> bytes | None:
        """The transaction followed at that time."""
        return self.intent.standing.tx_hash if self._is_present else self.last.tx_hash

    @property
    def token_ids(self) -> tuple[TokenId, ...]:
        """What a mint made; empty before INDEXED."""
        return self.intent.standing.token_ids if self._is_present and self.last.state is _S.INDEXED else ()


def prepared(
    *,
    intent_id: IntentId,
    user_id: UserId,
    kind: IntentKind,
    chain_id: ChainId,
    sender: Address,
    transaction: UnsignedTransaction,
    contract: Address,
    recipient: Address | None,
    first_nonce: int,
    at: datetime,
    expires_at: datetime,
) -> Intent:
    """A new intent; its timeline starts with PREPARED."""
    nothing = standing(())
    first = Step(nothing.state, at, 1, nothing.note)
    return Intent(
        intent_id, user_id, kind, chain_id, sender, transaction, contract, recipient, first_nonce, at, expires_at,
        facts=frozenset(), timeline=(first,), version=1, pushed_version=0,
    )  # fmt: skip


def salt_of(intent_id: IntentId) -> bytes:
    """The CREATE2 salt of the collection that an intent creates: 32 bytes, another one for each intent."""
    return keccak256(b"mercato collection " + intent_id.bytes)


def is_confirmed(block_number: int, head: int, confirmations: int) -> bool:
    """Whether enough blocks stand on a block, itself counted."""
    return head - block_number + 1 >= max(1, confirmations)


def _by_time(claims: dict[bytes, datetime]) -> tuple[bytes, ...]:
    return tuple(sorted(claims, key=lambda h: (claims[h], h)))


def _visible(place: Standing) -> tuple[object, ...]:
    return (place.state, place.tx_hash, place.block_number, place.block_hash, place.token_ids, place.reason)


def _steps(last: Step, before: Standing, after: Standing, at: datetime, version: int) -> list[Step]:
    """The way from one standing to the next; a transaction that moved to another block goes back first."""
    moved = before.block_hash is not None and (before.block_hash, before.tx_hash) != (after.block_hash, after.tx_hash)
    states = [_S.SUBMITTED] if moved and after.state is not _S.SUBMITTED else []
    states += _path(states[-1] if states else last.state, after.state)
    steps: list[Step] = []
    for state in states:
        version += 1
        fallen = state is _S.SUBMITTED and not steps and before.block_number is not None
        steps.append(_fallen(before, at, version) if fallen else _step(state, before, after, at, version))
    return steps


def _path(start: IntentState, end: IntentState) -> list[IntentState]:
    """The shortest way along `ARROWS`, without its start."""
    ways: deque[list[IntentState]] = deque([[start]])
    while ways[0][-1] is not end:
        way = ways.popleft()
        ways.extend([*way, state] for state in ARROWS[way[-1]] if state not in way)
    return ways[0][1:]


def _fallen(before: Standing, at: datetime, version: int) -> Step:
    note = f"block {before.block_number} is no longer canonical"
    return Step(_S.SUBMITTED, at, version, note, tx_hash=before.tx_hash)


def _step(state: IntentState, before: Standing, after: Standing, at: datetime, version: int) -> Step:
    note = after.note if state is after.state else ""
    match state:
        case _S.SUBMITTED:
            note = f"transaction {show(after.tx_hash)}" if after.tx_hash else after.note
        case _S.INCLUDED:
            note = f"transaction {show(after.tx_hash or b'')} in block {after.block_number}"
            if before.tx_hash not in (None, after.tx_hash):
                note += f", in place of {show(before.tx_hash or b'')}"
        case _S.CONFIRMED:
            note = f"enough blocks stand on block {after.block_number}"
        case _S.INDEXED:
            note = f"the catalog holds block {after.block_number}"
    reason = after.reason if state is after.state else ""
    block = after.block_number if state in MINED else None
    return Step(state, at, version, note, reason, after.tx_hash, block)
