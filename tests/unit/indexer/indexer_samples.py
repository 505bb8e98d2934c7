"""Blocks, logs and facts made by hand for the unit tests of the indexer."""

from __future__ import annotations

from mercato.evm.logs import BlockRef, RawLog
from mercato.evm.rpc import Header
from mercato.kit.ids import ChainId, keccak256
from mercato.services.indexer.model.chain import Block, Checkpoint, RecentBlock

CHAIN = ChainId(31337)


def hash_of(number: int, branch: str = "a") -> bytes:
    return keccak256(f"{branch}{number}".encode())


def header(number: int, branch: str = "a", parent_branch: str | None = None) -> Header:
    """A block of a branch; `parent_branch` says on which branch its parent is, when it is not the same."""
    return Header(
        number=number,
        hash=hash_of(number, branch),
        parent_hash=hash_of(number - 1, parent_branch or branch),
        timestamp=1_700_000_000 + number,
        logs_bloom=bytes(256),
        gas_limit=0,
        base_fee=None,
    )


def recent(first: int, last: int, branch: str = "a") -> dict[int, RecentBlock]:
    return {
        number: RecentBlock(Block.of(header(number, branch)), hash_of(number - 1, branch))
        for number in range(first, last + 1)
    }


def checkpoint(number: int, finalized: int = -1, generation: int = 0) -> Checkpoint:
    block = header(number)
    return Checkpoint(CHAIN, number, block.hash, block.timestamp, finalized, generation, epoch=1)


def block_ref(number: int) -> BlockRef:
    return BlockRef(number, hash_of(number), 1_700_000_000 + number)


def word(value: int | bytes) -> str:
    return "0x" + (value if isinstance(value, bytes) else value.to_bytes(32, "big")).rjust(32, b"\0").hex()


def log(
    topics: tuple[str, ...],
    data: str = "0x",
    *,
    address: bytes = b"\xaa" * 20,
    block: int = 1,
    index: int = 0,
    timed: str | None = "0x1",
) -> RawLog:
    return RawLog(
        address="0x" + address.hex(),
        topics=topics,
        data=data,
        block_number=hex(block),
        block_hash="0x" + hash_of(block).hex(),
        transaction_hash="0x" + keccak256(f"tx{block}.{index}".encode()).hex(),
        transaction_index="0x0",
        log_index=hex(index),
        block_timestamp=timed,
    )
