"""Transaction intents as the orchestrator answers them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kit.ids import Address, ChainId


class UnsignedTransaction(msgspec.Struct, frozen=True):
    chain_id: ChainId
    to: Address
    data: bytes
    value: int
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int

    @property
    def chain_number(self) -> int:
        return int(self.chain_id)


class IntentStep(msgspec.Struct, frozen=True):
    state: str
    at: datetime
    note: str | None


class IntentFailure(msgspec.Struct, frozen=True):
    reason: str
    message: str


class Intent(msgspec.Struct, frozen=True):
    intent_id: UUID
    user_id: UUID
    kind: str
    state: str
    chain_id: ChainId
    sender: Address
    transaction: UnsignedTransaction
    contract: Address
    token_ids: list[int]
    tx_hash: bytes | None
    block_number: int | None
    failure: IntentFailure | None
    timeline: list[IntentStep]
    version: int
    expires_at: datetime | None


class Prepared(msgspec.Struct, frozen=True):
    """`created` is False when an earlier call with the same idempotency key made the intent."""

    intent: Intent
    created: bool
