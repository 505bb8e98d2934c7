"""What a log says happened.

Facts are made by the ten thousand a second: flat structs outside the garbage collector's sight (they hold no
cycles), addresses and hashes as bytes of 20 and 32, ids and amounts as `int`. Facts of one block share its `BlockRef`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

import msgspec

from mercato.evm.logs.raw import RawLog


class Standard(IntEnum):
    """The token standard of a contract, by its ERC number."""

    ERC721 = 721
    ERC1155 = 1155


class BlockRef(msgspec.Struct, frozen=True, gc=False):
    """The block of a fact."""

    number: int
    hash: bytes
    timestamp: int | None
    """Seconds since the Unix epoch; None when the node's logs do not tell and the header must be asked."""


class Position(NamedTuple):
    """Where in a chain a fact stands: unique together with the chain, the same on every node."""

    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int
    batch_index: int


class LogFact(msgspec.Struct, frozen=True, gc=False):
    """What all facts have. `contract` is the one that logged it."""

    block: BlockRef
    tx_hash: bytes
    log_index: int
    contract: bytes

    @property
    def position(self) -> Position:
        return Position(self.block.number, self.block.hash, self.tx_hash, self.log_index, 0)


class TransferFact(LogFact, frozen=True, gc=False):
    """`amount` of one token id moved; from the zero address is a mint, to it a burn."""

    batch_index: int
    """Index in a TransferBatch; 0 for all others."""

    standard: Standard
    operator: bytes | None
    """Who moved it; ERC-721 does not tell."""

    from_: bytes
    to: bytes
    token_id: int
    amount: int
    """1 in ERC-721; in ERC-1155 anything, 0 included."""

    @property
    def position(self) -> Position:
        return Position(self.block.number, self.block.hash, self.tx_hash, self.log_index, self.batch_index)


class ConsecutiveTransferFact(LogFact, frozen=True, gc=False):
    """All ERC-721 tokens from `first` to `last`, both included, moved (ERC-2309). The range can be absurdly long."""

    first: int
    last: int
    from_: bytes
    to: bytes


class ApprovalForAllFact(LogFact, frozen=True, gc=False):
    """`operator` may (or may no longer) move every token of `owner` in this contract."""

    owner: bytes
    operator: bytes
    approved: bool


class TokenApprovalFact(LogFact, frozen=True, gc=False):
    """`operator` may move one ERC-721 token; the zero address: nobody may. A transfer clears it without a log."""

    owner: bytes
    operator: bytes
    token_id: int


class MetadataRefreshFact(LogFact, frozen=True, gc=False):
    """Metadata changed: of tokens `first` to `last`, both included; of the contract itself when both are None."""

    first: int | None
    last: int | None
    """2^256-1 from a range that means the whole collection."""

    uri: str | None
    """The new URI where the event carries it (ERC-1155)."""


class OwnershipFact(LogFact, frozen=True, gc=False):
    """The contract's owner changed (ERC-173)."""

    previous: bytes
    owner: bytes


class RoleFact(LogFact, frozen=True, gc=False):
    """A role of the contract was granted or revoked."""

    role: bytes
    account: bytes
    granted: bool


class CollectionCreatedFact(LogFact, frozen=True, gc=False):
    """The factory (`contract`) made a collection."""

    collection: bytes
    creator: bytes
    standard: Standard
    salt: bytes
    name: str
    symbol: str
    base_uri: str
    contract_uri: str


class MintConfig(msgspec.Struct, frozen=True, gc=False):
    """The sale terms as the contract holds them: wei, Unix seconds, 0 for "no limit"."""

    price: int
    max_supply: int
    per_wallet_limit: int
    starts_at: int
    ends_at: int
    allowlist_root: bytes
    payee: bytes


class MintConfigFact(LogFact, frozen=True, gc=False):
    """The sale terms of a token id changed; id 2^256-1 stands for the whole collection."""

    token_id: int
    config: MintConfig


class RoyaltyFact(LogFact, frozen=True, gc=False):
    """The collection-wide royalty changed, in hundredths of a percent (ERC-2981)."""

    receiver: bytes
    bps: int


class SeaportRaw(LogFact, frozen=True, gc=False):
    """An event under one of Seaport's topics, from whatever contract, not decoded."""

    topics: tuple[bytes, ...]
    data: bytes


class Undecodable(msgspec.Struct, frozen=True, gc=False):
    """A log under a known topic that does not keep to that event's layout."""

    log: RawLog
    reason: str
    """UPPER_SNAKE, for counting."""


Fact = LogFact | Undecodable


def count_undecodable(facts: Iterable[Fact]) -> Counter[str]:
    """How many logs were undecodable, by reason."""
    return Counter(fact.reason for fact in facts if isinstance(fact, Undecodable))
