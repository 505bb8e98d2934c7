"""Chains, places in them, and how far they are read."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mercato.kit.ids import Address, ChainId


class ReadPoint(msgspec.Struct, frozen=True):
    """A block that rows are true at. `safe` and `finalized` are the newest blocks of that finality, None where nothing
    is known since a fork."""

    chain_id: ChainId
    block_number: int
    block_hash: bytes
    observed_at: datetime | None
    block_time: datetime | None = None
    finality: str = "LATEST"
    safe: int | None = None
    finalized: int | None = None

    def finality_of(self, number: int) -> str:
        """Of another block of the chain, as this read knows it."""
        if self.finalized is not None and number <= self.finalized:
            return "FINALIZED"
        return "SAFE" if self.safe is not None and number <= self.safe else "LATEST"


class IndexerStatus(msgspec.Struct, frozen=True):
    chain_id: ChainId
    state: str
    reason: str | None
    head: int
    indexed: int
    indexed_hash: bytes | None
    finalized: int
    observed_at: datetime | None
    seen: int = 0
    head_time: datetime | None = None

    @property
    def lag(self) -> int:
        """Blocks between what the node has and what is published."""
        return max(0, self.head - self.indexed)


class CollectionImport(msgspec.Struct, frozen=True):
    """A contract that was brought in by hand; `blocks_read` of `blocks_total` blocks of its history are read."""

    chain_id: ChainId
    contract: Address
    standard: str
    name: str
    symbol: str
    state: str
    reason: str | None
    from_block: int | None
    blocks_read: int
    blocks_total: int
    facts_published: int
    requested_by: Address | None
    requested_at: datetime
    updated_at: datetime


class Position(msgspec.Struct, frozen=True):
    """Where something happened; `read_at` is what the read that told it was true at, None for what was pushed."""

    block_number: int
    block_hash: bytes
    block_time: datetime | None
    tx_hash: bytes
    log_index: int
    batch_index: int
    read_at: ReadPoint | None = None

    @property
    def finality(self) -> str | None:
        """Of the block; None where nobody read how deep it stands."""
        return None if self.read_at is None else self.read_at.finality_of(self.block_number)


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
