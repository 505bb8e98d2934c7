"""Collections, tokens, who holds them and what happened to them; absent things are None."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import Position, ReadPoint
from mercato.services.gateway.model.keys import CollectionKey, TokenKey
from mercato.services.gateway.model.moments import from_seconds


class Royalty(msgspec.Struct, frozen=True):
    receiver: Address
    bps: int


class MintConfig(msgspec.Struct, frozen=True):
    """Sale terms; None stands for no limit, no bound, no allowlist, no payee."""

    price: int
    max_supply: int | None = None
    per_wallet_limit: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    allowlist_root: bytes | None = None
    payee: Address | None = None


class CollectionRole(msgspec.Struct, frozen=True):
    role: bytes
    name: str | None
    account: Address


class CollectionBinding(msgspec.Struct, frozen=True):
    kind: str
    source: Address | None
    tx_hash: bytes | None
    block_number: int


class Collection(msgspec.Struct, frozen=True):
    key: CollectionKey
    standard: str | None
    name: str
    symbol: str
    base_uri: str | None
    contract_uri: str | None
    creator: Address | None
    owner: Address | None
    royalty: Royalty | None
    mint_config: MintConfig | None
    roles: list[CollectionRole]
    bindings: list[CollectionBinding]
    token_count: int
    supply: int
    holder_count: int
    created_block: int
    created_at: datetime | None
    as_of: ReadPoint | None = None

    @property
    def chain_id(self) -> ChainId:
        return self.key.chain_id

    @property
    def contract(self) -> Address:
        return self.key.contract


class TokenTrait(msgspec.Struct, frozen=True):
    name: str
    value: str


class _OfToken(msgspec.Struct, frozen=True):
    """What belongs to one token."""

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


class Token(_OfToken, frozen=True):
    standard: str | None
    owner: Address | None
    supply: int
    uri: str | None
    name: str | None
    description: str | None
    image: str | None
    animation_url: str | None
    traits: list[TokenTrait]
    metadata_state: str
    flags: list[str]
    minted_block: int
    minted_seconds: int
    """Unix time, 0 for unknown; what a page of tokens is rarely asked for is made when it is."""
    as_of: ReadPoint | None = None

    @property
    def minted_at(self) -> datetime | None:
        return from_seconds(self.minted_seconds)


class Balance(_OfToken, frozen=True):
    balance_id: str
    owner: Address
    amount: int
    updated_block: int


class Transfer(_OfToken, frozen=True):
    transfer_id: str
    from_account: Address
    to_account: Address
    operator: Address | None
    amount: int
    position: Position


class Activity(msgspec.Struct, frozen=True):
    activity_id: str
    kind: str
    chain_id: ChainId
    contract: Address
    token_id: int | None
    from_account: Address | None
    to_account: Address | None
    amount: int | None
    position: Position
    occurred_at: datetime | None


class Moderation(msgspec.Struct, frozen=True):
    """A flag that was put up or given another reason (`raised`), or taken off."""

    moderation_id: str
    flag: str
    raised: bool
    reason: str | None
    done_by: str
    at: datetime
