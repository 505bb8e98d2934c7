"""What is pushed to watchers, past tense, one type for each body of `push.v1.Push`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import Position
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, TokenKey


class Event(msgspec.Struct, frozen=True):
    """Anything pushed: `event_id` is the id of what caused it, the same on every delivery."""

    event_id: str
    pushed_at: datetime


class UserLoggedIn(Event, frozen=True):
    user_id: UUID
    session_id: str
    address: Address
    chain_id: ChainId
    occurred_at: datetime | None


class WalletLinked(Event, frozen=True):
    wallet_id: str
    address: Address
    chain_id: ChainId
    primary: bool
    occurred_at: datetime | None


class IntentChanged(Event, frozen=True):
    intent: Intent


class CollectionUpserted(Event, frozen=True):
    key: CollectionKey
    name: str
    position: Position | None

    @property
    def chain_id(self) -> ChainId:
        return self.key.chain_id

    @property
    def contract(self) -> Address:
        return self.key.contract


class _OfToken(Event, frozen=True):
    """What happened to one token."""

    key: TokenKey

    @property
    def chain_id(self) -> ChainId:
        return self.key.chain_id

    @property
    def contract(self) -> Address:
        return self.key.contract

    @property
    def token_id(self) -> int:
        return self.key.token_id


class TokenUpserted(_OfToken, frozen=True):
    owner: Address | None
    amount: int
    position: Position | None


class TokenTransferred(_OfToken, frozen=True):
    from_account: Address | None
    to_account: Address | None
    amount: int
    position: Position | None


class TokenEnriched(_OfToken, frozen=True):
    name: str | None


class Retracted(Event, frozen=True):
    chain_id: ChainId
    from_block: int


MY_EVENTS = (UserLoggedIn, WalletLinked, IntentChanged)
"""The members of the union `MyEvent`."""

MARKET_EVENTS = (CollectionUpserted, TokenUpserted, TokenTransferred, TokenEnriched, Retracted)
"""The members of the union `MarketEvent`."""
