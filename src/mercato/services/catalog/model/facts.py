"""Facts as they come from a chain, each with its position, and the batch that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from mercato.kit.ids import UINT256_MAX, ChainId


class Standard(IntEnum):
    """Numbered as in common.v1.Standard and in the tables."""

    UNKNOWN = 0
    ERC721 = 1
    ERC1155 = 2


WHOLE_COLLECTION = UINT256_MAX
"""The token id under which the sale terms of a whole collection stand."""


BEFORE_LOGS = -1
"""The log index of what stands in a block without being a log of it."""

NO_TRANSACTION = bytes(32)


class Block(NamedTuple):
    number: int
    hash: bytes
    mined_at: datetime


class Transfer(NamedTuple):
    """One token or some units change hands. `block` is an index into the batch's blocks; `sender` is None for a mint,
    `recipient` for a burn, `operator` and `amount` for ERC-721. `token_id` is canonical decimal text."""

    block: int
    log_index: int
    batch_index: int
    contract: bytes
    token_id: str
    sender: bytes | None
    recipient: bytes | None
    tx_hash: bytes
    operator: bytes | None
    amount: int | None


class Creation(NamedTuple):
    """A factory deployed a collection."""

    block: int
    tx_hash: bytes
    log_index: int
    factory: bytes
    contract: bytes
    creator: bytes
    standard: Standard
    salt: bytes
    name: str
    symbol: str
    base_uri: str
    contract_uri: str


class Import(NamedTuple):
    """Somebody asked for a contract that exists. No log says so, so it stands before all logs of its block."""

    block: int
    contract: bytes
    standard: Standard
    name: str
    symbol: str
    requested_by: bytes | None
    tx_hash: bytes = NO_TRANSACTION
    log_index: int = BEFORE_LOGS


class MintTerms(NamedTuple):
    """Sale terms; amounts in wei or units, times in Unix seconds, 0 for no limit."""

    token_id: int
    price: int
    max_supply: int
    per_wallet_limit: int
    starts_at: int
    ends_at: int
    allowlist_root: bytes
    payee: bytes


class RoleGrant(NamedTuple):
    role: bytes
    account: bytes
    granted: bool


class Ownership(NamedTuple):
    owner: bytes


class Royalty(NamedTuple):
    """ERC-2981 for the whole collection; `bps` in hundredths of a percent."""

    receiver: bytes
    bps: int


class Change(NamedTuple):
    """A collection was configured."""

    block: int
    tx_hash: bytes
    log_index: int
    contract: bytes
    value: MintTerms | RoleGrant | Ownership | Royalty


class Refresh(NamedTuple):
    """Metadata of a range of tokens changed (ERC-4906, ERC-1155 URI); both ends are part of it."""

    block: int
    contract: bytes
    first: int
    last: int


F = TypeVar("F", Transfer, Creation, Import, Change, Refresh)


@dataclass(frozen=True)
class Batch(Generic[F]):
    """Facts of one kind from some blocks of one chain. `generation` counts the chain's reorganisations up to when the
    facts were published; `catching_up` is True while history is read."""

    chain: ChainId
    blocks: Sequence[Block]
    generation: int
    catching_up: bool
    facts: Sequence[F]


class Cause(NamedTuple):
    """The event that makes us act: remembered per consumer, and the root of the ids of what we publish."""

    consumer: str
    event_id: str


@dataclass(frozen=True)
class Retraction:
    """Blocks that are no longer canonical, as the chain's reorganisation number `generation` (from 1) found."""

    chain: ChainId
    orphaned: Sequence[Block]
    ancestor: Block
    generation: int


@dataclass(frozen=True)
class Progress:
    """Every fact up to `indexed` has been published; those since `from_block` in the messages `after`.

    `from_block` is 0 when nothing is said of what lies before: a term of the indexer began.
    """

    chain: ChainId
    indexed: Block
    head: int
    safe: int
    finalized: int
    generation: int
    from_block: int
    after: Sequence[str]


class Trait(NamedTuple):
    name: str
    value: str
    kind: str


@dataclass(frozen=True)
class Resolution:
    """What resolving one token's URI gave: a document, or the UPPER_SNAKE reason why there is none."""

    token_id: str
    resolved_at: datetime
    failure: str = ""
    uri: str = ""
    name: str = ""
    description: str = ""
    image: str = ""
    animation_url: str = ""
    external_url: str = ""
    doc_id: str = ""
    traits: tuple[Trait, ...] = ()


class Position(NamedTuple):
    """Where in a chain something happened."""

    block: Block
    tx_hash: bytes
    log_index: int
    batch_index: int = 0
