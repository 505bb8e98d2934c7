"""One leader's term with one chain: what it knows in memory, loaded from the stores and never ahead of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mercato.kit.ids import ChainId
from mercato.services.indexer.model.chain import Checkpoint, RecentBlock, State
from mercato.services.indexer.model.ranges import RangeSize
from mercato.services.indexer.model.scope import Scope
from mercato.services.indexer.usecases.ports import CheckpointStore, Node


@dataclass
class Reading:
    """`head` is the highest block the node reported. After any failure the term is loaded anew: what was learnt in
    a step that did not finish may be wrong."""

    node: Node
    finality_depth: int
    scope: Scope
    checkpoint: Checkpoint
    range_size: RangeSize
    recent: dict[int, RecentBlock] = field(default_factory=dict)
    orphans: dict[bytes, RecentBlock] = field(default_factory=dict)
    """Blocks above the checkpoint that forks took away, by hash: another fork may bring one back."""

    confirmations: int = 1
    """Blocks, the including one counted, that the chain's policy asks for."""

    head: int = 0
    head_time: int = 0
    """Unix seconds; 0 until it is known."""

    said_to: int | None = None
    """Last block that a ChainAdvanced covers; None when that is not known. It is said before the checkpoint moves, so
    whatever is at a checkpoint has been said."""

    unsaid: dict[str, str] = field(default_factory=dict)
    """Messages that no ChainAdvanced has named yet: what kind each is by its id, in their order."""

    @property
    def chain(self) -> ChainId:
        return self.checkpoint.chain

    @property
    def seen(self) -> int:
        """The newest block that was taken up: it follows ours and is remembered before anything of it leaves."""
        return max((self.checkpoint.number, *self.recent))

    def state_at(self, number: int) -> State:
        """What the status says of a reader at block `number`."""
        return State.CATCHING_UP if self.head - number > self.finality_depth else State.FOLLOWING

    def moved(self, checkpoint: Checkpoint, forget_below: int) -> None:
        """The stores have the new checkpoint."""
        self.checkpoint = checkpoint
        self.recent = {number: known for number, known in self.recent.items() if number >= forget_below}

    async def reload(self, checkpoints: CheckpointStore) -> None:
        """Takes everything from the stores again. Raises `LeadershipLost`."""
        self.checkpoint = await checkpoints.get(self.chain, self.checkpoint.epoch)
        self.said_to = self.checkpoint.number if self.checkpoint.block else None
        self.recent = await checkpoints.list_recent(self.chain)
        self.orphans = await checkpoints.list_orphans(self.chain, self.checkpoint.number + 1)
        self.scope.collections = {address.text for address in await checkpoints.list_followed(self.chain)}
