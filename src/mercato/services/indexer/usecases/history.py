"""Reading old blocks by ranges: the next range is fetched and decoded while the current one is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from mercato.evm.logs import RawLog, decode
from mercato.evm.rpc import Header, RangeTooLarge
from mercato.kit.ids import Address
from mercato.kit.tasks import ended
from mercato.services.indexer.model.chain import NodeInconsistent, ReadHistory
from mercato.services.indexer.model.raw import untimed_blocks
from mercato.services.indexer.model.scope import ALL_TOPICS, Scope
from mercato.services.indexer.usecases.delivery import Batch, Deliver, batch_of
from mercato.services.indexer.usecases.ports import Node
from mercato.services.indexer.usecases.reading import Reading

ADDRESSES_AT_ONCE = 500
"""Providers refuse long lists of addresses, at differing lengths."""

_TURN = 5.0


class CatchUp:
    """Takes a reader through history, a few seconds at a time, so that the head is looked at in between."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    async def __call__(self, reading: Reading, step: ReadHistory) -> bool:
        """True when every range read follows our checkpoint; False proves a fork below it, and nothing of the range was
        handed over. Raises what nodes and stores raise; then the term has to be loaded anew."""
        until = asyncio.get_running_loop().time() + _TURN
        first = step.first
        fetching = asyncio.create_task(fetch_range(reading, first, step.last))
        try:
            while True:
                before, batch = await fetching
                if not _follows(reading, before):
                    return False
                first = batch.number + 1
                more = first <= step.last and asyncio.get_running_loop().time() < until
                if more:
                    fetching = asyncio.create_task(fetch_range(reading, first, step.last))
                await self._deliver.history(reading, batch)
                if not more:
                    return True
        finally:
            await ended([fetching])


async def fetch_range(reading: Reading, first: int, last: int) -> tuple[Header | None, Batch]:
    """The header of the first block of a range that the node gives at once, and what is in the range."""
    while True:
        until = min(last, first + reading.range_size.blocks - 1)
        try:
            logs = await _range_logs(reading.node, reading.scope, first, until)
        except RangeTooLarge as refusal:
            if until == first:
                logs = await block_logs_from_receipts(reading.node, first)
            else:
                asked = until - first + 1
                fits = refusal.suggested[1] - first + 1 if refusal.suggested else None
                reading.range_size = reading.range_size.refused(asked, fits)
                continue
        reading.range_size = reading.range_size.after(len(logs), until - first + 1)
        return await _read(reading, first, until, logs)


async def _read(reading: Reading, first: int, until: int, logs: list[RawLog]) -> tuple[Header | None, Batch]:
    created = reading.scope.created(logs)
    reading.scope.collections |= created.keys()
    counted = reading.scope.admitted(logs)
    facts = decode(counted)
    headers = await _headers(reading, {first, until}, untimed_blocks(facts))
    _check_places(logs, first, until, headers)
    timestamps = {header.hash: header.timestamp for header in headers.values()}
    batch = batch_of(until, headers.get(until), counted, facts, timestamps, created)
    return headers.get(first), batch


def _follows(reading: Reading, header: Header | None) -> bool:
    return header is None or reading.checkpoint.hash in (None, header.parent_hash)


async def _headers(reading: Reading, ends: set[int], needed: set[int]) -> dict[int, Header]:
    """Headers by number; the ends of a range may be missing where the node has a gap.

    A node that lacks a block may lag, and then its logs were incomplete; one that has its head but not this block is
    pruned, or a recording of some blocks only. Raises `NodeInconsistent` for the former.
    """
    found = await _present(reading.node, ends | needed)
    if missing := (ends | needed) - found.keys():
        found |= await _present(reading.node, {*missing, reading.head})
        if reading.head not in found or needed - found.keys():
            raise NodeInconsistent("NODE_INCONSISTENT", f"the node is past block {min(missing)}, but does not have it")
    return found


async def _present(node: Node, numbers: set[int]) -> dict[int, Header]:
    return {header.number: header for header in await node.headers(sorted(numbers)) if header is not None}


def _check_places(logs: Sequence[RawLog], first: int, last: int, headers: Mapping[int, Header]) -> None:
    """Raises `NodeInconsistent` for logs out of range, of two blocks at one height, or of a block that is not there."""
    seen: dict[int, str] = {}
    for number_text, hash_ in {(log.block_number, log.block_hash) for log in logs}:
        number = _number(number_text)
        header = headers.get(number)
        expected = seen.setdefault(number, hash_ if header is None else "0x" + header.hash.hex())
        if hash_ != expected or not first <= number <= last:
            raise NodeInconsistent("NODE_INCONSISTENT", f"a log of block {number} ({hash_}) is not of the chain read")


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise NodeInconsistent("MALFORMED_LOGS", f"{text!r} is no block number") from None


async def _range_logs(node: Node, scope: Scope, first: int, last: int) -> list[RawLog]:
    """The logs of a range; those of collections that are created in it are asked for in a second request."""
    if scope.everything:
        return await node.logs(first, last, topics=[ALL_TOPICS])
    logs = await _logs_of(node, scope.addresses(), first, last)
    born = {text: number for text, number in scope.created(logs).items() if text not in scope.collections}
    if born:
        logs += await _logs_of(node, [Address.parse(text) for text in born], min(born.values()), last)
    return logs


async def _logs_of(node: Node, addresses: Sequence[Address], first: int, last: int) -> list[RawLog]:
    """No addresses means no logs here, whereas a node takes it for all."""
    parts = [addresses[i : i + ADDRESSES_AT_ONCE] for i in range(0, len(addresses), ADDRESSES_AT_ONCE)]
    return [log for part in parts for log in await node.logs(first, last, addresses=part, topics=[ALL_TOPICS])]


async def block_logs_from_receipts(node: Node, block: int | bytes) -> list[RawLog]:
    """All logs of one block, for when eth_getLogs refuses even that."""
    return [log for receipt in await node.block_receipts(block) for log in receipt.logs]
