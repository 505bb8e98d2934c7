"""A chain that grows, forks down to what is final, mines transactions again, and flips back to a branch it left."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mercato.evm.logs import RawLog
from mercato.evm.rpc import Header
from mercato.kit.ids import keccak256
from mercato.services.indexer.model import bloom
from tests.chaos.simulation.transactions import COLLECTIONS, Log, Pool, Transaction

_KEPT_BRANCHES = 3
_MOST_TRANSACTIONS = 3


@dataclass(frozen=True)
class Block:
    """A block of some branch. `timed`: its logs tell its time, as those of newer nodes do; `standing` are
    the collections that exist before it."""

    number: int
    parent: bytes
    label: str
    transactions: tuple[Transaction, ...]
    timed: bool
    standing: frozenset[bytes] = frozenset()

    @cached_property
    def happened(self) -> list[tuple[int, Transaction, Log]]:
        """What really was logged, with the place of its transaction: no contract logs before it exists, and none is
        created twice. So a transaction mined again may log less, or more."""
        there, logged = set(self.standing), []
        for place, tx in enumerate(self.transactions):
            for log in tx.logs:
                if log.created in there or (log.contract in COLLECTIONS and log.contract not in there):
                    continue
                if log.created is not None:
                    there.add(log.created)
                logged.append((place, tx, log))
        return logged

    @cached_property
    def left_standing(self) -> frozenset[bytes]:
        """The collections that exist after it."""
        return self.standing | {log.created for _, _, log in self.happened if log.created is not None}

    @cached_property
    def hash(self) -> bytes:
        return keccak256(self.parent + self.label.encode() + b"".join(t.hash for t in self.transactions))

    @cached_property
    def logs(self) -> list[RawLog]:
        return [
            RawLog(
                address="0x" + log.contract.hex(),
                topics=log.topics,
                data="0x" + log.data.hex(),
                block_number=hex(self.number),
                block_hash="0x" + self.hash.hex(),
                transaction_hash="0x" + tx.hash.hex(),
                transaction_index=hex(place),
                log_index=hex(index),
                block_timestamp=hex(self.timestamp) if self.timed else None,
            )
            for index, (place, tx, log) in enumerate(self.happened)
        ]

    @property
    def timestamp(self) -> int:
        """Unix seconds; the same at one height on every branch."""
        return 1_700_000_000 + 12 * self.number

    @cached_property
    def header(self) -> Header:
        items = {bytes.fromhex(text[2:]) for log in self.logs for text in (log.address, *log.topics)}
        filter_ = bloom.of_items(items).to_bytes(256, "big")
        return Header(self.number, self.hash, self.parent, self.timestamp, filter_, 30_000_000, None)


Branch = Sequence[Block]


class Chain:
    """`blocks` is canonical now; `finality` is how deep a fork may go."""

    def __init__(self, draw: random.Random, finality: int) -> None:
        self._draw = draw
        self._pool = Pool(draw)
        self._labels = 0
        self._timed = draw.random() < 0.5
        self.finality = finality
        self.blocks: list[Block] = [Block(0, bytes(32), "genesis", (), self._timed)]
        self.left: list[Branch] = []
        self.highest = 0
        """The highest block of any branch so far: a reader may have seen it, and taken what is below for final."""

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    @property
    def floor(self) -> int:
        """The lowest block that may still be the last one two branches share."""
        return max(self.highest - self.finality, 0)

    def mine(self, count: int, emptiness: float = 0.25) -> None:
        """New blocks on top."""
        for _ in range(count):
            empty = self._draw.random() < emptiness
            self._add([] if empty else [self._pool.take() for _ in range(self._draw.randint(1, _MOST_TRANSACTIONS))])

    def fork(self) -> None:
        """Replaces newest blocks by others, fewer, as many or more; most lost transactions are mined again, at the same
        place or another."""
        deepest = min(self.head.number - self.floor, self.finality)
        if deepest < 1:
            return self.mine(1)
        depth = self._draw.randint(1, deepest)
        self._leave()
        lost = [tx for block in self.blocks[-depth:] for tx in block.transactions if self._draw.random() < 0.8]
        del self.blocks[-depth:]
        if self._draw.random() < 0.5:
            self._draw.shuffle(lost)
        for _ in range(self._draw.randint(max(1, depth - 2), depth + 2)):
            again = [lost.pop(0) for _ in range(min(len(lost), self._draw.randint(0, _MOST_TRANSACTIONS)))]
            fresh = [self._pool.take() for _ in range(self._draw.choice((0, 0, 1)))]
            self._add([*fresh, *again])
        return None

    def flip(self) -> None:
        """Back to a branch that was left, perhaps cut short or grown."""
        choice = [branch for branch in self.left if self.shared_with(branch) >= self.floor]
        if not choice:
            return self.fork()
        branch = self._draw.choice(choice)
        shared = self.shared_with(branch)
        end = self._draw.randint(min(shared + 1, len(branch) - 1), len(branch) - 1)
        self._leave()
        self.blocks = list(branch[: end + 1])
        if self._draw.random() < 0.5 or end <= shared:
            self.mine(1)
        return None

    def turn_to(self, branch: Branch) -> None:
        """To a branch that is known whole."""
        self._leave()
        self.blocks = list(branch)
        self.highest = max(self.highest, self.head.number)

    def shared_with(self, branch: Branch) -> int:
        """The number of the last block that a branch and the canonical chain share."""
        pairs = zip(self.blocks, branch, strict=False)
        return max(ours.number for ours, theirs in pairs if ours.hash == theirs.hash)

    def alien(self, shared: int) -> Branch:
        """A chain that leaves this one above block `shared` and is as long: no honest node is on it."""
        blocks = list(self.blocks[: shared + 1])
        while len(blocks) < len(self.blocks) + 1:
            parent = blocks[-1]
            blocks.append(
                Block(parent.number + 1, parent.hash, "alien", (self._pool.take(),), self._timed, parent.left_standing)
            )
        return blocks

    def _leave(self) -> None:
        self.left = [*self.left, tuple(self.blocks)][-_KEPT_BRANCHES:]

    def _add(self, transactions: Sequence[Transaction]) -> None:
        self._labels += 1
        parent, label = self.head, f"{self._labels}"
        self.blocks.append(
            Block(parent.number + 1, parent.hash, label, tuple(transactions), self._timed, parent.left_standing)
        )
        self.highest = max(self.highest, self.head.number)
