"""Blocks, the place a chain is read up to, and what to do next about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from itertools import pairwise

from mercato.evm.rpc import Header
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import Address, ChainId


@dataclass(frozen=True, slots=True)
class Block:
    """A block by number and hash; `timestamp` is in Unix seconds."""

    number: int
    hash: bytes
    timestamp: int

    @classmethod
    def of(cls, header: Header) -> Block:
        return cls(header.number, header.hash, header.timestamp)


@dataclass(frozen=True, slots=True)
class RecentBlock:
    """A block that a fork may still take away."""

    block: Block
    parent_hash: bytes


class State(Enum):
    """What a chain's reader is doing, as the status shows it."""

    FOLLOWING = "following"
    CATCHING_UP = "catching_up"
    HALTED = "halted"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a chain is read. `hash` is None before the first block and where the node has a gap; `epoch` is the
    leader's fence."""

    chain: ChainId
    number: int
    hash: bytes | None
    timestamp: int
    finalized: int
    generation: int
    epoch: int

    @property
    def block(self) -> Block | None:
        return Block(self.number, self.hash, self.timestamp) if self.hash is not None else None

    def moved(self, number: int, block: Block | None, finalized: int) -> Checkpoint:
        """The checkpoint at a later block, None where the node does not have it; what is final stays final."""
        hash_, timestamp = (block.hash, block.timestamp) if block else (None, 0)
        return replace(self, number=number, hash=hash_, timestamp=timestamp, finalized=max(self.finalized, finalized))


@dataclass(frozen=True, slots=True)
class Horizons:
    """The newest block, the newest with the confirmations of the chain's policy, the newest that no fork reaches."""

    head: int
    safe: int
    finalized: int


@dataclass(frozen=True, slots=True)
class Progress:
    """One row of the status; `updated_at` is when the leader last looked at the node. Times of blocks are in Unix
    seconds, 0 where they are not known."""

    chain: ChainId
    head: int
    indexed: int
    indexed_hash: bytes
    finalized: int
    state: State
    reason: str
    facts_published: int
    updated_at: datetime
    seen: int
    head_time: int
    indexed_time: int


@dataclass(frozen=True, slots=True)
class Reorg:
    """A fork that was followed: which blocks it orphaned, and the last block both branches share."""

    generation: int
    ancestor: Block
    orphaned: tuple[RecentBlock, ...]


@dataclass(frozen=True, slots=True)
class Advance:
    """A step of a reader: where the checkpoint goes, the collections that came to be on the way (with their blocks),
    and the number below which no fork reaches any more. History leaves its last block as the `anchor` of what
    follows; at the tip the blocks are remembered already."""

    after: Checkpoint
    head: int
    state: State
    facts: int
    forget_below: int
    created: Mapping[Address, int] = field(default_factory=dict)
    anchor: RecentBlock | None = None
    head_time: int = 0


class LeadershipLost(Unavailable):
    """Another replica leads this chain now; whatever was under way is its business."""


class NodeInconsistent(Unavailable):
    """A node's answers contradict each other (it moved between two of them, lags, or lies): ask again."""


class EndpointsDisagree(NodeInconsistent):
    """Endpoints of one chain hold different blocks at one height, and nothing says yet which of them to believe."""


class LogsIncomplete(NodeInconsistent):
    """A node returned fewer logs for a block than its header promises, or those of another block."""


class BlocksMissing(NodeInconsistent):
    """A node has its head but not a block below it: pruned, or a recording of some blocks only."""


class ForkTooDeep(FailedPrecondition):
    """The node's chain leaves ours below what was taken as final; nothing is touched and a person has to look."""


@dataclass(frozen=True, slots=True)
class Idle:
    """The tip is read."""


@dataclass(frozen=True, slots=True)
class AwaitNode:
    """The node's head is an older block of our own chain: it lags, which is no fork."""

    behind: int


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Read these blocks, both included, by ranges: no fork reaches them."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReadTip:
    """Read these blocks, both included, one by one."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ResolveFork:
    """The node's head is not on our chain: find where it left."""


PROVEN_SPAN = 64
"""Blocks below the head that are read one by one, each proved complete, even where no fork reaches them: a node may
have a block before it has all its logs, and an answer about a range proves nothing."""

Step = Idle | AwaitNode | ReadHistory | ReadTip | ResolveFork


def next_step(
    checkpoint: Checkpoint, recent: Mapping[int, RecentBlock], head: Header, finality_depth: int, tip_span: int
) -> Step:
    """What the node's head asks of a reader at `checkpoint`.

    A head at or below the checkpoint with a hash other than ours proves a fork; the same head with our hash, or one
    so low that we no longer know its hash, is a node that lags.
    """
    if head.number > checkpoint.number:
        final = head.number - max(finality_depth, PROVEN_SPAN)
        if final > checkpoint.number and not any(number > checkpoint.number for number in recent):
            return ReadHistory(checkpoint.number + 1, final)
        return ReadTip(checkpoint.number + 1, min(head.number, checkpoint.number + tip_span))
    ours = checkpoint.hash if head.number == checkpoint.number else None
    if ours is None and head.number in recent:
        ours = recent[head.number].block.hash
    if ours is not None and ours != head.hash:
        return ResolveFork()
    return Idle() if head.number == checkpoint.number else AwaitNode(checkpoint.number - head.number)


def linked(checkpoint: Checkpoint, recent: Mapping[int, RecentBlock], headers: list[Header]) -> bool:
    """False when these next headers (contiguous, ascending) prove a fork: the first does not follow our checkpoint,
    or one differs from a block that was announced before a crash.

    Raises `NodeInconsistent` when they do not even follow each other: the node switched branches between two answers.
    """
    for before, after in pairwise(headers):
        if after.parent_hash != before.hash or after.number != before.number + 1:
            raise NodeInconsistent("NODE_INCONSISTENT", f"block {after.number} does not follow the block sent before")
    if headers and checkpoint.hash is not None and headers[0].parent_hash != checkpoint.hash:
        return False
    return all(h.number not in recent or recent[h.number].block.hash == h.hash for h in headers)


def plan_retraction(
    checkpoint: Checkpoint, recent: Mapping[int, RecentBlock], ancestor: Block | None, finality_depth: int
) -> Reorg:
    """The reorganisation that takes us back to `ancestor`, the highest block of ours that the node still has.

    Raises `ForkTooDeep` when there is none, or when it would orphan a final block or more than `finality_depth`.
    """
    floor = max(checkpoint.finalized, checkpoint.number - finality_depth)
    if ancestor is None or ancestor.number < floor:
        where = f"at block {ancestor.number}" if ancestor else "below every block we remember"
        raise ForkTooDeep(
            "FORK_TOO_DEEP",
            f"the node's chain leaves ours {where}, below the final block {floor}; "
            "point the chain at an honest node, or index it anew",
        )
    orphaned = tuple(known for number, known in sorted(recent.items()) if number > ancestor.number)
    if not orphaned:
        raise NodeInconsistent("NODE_INCONSISTENT", "the node has our blocks, but what follows does not name them")
    return Reorg(checkpoint.generation + 1, ancestor, orphaned)
