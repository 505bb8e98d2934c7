"""What happens on the benchmark chain, block by block, from a seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mercato.evm.abi import Function
from mercato.kit.ids import Address

SEED = 42
BLOCKS = 5000
HOLDERS = 2000
MINTS_PER_BLOCK = 2
TRANSFERS_PER_BLOCK = 9
LARGEST_MINT = 10
RECENT_TOKENS = 5000
"""Only the newest tokens move, as on a market that trades what it has just minted."""

MINT = Function("mint(address,uint256)")
TRANSFER_FROM = Function("transferFrom(address,address,uint256)")

_FIRST_HOLDER = (0xB0 << 152) + 0x1000


@dataclass(frozen=True)
class PlannedCall:
    """One transaction to the collection."""

    sender: Address
    data: bytes


@dataclass(frozen=True)
class PlannedBlock:
    """The transactions of one block. The mints come first and in order, which gives the tokens their ids."""

    mints: tuple[PlannedCall, ...]
    transfers: tuple[PlannedCall, ...]
    events: int

    @property
    def calls(self) -> tuple[PlannedCall, ...]:
        return self.mints + self.transfers


def holder(index: int) -> Address:
    """The address of holder `index`; holder 0 also deploys the collection."""
    return Address((_FIRST_HOLDER + index).to_bytes(20))


def blocks(count: int = BLOCKS, seed: int = SEED) -> Iterator[PlannedBlock]:
    """`count` blocks of 2 batch mints of 1 to 10 tokens and up to 9 transfers: about 20 events a block.

    The same seed gives the same blocks for ever: the order of the random draws is part of the workload.
    """
    draw = random.Random(seed)
    owners = [-1]  # by token id; ids start at 1
    for _ in range(count):
        newest = len(owners) - 1
        mints, minted = _mints(draw)
        transfers = _transfers(draw, owners) if newest else []
        owners += minted
        yield PlannedBlock(tuple(mints), tuple(transfers), len(minted) + len(transfers))


def _mints(draw: random.Random) -> tuple[list[PlannedCall], list[int]]:
    calls, minted = [], []
    for _ in range(MINTS_PER_BLOCK):
        to, quantity = _pick_holder(draw), draw.randint(1, LARGEST_MINT)
        calls.append(PlannedCall(holder(to), MINT.encode(holder(to), quantity)))
        minted += [to] * quantity
    return calls, minted


def _transfers(draw: random.Random, owners: list[int]) -> list[PlannedCall]:
    calls, newest, moved = [], len(owners) - 1, set()
    for _ in range(TRANSFERS_PER_BLOCK):
        token = draw.randint(max(1, newest - RECENT_TOKENS), newest)
        if token in moved:  # so that the transfers of one block may be mined in any order
            continue
        moved.add(token)
        source, to = owners[token], _pick_holder(draw)
        calls.append(PlannedCall(holder(source), TRANSFER_FROM.encode(holder(source), holder(to), token)))
        owners[token] = to
    return calls


def _pick_holder(draw: random.Random) -> int:
    """Mostly anybody; in three of ten cases one of a few large holders."""
    if draw.random() < 0.3:
        return min(int(draw.paretovariate(0.6)) - 1, HOLDERS - 1)
    return draw.randrange(HOLDERS)
