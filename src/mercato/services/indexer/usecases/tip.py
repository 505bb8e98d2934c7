"""Reading new blocks one by one, each by its hash and each proved complete before anything of it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prometheus_client import Counter

from mercato.evm.logs import RawLog, decode
from mercato.evm.rpc import BlockUnknown, Header, RangeTooLarge
from mercato.services.indexer.model import bloom
from mercato.services.indexer.model.chain import BlocksMissing, LogsIncomplete, NodeInconsistent, ReadTip, linked
from mercato.services.indexer.usecases.delivery import Batch, Deliver, batch_of
from mercato.services.indexer.usecases.history import block_logs_from_receipts
from mercato.services.indexer.usecases.ports import Node, Pause
from mercato.services.indexer.usecases.reading import Reading
from mercato.services.indexer.usecases.witnesses import Confirm

SPAN = 16
"""Blocks read at once when the reader is a little behind."""

BEAT = 0.1
"""Seconds between the beginnings of two steps. Handing over costs by the message more than by the block, so of a chain
that is quicker than this several blocks go together; a block that comes alone waits for nothing."""

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)

_rereads = Counter("mercato_indexer_rereads_total", "Blocks whose logs were incomplete at first", ["chain"])


class FollowTip:
    """Takes a reader over a few new blocks."""

    def __init__(self, deliver: Deliver, confirm: Confirm | None = None, pause: Pause = asyncio.sleep) -> None:
        self._deliver = deliver
        self._confirm = confirm
        self._pause = pause

    async def __call__(self, reading: Reading, step: ReadTip, head: Header) -> bool:
        """True when the blocks follow ours (and are handed over now), False when they prove a fork.

        Raises `BlocksMissing` when the node has a gap there, and `LogsIncomplete` when it does not give all logs of a
        block after several tries: the reader stays in front of the gap.
        """
        next_beat = asyncio.get_running_loop().time() + BEAT
        headers = await _headers(reading.node, step, head)
        if not linked(reading.checkpoint, reading.recent, headers):
            return False
        if self._confirm:
            branch = {number: known.block.hash for number, known in reading.recent.items()}
            branch |= {header.number: header.hash for header in headers}
            await self._confirm(reading.checkpoint, headers[-1].number, branch)
        logs = await complete_logs(reading, headers, self._pause)
        await self._deliver.tip(reading, _batch(reading, headers, logs), headers)
        if headers[-1].number == head.number:
            await self._pause(max(0.0, next_beat - asyncio.get_running_loop().time()))
        return True


async def complete_logs(reading: Reading, headers: Sequence[Header], wait: Pause = asyncio.sleep) -> list[RawLog]:
    """All logs of these blocks, proved complete. Raises `LogsIncomplete` after several tries."""
    found: dict[bytes, list[RawLog]] = {}
    for pause in (*_PAUSES, None):
        missing = [header for header in headers if header.hash not in found]
        answers = await asyncio.gather(*(_block_logs(reading.node, header) for header in missing))
        found |= {h.hash: logs for h, logs in zip(missing, answers, strict=True) if logs is not None}
        if len(found) == len(headers):
            return [log for header in headers for log in found[header.hash]]
        _rereads.labels(reading.chain.caip2).inc(len(headers) - len(found))
        if pause is not None:
            await wait(pause)
    gap = next(header for header in headers if header.hash not in found)
    raise LogsIncomplete(
        "LOGS_INCOMPLETE", f"the node does not give the logs that block {gap.number} (0x{gap.hash.hex()}) promises"
    )


async def _headers(node: Node, step: ReadTip, head: Header) -> list[Header]:
    """Those of the step that the node has without interruption.

    Raises `BlocksMissing` when it has its head but not the first of them, and `NodeInconsistent` when not even that.
    """
    if step.first == head.number:
        return [head]
    *headers, top = await node.headers([*range(step.first, step.last + 1), head.number])
    present: list[Header] = []
    for header in headers:
        if header is None:
            break
        present.append(header)
    if not present and top is not None:
        raise BlocksMissing("BLOCKS_MISSING", f"the node has block {head.number}, but not block {step.first}")
    if not present:
        raise NodeInconsistent("NODE_INCONSISTENT", f"the node's head was {head.number}, now it lacks that and more")
    return present


async def _block_logs(node: Node, header: Header) -> list[RawLog] | None:
    """All logs of a block, whoever wrote them: only then can the header's filter prove them complete.

    None when they are not, or not of this block.
    """
    try:
        try:
            logs = await node.logs_by_hash(header.hash)
        except RangeTooLarge:
            logs = await block_logs_from_receipts(node, header.hash)
    except BlockUnknown:
        return None
    return logs if _complete(header, logs) else None


def _complete(header: Header, logs: Sequence[RawLog]) -> bool:
    own = "0x" + header.hash.hex()
    try:
        if any(log.block_hash != own or int(log.block_number, 16) != header.number for log in logs):
            return False
        items = {bytes.fromhex(text[2:]) for log in logs for text in (log.address, *log.topics)}
    except ValueError:
        return False
    return not bloom.unaccounted(int.from_bytes(header.logs_bloom), items)


def _batch(reading: Reading, headers: Sequence[Header], logs: Sequence[RawLog]) -> Batch:
    created = reading.scope.created(logs)
    reading.scope.collections |= created.keys()
    counted = reading.scope.admitted(logs)
    timestamps = {header.hash: header.timestamp for header in headers}
    return batch_of(headers[-1].number, headers[-1], counted, decode(counted), timestamps, created)
