"""What is pushed to watchers, past tense, one type for each body of `push.v1.Push`, and the cursors between them."""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import Position
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, TokenKey

_ENTRY = re.compile(r"\d{1,19}-\d{1,19}", re.ASCII)


class Event(msgspec.Struct, frozen=True):
    """Anything pushed: `event_id` is the id of what caused it, the same on every delivery; `cursor` is the place after
    it in its channel."""

    event_id: str
    pushed_at: datetime
    cursor: str


class Gap(msgspec.Struct, frozen=True):
    """Events before `cursor` may be missing: some are no longer kept, or the watcher asked where it begins."""

    cursor: str


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


def cursor_of(channel: str, entry: str) -> str:
    """The place after an entry of a channel's log, as clients get it; good for that channel only."""
    return cursors.encode(_tag(channel), entry)


def parse_cursor(channel: str, cursor: str) -> str:
    """The entry that a cursor stands after. Raises `InvalidArgument` INVALID_CURSOR, also for a cursor of another
    channel."""
    tag, entry = cursors.decode(cursor, 2) or ("", "")
    if tag != _tag(channel) or _ENTRY.fullmatch(entry) is None:
        raise InvalidArgument("INVALID_CURSOR", "use a cursor as an event of this very subscription gave it")
    return entry


def _tag(channel: str) -> str:
    return f"{zlib.crc32(channel.encode()):x}"


MY_EVENTS = (UserLoggedIn, WalletLinked, IntentChanged)
"""The members of the union `MyEvent`."""

MARKET_EVENTS = (CollectionUpserted, TokenUpserted, TokenTransferred, TokenEnriched, Retracted)
"""The members of the union `MarketEvent`."""
