"""What can be known about an intent's transaction, and the one standing that a set of such facts means.

Facts arrive in any order and any number of times: they are a set, and `standing` is a function of that set. So the
end state never depends on who was first, the receipt or the domain event, the track call or both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from mercato.kit.ids import TokenId


class IntentState(StrEnum):
    PREPARED = "PREPARED"
    SUBMITTED = "SUBMITTED"
    INCLUDED = "INCLUDED"
    CONFIRMED = "CONFIRMED"
    INDEXED = "INDEXED"
    FAILED = "FAILED"
    REPLACED = "REPLACED"
    DROPPED = "DROPPED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Claimed:
    """Somebody says that this transaction carries out the intent: the client, or we who found it on chain."""

    tx_hash: bytes
    at: datetime


@dataclass(frozen=True)
class Proven:
    """A node knows the transaction, and its sender, target, calldata and value are those of the intent."""

    tx_hash: bytes
    nonce: int


@dataclass(frozen=True)
class Refused:
    """The transaction cannot be this intent's. `why` is a clause for people: "its calldata differs …"."""

    tx_hash: bytes
    why: str


@dataclass(frozen=True)
class Mined:
    """A receipt: the transaction stands in this block. `failure` is empty when it succeeded."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    failure: str = ""
    token_ids: tuple[TokenId, ...] = ()


@dataclass(frozen=True)
class Confirmed:
    """As many blocks as the chain's policy asks for stand on this one, itself counted."""

    block_hash: bytes


@dataclass(frozen=True)
class Indexed:
    """The catalog holds what the transaction did in this block."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True)
class Orphaned:
    """This block is no longer canonical."""

    block_hash: bytes


@dataclass(frozen=True)
class Superseded:
    """In this block the sender used the nonce of `tx_hash` for `by`, which does something else."""

    tx_hash: bytes
    by: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True)
class Dropped:
    """No node has known the transaction for long."""

    tx_hash: bytes


@dataclass(frozen=True)
class Expired:
    """Nothing was sent in time."""


Fact = Claimed | Proven | Refused | Mined | Confirmed | Indexed | Orphaned | Superseded | Dropped | Expired
InBlock = Mined | Indexed | Superseded
"""Facts that fall with their block."""

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Standing:
    """Where an intent stands. `reason` (UPPER_SNAKE) is empty unless the state is an end other than INDEXED."""

    state: IntentState
    note: str
    reason: str = ""
    tx_hash: bytes | None = None
    block_number: int | None = None
    block_hash: bytes | None = None
    token_ids: tuple[TokenId, ...] = ()


def of_kind(facts: Iterable[Fact], kind: type[F]) -> list[F]:
    """Those of one kind."""
    return [fact for fact in facts if isinstance(fact, kind)]


def live_claims(facts: Iterable[Fact]) -> dict[bytes, datetime]:
    """Hashes that may carry out the intent, with the time each was first claimed."""
    facts = list(facts)
    refused = {f.tx_hash for f in of_kind(facts, Refused)}
    claims: dict[bytes, datetime] = {}
    for fact in of_kind(facts, Claimed):
        if fact.tx_hash not in refused:
            claims[fact.tx_hash] = min(fact.at, claims.get(fact.tx_hash, fact.at))
    return claims


def standing(facts: Iterable[Fact]) -> Standing:
    """The one state that a set of facts means, whatever order they came in.

    A transaction in a canonical block outweighs every opinion about what will not happen any more.
    """
    facts = list(facts)
    inclusion = _inclusion(facts)
    return _mined(facts, inclusion) if inclusion else _waiting(facts)


def show(tx_hash: bytes) -> str:
    """A hash as 0x-hex."""
    return "0x" + tx_hash.hex()


def _inclusion(facts: list[Fact]) -> Mined | None:
    """What counts: a successful transaction before a reverted one, the latest block, all copies merged."""
    live = live_claims(facts)
    orphaned = {f.block_hash for f in of_kind(facts, Orphaned)}
    # What the catalog holds was mined, whether or not a receipt was seen.
    implied = [Mined(f.tx_hash, f.block_number, f.block_hash) for f in of_kind(facts, Indexed)]
    found = [m for m in [*of_kind(facts, Mined), *implied] if m.tx_hash in live and m.block_hash not in orphaned]
    if not found:
        return None
    best = max(found, key=lambda m: (not m.failure, m.block_number, m.block_hash, m.tx_hash))
    copies = [m for m in found if (m.tx_hash, m.block_hash) == (best.tx_hash, best.block_hash)]
    token_ids = sorted({token_id for m in copies for token_id in m.token_ids})
    return replace(best, failure=max(m.failure for m in copies), token_ids=tuple(token_ids))


def _mined(facts: list[Fact], mined: Mined) -> Standing:
    where = f"transaction {show(mined.tx_hash)} in block {mined.block_number}"
    place = Standing(
        IntentState.INCLUDED, where, "", mined.tx_hash, mined.block_number, mined.block_hash, mined.token_ids
    )
    if mined.failure:
        return replace(place, state=IntentState.FAILED, note=mined.failure, reason="REVERTED")
    if Confirmed(mined.block_hash) not in facts:
        return place
    if Indexed(mined.tx_hash, mined.block_number, mined.block_hash) not in facts:
        return replace(place, state=IntentState.CONFIRMED)
    return replace(place, state=IntentState.INDEXED)


def pending_claims(facts: Iterable[Fact]) -> dict[bytes, datetime]:
    """Live claims that may still be mined: neither superseded nor dropped."""
    facts = list(facts)
    over = {f.tx_hash for f in _superseded(facts)} | {f.tx_hash for f in of_kind(facts, Dropped)}
    return {tx_hash: at for tx_hash, at in live_claims(facts).items() if tx_hash not in over}


def _superseded(facts: list[Fact]) -> list[Superseded]:
    orphaned = {f.block_hash for f in of_kind(facts, Orphaned)}
    return [f for f in of_kind(facts, Superseded) if f.block_hash not in orphaned]


def _waiting(facts: list[Fact]) -> Standing:
    live = live_claims(facts)
    superseded = {f.tx_hash for f in _superseded(facts)} & live.keys()
    dropped = {f.tx_hash for f in of_kind(facts, Dropped)} & live.keys()

    def latest(hashes: Iterable[bytes]) -> bytes:
        return max(hashes, key=lambda h: (live[h], h))

    if pending := pending_claims(facts):
        tx_hash = latest(pending)
        return Standing(IntentState.SUBMITTED, f"transaction {show(tx_hash)}", tx_hash=tx_hash)
    if superseded:
        tx_hash = latest(superseded)
        note = f"the sender used the nonce of {show(tx_hash)} for another transaction"
        return Standing(IntentState.REPLACED, note, "REPLACED", tx_hash)
    if dropped:
        tx_hash = latest(dropped)
        note = f"no node knows transaction {show(tx_hash)} any more; send it again or prepare a new one"
        return Standing(IntentState.DROPPED, note, "DROPPED", tx_hash)
    if Expired() in facts:
        return Standing(IntentState.EXPIRED, "no transaction was seen in time; prepare it again", "EXPIRED")
    return Standing(IntentState.PREPARED, _why_prepared(facts))


def _why_prepared(facts: list[Fact]) -> str:
    refused = max(((f.tx_hash, f.why) for f in of_kind(facts, Refused)), default=None)
    return "ready to sign" if refused is None else f"transaction {show(refused[0])} was refused: {refused[1]}"
