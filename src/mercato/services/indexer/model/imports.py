"""Contracts that somebody asked to have here, and how far their history is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mercato.evm.logs import Standard
from mercato.kit.ids import Address, ChainId
from mercato.services.indexer.model.chain import Block


class ImportState(Enum):
    """How far an import is, as the status shows it."""

    REQUESTED = "requested"
    READING = "reading"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a contract says of itself."""

    standard: Standard
    name: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """`from_block` None: where the contract was deployed. `requested_by` None: the operator."""

    chain: ChainId
    contract: Address
    from_block: int | None = None
    requested_by: Address | None = None


@dataclass(frozen=True, slots=True)
class CollectionImport:
    """One contract. Its history is the blocks from `from_block` (None until it is found) to `until_block`; those from
    `next_block` on are still to be read. All later blocks are the reader's, who took the contract up at `bound`, a
    block that no fork reaches."""

    ref: int
    request: ImportRequest
    about: Contract
    state: ImportState
    reason: str
    from_block: int | None
    bound: Block | None
    next_block: int
    until_block: int
    facts_published: int
    requested_at: datetime
    updated_at: datetime

    @property
    def blocks_total(self) -> int:
        """0 until the reader has taken the contract up."""
        if self.from_block is None or self.state is ImportState.REQUESTED:
            return 0
        return max(0, self.until_block - self.from_block + 1)

    @property
    def blocks_read(self) -> int:
        return max(0, self.next_block - self.from_block) if self.from_block is not None and self.blocks_total else 0
