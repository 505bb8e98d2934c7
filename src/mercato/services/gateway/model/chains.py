"""Chains, places in them, and how far they are read."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mercato.kit.ids import Address, ChainId


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
