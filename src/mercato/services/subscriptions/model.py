"""What is read from events, and the rule which intent a mined transaction carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mercato.intents.facts import IntentState
from mercato.intents.model import Intent
from mercato.kit.ids import Address, ChainId


@dataclass(frozen=True)
class Place:
    """The transaction and block that a domain event tells of."""

    chain_id: ChainId
    tx_hash: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True)
class CollectionSeen:
    """The catalog holds a collection; `place` is what changed it last."""

    contract: Address
    place: Place


@dataclass(frozen=True)
class TokenSeen:
    """The catalog holds a mint of `contract` to `recipient`."""

    contract: Address
    recipient: Address
    place: Place


def carried_out(candidates: Sequence[Intent], tx_hash: bytes, nonce: int) -> Intent | None:
    """The intent among `candidates` that a transaction carried out; None when that cannot be told.

    All of them ask for exactly this transaction (sender, target, calldata, value). One that claims the hash comes
    first; then one whose claimed transaction has the same nonce and was sped up; then the only one that waits for a
    transaction. Of several that wait, only the client knows which it meant: it will report the hash.
    """
    claiming = [i for i in candidates if tx_hash in i.live_hashes]
    if claiming:
        return min(claiming, key=lambda i: (not i.is_proven(tx_hash), i.id))
    nonces = {i.id: {i.nonce_of(h) for h in i.live_hashes} - {None} for i in candidates}
    for intent in candidates:
        if nonce in nonces[intent.id]:
            return intent
    free = [i for i in candidates if not nonces[i.id]]
    waiting = [i for i in free if i.state is IntentState.PREPARED] or free
    return waiting[0] if len(waiting) == 1 else None
