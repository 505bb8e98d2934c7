"""Handing over what was read: raw events, then facts with the broker's confirms, then the checkpoint.

The stores share no transaction, so the order is what keeps the promise: a crash at any line leaves the checkpoint
behind the work, the work is done again, and every part of it is idempotent. Blocks that a fork may still take away
are announced first, so that a fork during a crash finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from mercato.evm.logs import Fact, RawLog, count_undecodable
from mercato.evm.rpc import Header
from mercato.kit import tracing
from mercato.kit.ids import Address
from mercato.kit.messages import Outgoing
from mercato.services.indexer import messages
from mercato.services.indexer.model.chain import Advance, Block, Checkpoint, Horizons, NodeInconsistent, RecentBlock
from mercato.services.indexer.model.raw import RawEvent, raw_events
from mercato.services.indexer.usecases.ports import CheckpointStore, Publisher, RawStore
from mercato.services.indexer.usecases.reading import Reading

_facts = Counter("mercato_indexer_facts_total", "Facts confirmed by the broker", ["chain", "kind"])
_odd = Counter(
    "mercato_indexer_undecodable_logs_total", "Logs that break the layout of their event", ["chain", "reason"]
)


@dataclass(frozen=True)
class Batch:
    """Consecutive blocks up to `number`, read and decoded; `last` is the header of that one, None where the node has
    a gap. `timestamps` are by block hash."""

    number: int
    last: Header | None
    facts: Sequence[Fact]
    raw: Sequence[RawEvent]
    timestamps: Mapping[bytes, int]
    created: Mapping[Address, int]


def batch_of(
    number: int,
    last: Header | None,
    logs: Sequence[RawLog],
    facts: Sequence[Fact],
    timestamps: Mapping[bytes, int],
    created: Mapping[str, int],
) -> Batch:
    """A batch from the logs that count and their facts. Raises `NodeInconsistent` for logs that are no JSON-RPC."""
    try:
        raw = raw_events(logs, facts, timestamps)
    except (ValueError, KeyError) as error:
        raise NodeInconsistent("MALFORMED_LOGS", f"the node sent a log that is none: {error!r}") from error
    return Batch(
        number, last, facts, raw, timestamps, {Address.parse(text): number for text, number in created.items()}
    )


class Deliver:
    """Hands batches over, in the order of the chain."""

    def __init__(self, raw: RawStore, checkpoints: CheckpointStore, publisher: Publisher) -> None:
        self._raw = raw
        self._checkpoints = checkpoints
        self._publisher = publisher

    async def history(self, reading: Reading, batch: Batch) -> None:
        """A range that no fork reaches."""
        anchor = RecentBlock(Block.of(batch.last), batch.last.parent_hash) if batch.last else None
        with tracing.continued({}, "index history"):
            await self._keep_raw(reading, batch)
            facts = await self._publish(reading, batch, catching_up=True)
            await self._advance(reading, batch, facts, batch.number, anchor)

    async def tip(self, reading: Reading, batch: Batch, headers: Sequence[Header]) -> None:
        """Blocks that a fork may still take away."""
        with tracing.continued({}, "index block"):
            blocks = [RecentBlock(Block.of(header), header.parent_hash) for header in headers]
            await self._checkpoints.announce(reading.checkpoint, blocks)
            reading.recent |= {known.block.number: known for known in blocks}
            await self._keep_raw(reading, batch)
            facts = await self._publish(reading, batch, catching_up=False)
            await self._advance(reading, batch, facts, batch.number - reading.finality_depth, None)

    async def joined(self, reading: Reading, batch: Batch) -> int:
        """Blocks that were handed over before, now with a contract that was not followed then; the number of facts."""
        with tracing.continued({}, "index import"):
            await self._keep_raw(reading, batch)
            return await self._publish(reading, batch, catching_up=True)

    async def beside(self, reading: Reading, batch: Batch) -> int:
        """History that no checkpoint tells of; the number of facts."""
        with tracing.continued({}, "index import"):
            await self._keep_raw(reading, batch)
            return await self._publish(reading, batch, catching_up=True)

    async def tell(self, messages_: Sequence[Outgoing]) -> None:
        """What is said beside the facts."""
        await self._publisher.publish_all(messages_)

    async def _keep_raw(self, reading: Reading, batch: Batch) -> None:
        """A block that a fork took and gave back is still marked as taken."""
        await self._raw.add(reading.chain, batch.raw)
        if reading.orphans:
            hashes = {event.block_hash for event in batch.raw}
            if back := [orphan for hash_, orphan in reading.orphans.items() if hash_ in hashes]:
                await self._raw.readopt(reading.chain, back, reading.checkpoint.generation)
                await self._checkpoints.readopt(reading.checkpoint, back)

    async def _publish(self, reading: Reading, batch: Batch, *, catching_up: bool) -> int:
        """The number of facts, all confirmed."""
        context = messages.Context(reading.chain, reading.checkpoint.generation, catching_up, batch.timestamps)
        chosen = list(messages.fact_messages(context, batch.facts))
        await self._publisher.publish_all(message.outgoing for message in chosen)
        told = [message.outgoing for message in chosen]
        reading.unsaid |= {m.message_id: messages.kind_of(m) for m in told}
        chain = reading.chain.caip2
        for message in chosen:
            _facts.labels(chain, message.kind).inc(message.facts)
        refused = {"RANGE_TOO_LONG": messages.count_refused_ranges(batch.facts)}
        for reason, count in (count_undecodable(batch.facts) | refused).items():
            _odd.labels(chain, reason).inc(count)
        return sum(message.facts for message in chosen)

    async def _advance(
        self, reading: Reading, batch: Batch, facts: int, final: int, anchor: RecentBlock | None
    ) -> None:
        """The news first, which names the messages it waits for, then the checkpoint: a crash in between says the
        same again."""
        before, head = reading.checkpoint, max(reading.head, batch.number)
        block = Block.of(batch.last) if batch.last else None
        after = before.moved(batch.number, block, final)
        step = Advance(
            after, head, reading.state_at(after.number), facts, final, batch.created, anchor, reading.head_time
        )
        said = _position(reading, after, head)
        await self._publisher.publish_all(said)
        await self._checkpoints.advance(before, step)
        if anchor is not None:
            reading.recent[anchor.block.number] = anchor
        reading.moved(after, final)
        if said:
            reading.said_to, reading.unsaid = after.number, {}


def _position(reading: Reading, at: Checkpoint, head: int) -> list[Outgoing]:
    """ChainAdvanced; nothing where there is no block to name: a later one then covers these blocks too."""
    if at.block is None:
        return []
    covers_from = 0 if reading.said_to is None else min(reading.said_to, at.number) + 1
    horizons = Horizons(head, head - reading.confirmations + 1, at.finalized)
    return [messages.advanced(at.chain, at.block, horizons, at.generation, covers_from, reading.unsaid)]
