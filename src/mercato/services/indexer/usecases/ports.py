"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from mercato.evm.logs import RawLog
from mercato.evm.rpc import BlockId, Header, Receipt, RpcError, TopicFilter
from mercato.kit.ids import Address, ChainId
from mercato.kit.messages import Outgoing
from mercato.services.indexer.model.chain import Advance, Block, Checkpoint, RecentBlock, Reorg, State
from mercato.services.indexer.model.imports import CollectionImport, Contract, ImportRequest
from mercato.services.indexer.model.raw import RawEvent

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


class Node(Protocol):
    """The part of `evm.rpc.RpcPool` that reading a chain takes."""

    async def find_header(self, block: BlockId) -> Header | None: ...

    async def headers(self, numbers: Sequence[int]) -> list[Header | None]: ...

    async def logs(
        self, from_block: int, to_block: int, *, addresses: Sequence[Address] = (), topics: TopicFilter = ()
    ) -> list[RawLog]: ...

    async def logs_by_hash(
        self, block_hash: bytes, *, addresses: Sequence[Address] = (), topics: TopicFilter = ()
    ) -> list[RawLog]: ...

    async def block_receipts(self, block: int | bytes) -> list[Receipt]: ...


class ContractNode(Node, Protocol):
    """And the part that looking at a contract takes."""

    async def block_number(self) -> int: ...

    async def code(self, address: Address, block: BlockId = "latest") -> bytes: ...

    async def call_many(
        self, calls: Sequence[tuple[Address, bytes]], *, block: BlockId = "latest", gas: int | None = None
    ) -> list[bytes | RpcError]: ...


class RawStore(Protocol):
    """Raw events; adding what is there already changes nothing.

    Marks are of whole blocks, whatever is added to these later, and name the reorganisation count of who sets them: one
    older than the block's last mark changes nothing, so that a leader who wakes after his successor went on does no
    harm. Of the same count, giving back is the later one.
    """

    async def add(self, chain: ChainId, events: Sequence[RawEvent]) -> None: ...

    async def orphan(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None: ...

    async def readopt(self, chain: ChainId, blocks: Iterable[RecentBlock], generation: int) -> None: ...


class CheckpointStore(Protocol):
    """How far chains are read. Each write names the checkpoint it starts from and raises `LeadershipLost` when
    another replica has taken the chain over."""

    async def take(self, chain: ChainId, start_block: int, leader: str) -> Checkpoint:
        """Makes this process the chain's writer by raising the epoch; a new chain starts before `start_block`."""

    async def report(
        self, checkpoint: Checkpoint, head: int | None, state: State, reason: str, head_time: int = 0
    ) -> None:
        """What the status shows; None leaves the head as it was. `head_time` in Unix seconds, 0 where not known."""

    async def get(self, chain: ChainId, epoch: int) -> Checkpoint:
        """The checkpoint of a leader that still leads."""

    async def list_recent(self, chain: ChainId) -> dict[int, RecentBlock]:
        """Blocks that a fork may still take away, by number; those above the checkpoint were announced only."""

    async def list_orphans(self, chain: ChainId, from_block: int) -> dict[bytes, RecentBlock]:
        """Blocks at or above a number that are orphaned now, by hash: logs of theirs in the raw store do not count,
        whatever their mark says."""

    async def list_followed(self, chain: ChainId) -> list[Address]:
        """Contracts whose logs are read."""

    async def announce(self, checkpoint: Checkpoint, blocks: Sequence[RecentBlock]) -> None:
        """Remembers blocks before anything of them leaves."""

    async def readopt(self, checkpoint: Checkpoint, blocks: Sequence[RecentBlock]) -> None:
        """Blocks that a fork had orphaned are canonical again."""

    async def advance(self, before: Checkpoint, step: Advance) -> None:
        """Moves the checkpoint, and with it everything that is true from then on."""

    async def retract(self, checkpoint: Checkpoint, reorg: Reorg) -> None:
        """Moves the checkpoint back to the ancestor (if it stood above) and sets the orphaned blocks aside, to be
        told to everybody: all of it or nothing."""

    async def list_unpublished(self, chain: ChainId) -> list[Reorg]:
        """Forks that were recorded and not yet told to everybody, oldest first."""

    async def list_told(self, chain: ChainId) -> list[Reorg]:
        """The newest forks that everybody was told of lately."""

    async def mark_published(self, checkpoint: Checkpoint, reorg: Reorg) -> None:
        """Everybody knows this fork."""


class ImportStore(Protocol):
    """Contracts that are brought in by hand. Writes of the reader name its checkpoint and raise `LeadershipLost`."""

    async def add(self, request: ImportRequest, about: Contract) -> CollectionImport:
        """The import of this contract, which may be an earlier one: then nothing changes."""

    async def find(self, chain: ChainId, contract: Address) -> CollectionImport | None: ...

    async def list_open(self, chain: ChainId) -> list[CollectionImport]:
        """Those that are not done, oldest first."""

    async def reopen(self, checkpoint: Checkpoint) -> None:
        """Has those taken up again that the reader does not follow: the chain is indexed anew, or its scope changed."""

    async def locate(self, wanted: CollectionImport, from_block: int) -> None:
        """Where its history begins, found once."""

    async def bind(self, checkpoint: Checkpoint, wanted: CollectionImport, block: Block) -> None:
        """Chooses the block it is bound in, before anybody is told."""

    async def follow(self, checkpoint: Checkpoint, wanted: CollectionImport, until: int, facts: int) -> None:
        """The reader reads the contract from `checkpoint` on, and has read what follows block `until`."""

    async def close(self, checkpoint: Checkpoint, wanted: CollectionImport) -> None:
        """There is nothing to read that is not read anyway."""

    async def advance(self, wanted: CollectionImport, next_block: int, facts: int) -> None:
        """History is read up to before `next_block`; nothing where somebody else has read on since."""

    async def complain(self, wanted: CollectionImport, reason: str) -> None:
        """Why it does not get on; it is tried again."""

    async def get_generation(self, chain: ChainId) -> int:
        """Reorganisations of the chain that were retracted so far."""


class Publisher(Protocol):
    """The part of `kit.rabbit.Publisher` that is used."""

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        """Returns after the broker's last confirm; raises `Unavailable`."""


class Leases(Protocol):
    """Who leads a chain."""

    async def try_acquire(self, chain: ChainId) -> bool:
        """True when this process leads the chain from now on (or did before). Raises `Unavailable`."""

    async def check(self, chain: ChainId) -> bool:
        """True while this process leads the chain."""

    async def release(self, chain: ChainId) -> None:
        """Lets another replica lead."""
