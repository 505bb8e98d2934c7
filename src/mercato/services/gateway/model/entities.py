"""What the API shows, as plain values: ids and units typed, times in UTC, absent things None."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from mercato.kit.ids import Address, ChainId

T = TypeVar("T")


class CollectionKey(NamedTuple):
    """A contract on a chain."""

    chain_id: ChainId
    contract: Address


class TokenKey(NamedTuple):
    """A token of a contract on a chain."""

    chain_id: ChainId
    contract: Address
    token_id: int


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list: `cursors` has one entry for each of `items`; `after` is what the caller asked from."""

    items: list[T]
    cursors: list[str]
    has_next_page: bool
    end_cursor: str | None
    after: str | None


class PageQuery(NamedTuple):
    """Which page: `first` rows after the cursor `after`."""

    first: int
    after: str | None


class ReadPoint(msgspec.Struct, frozen=True):
    chain_id: ChainId
    block_number: int
    block_hash: bytes
    observed_at: datetime | None


class IndexerStatus(msgspec.Struct, frozen=True):
    chain_id: ChainId
    state: str
    reason: str | None
    head: int
    indexed: int
    indexed_hash: bytes | None
    finalized: int
    observed_at: datetime | None

    @property
    def lag(self) -> int:
        """Blocks between what the node has and what is published."""
        return max(0, self.head - self.indexed)


class Position(msgspec.Struct, frozen=True):
    block_number: int
    block_hash: bytes
    block_time: datetime | None
    tx_hash: bytes
    log_index: int
    batch_index: int


class Currency(msgspec.Struct, frozen=True):
    symbol: str
    decimals: int


class ChainContract(msgspec.Struct, frozen=True):
    kind: str
    address: Address
    deployed_block: int


class Chain(msgspec.Struct, frozen=True):
    """The public view of a chain. `local_rpc_url` is set only for a node on the loopback address without headers,
    which is the local play chain; no other endpoint leaves the services."""

    chain_id: ChainId
    name: str
    currency: Currency
    explorer_url: str | None
    enabled: bool
    contracts: list[ChainContract]
    confirmations: int
    finality_depth: int
    local_rpc_url: str | None = None

    @property
    def number(self) -> int:
        return int(self.chain_id)


class Profile(msgspec.Struct, frozen=True):
    handle: str | None
    display_name: str | None
    bio: str | None
    avatar_uri: str | None


class User(msgspec.Struct, frozen=True):
    user_id: UUID
    address: Address
    profile: Profile
    created_at: datetime


class Wallet(msgspec.Struct, frozen=True):
    wallet_id: str
    user_id: UUID
    address: Address
    chain_id: ChainId
    primary: bool
    linked_at: datetime | None
    last_seen_at: datetime | None


class Session(msgspec.Struct, frozen=True):
    session_id: str
    address: Address
    chain_id: ChainId
    ip: str | None
    user_agent: str | None
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    current: bool = False


class Principal(msgspec.Struct, frozen=True):
    """Who an access token speaks for."""

    user_id: UUID
    session_id: str
    address: Address
    chain_id: ChainId
    roles: tuple[str, ...]
    expires_at: datetime


class Client(NamedTuple):
    """Where a request comes from, for the sign-in log and its limits."""

    ip: str
    user_agent: str


class Nonce(msgspec.Struct, frozen=True):
    nonce: str
    message: str
    expires_at: datetime


class SessionTokens(msgspec.Struct, frozen=True):
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime


class SignIn(msgspec.Struct, frozen=True):
    tokens: SessionTokens
    user_id: UUID
    address: Address
    chain_id: ChainId
    new_user: bool


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
    minted_at: datetime | None


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


class Asset(msgspec.Struct, frozen=True):
    cid: str
    uri: str
    content_type: str
    size: int
    width: int | None
    height: int | None
    created_at: datetime | None


class MetadataDocument(msgspec.Struct, frozen=True):
    uri: str
    json: Any
    created_at: datetime | None


class MetadataFolder(msgspec.Struct, frozen=True):
    cid: str
    uri: str
