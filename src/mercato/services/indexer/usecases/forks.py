"""Following a fork: back to the last block both branches share, telling everybody what is no longer true.

The retraction is written first, in one transaction with the checkpoint, and told afterwards until all have heard it: a
crash in between, or a chain that flips back meanwhile, changes nothing about it.
"""

from __future__ import annotations

from prometheus_client import Counter

from mercato.evm.rpc import Header
from mercato.kit import tracing
from mercato.kit.logging import Logger
from mercato.services.indexer import messages
from mercato.services.indexer.model.chain import Block, NodeInconsistent, Reorg, plan_retraction
from mercato.services.indexer.usecases.ports import CheckpointStore, Publisher, RawStore
from mercato.services.indexer.usecases.reading import Reading

_WALK = 8

_reorgs = Counter("mercato_indexer_reorgs_total", "Forks that were followed", ["chain"])
_orphans = Counter("mercato_indexer_orphaned_blocks_total", "Blocks that forks took away", ["chain"])


class FollowFork:
    """Takes a reader back to the branch its node is on."""

    def __init__(self, raw: RawStore, checkpoints: CheckpointStore, publisher: Publisher, log: Logger) -> None:
        self._raw = raw
        self._checkpoints = checkpoints
        self._publisher = publisher
        self._log = log

    async def __call__(self, reading: Reading, head: Header) -> None:
        """Raises `ForkTooDeep`, having touched nothing, when the fork would take a final block."""
        ancestor = await _common_ancestor(reading, head)
        reorg = plan_retraction(reading.checkpoint, reading.recent, ancestor, reading.finality_depth)
        await self._checkpoints.retract(reading.checkpoint, reorg)
        self._log.warning(
            "fork followed", chain=reading.chain.caip2, depth=len(reorg.orphaned), generation=reorg.generation,
            ancestor=reorg.ancestor.number, orphaned=[f"0x{known.block.hash.hex()}" for known in reorg.orphaned],
        )  # fmt: skip
        _reorgs.labels(reading.chain.caip2).inc()
        _orphans.labels(reading.chain.caip2).inc(len(reorg.orphaned))
        await self._tell(reading, reorg)
        await reading.reload(self._checkpoints)

    async def finish(self, reading: Reading) -> None:
        """Tells what an earlier term recorded and may not have told. What was told lately may still be on its way: the
        next statement of progress waits for it, too, or the rows of a lost branch could pass for true."""
        for reorg in await self._checkpoints.list_told(reading.chain):
            told = messages.reorged(reading.chain, reorg)
            reading.unsaid[told.message_id] = messages.kind_of(told)
        for reorg in await self._checkpoints.list_unpublished(reading.chain):
            await self._tell(reading, reorg)

    async def _tell(self, reading: Reading, reorg: Reorg) -> None:
        with tracing.continued({}, "retract blocks"):
            await self._raw.orphan(reading.chain, reorg.orphaned, reorg.generation)
            told = messages.reorged(reading.chain, reorg)
            await self._publisher.publish_all([told])
            reading.unsaid[told.message_id] = messages.kind_of(told)
            await self._checkpoints.mark_published(reading.checkpoint, reorg)


async def _common_ancestor(reading: Reading, head: Header) -> Block | None:
    """The highest of our blocks that the node has, too; None when it has none of them."""
    numbers = sorted((number for number in reading.recent if number <= head.number), reverse=True)
    above = head
    for start in range(0, len(numbers), _WALK):
        part = numbers[start : start + _WALK]
        for number, header in zip(part, await reading.node.headers(part), strict=True):
            _check_walk(number, header, above)
            assert header is not None
            if header.hash == reading.recent[number].block.hash:
                return reading.recent[number].block
            above = header
    return None


def _check_walk(number: int, header: Header | None, above: Header) -> None:
    """Raises `NodeInconsistent` when the node's answers are not of one branch: nothing may be retracted on that."""
    if header is None or header.number != number:
        raise NodeInconsistent("NODE_INCONSISTENT", f"the node's head is {above.number}, but it lacks block {number}")
    broken = header.hash != above.parent_hash if number == above.number - 1 else False
    if broken or (number == above.number and header.hash != above.hash):
        raise NodeInconsistent("NODE_INCONSISTENT", f"block {above.number} does not follow block {number}: ask again")
