"""Bringing in contracts that exist: the reader follows them from its place on, their history is read beside it.

The reader takes a contract up between two steps. Blocks that a fork may still take away it reads again, for this
contract alone; a fork retracts what that brings like all the rest of the block. What lies below is history that no fork
reaches; another loop reads it by ranges and notes after each how far it is. Facts are idempotent, so
whatever a crash repeats, and wherever the two meet, changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from mercato.evm.abi import Function, UndecodableData
from mercato.evm.directory import ChainHandle
from mercato.evm.logs import RawLog, Standard, decode
from mercato.evm.rpc import Header, RpcError
from mercato.kit.errors import FailedPrecondition, InvalidArgument, Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.services.indexer import messages
from mercato.services.indexer.model import bloom
from mercato.services.indexer.model.chain import Block, Checkpoint, LeadershipLost, NodeInconsistent, RecentBlock
from mercato.services.indexer.model.imports import CollectionImport, Contract, ImportRequest, ImportState
from mercato.services.indexer.model.ranges import RangeSize
from mercato.services.indexer.model.scope import Scope
from mercato.services.indexer.usecases.delivery import Batch, Deliver, batch_of
from mercato.services.indexer.usecases.history import fetch_range
from mercato.services.indexer.usecases.ports import ContractNode, ImportStore
from mercato.services.indexer.usecases.reading import Reading
from mercato.services.indexer.usecases.tip import SPAN, complete_logs

_SUPPORTS = Function("supportsInterface(bytes4)")
_NAME = Function("name()", returns="(string)")
_SYMBOL = Function("symbol()", returns="(string)")
_ERC165 = bytes.fromhex("01ffc9a7")
_INVALID = bytes.fromhex("ffffffff")
_STANDARDS = {bytes.fromhex("80ac58cd"): Standard.ERC721, bytes.fromhex("d9b67a26"): Standard.ERC1155}
_GAS = 500_000
"""Enough for proxies, and a bound for contracts that burn what they are given."""
_LONGEST_TEXT = 200
_PAUSE = 0.3


class Directory(Protocol):
    """The part of `evm.directory.ChainDirectory` that is used."""

    async def get(self, chain_id: ChainId) -> ChainHandle:
        """Raises `NotFound` CHAIN_UNKNOWN and `FailedPrecondition` CHAIN_DISABLED."""


class RequestImport:
    """Looks at a contract and has it imported."""

    def __init__(self, directory: Directory, imports: ImportStore) -> None:
        self._directory = directory
        self._imports = imports

    async def __call__(self, request: ImportRequest) -> CollectionImport:
        """The import, which may be an earlier one of the same contract.

        Raises `NotFound` CHAIN_UNKNOWN, `FailedPrecondition` CONTRACT_WITHOUT_CODE or NOT_AN_NFT_CONTRACT (ERC-165),
        `InvalidArgument` FROM_BLOCK_IN_FUTURE.
        """
        node = (await self._directory.get(request.chain)).pool
        if known := await self._imports.find(request.chain, request.contract):
            return known
        if not await node.code(request.contract):
            raise FailedPrecondition(
                "CONTRACT_WITHOUT_CODE",
                f"{request.contract.checksum} has no code on {request.chain.caip2}; check address and chain",
            )
        if request.from_block is not None and request.from_block > (head := await node.block_number()):
            raise InvalidArgument("FROM_BLOCK_IN_FUTURE", f"the newest block is {head}", field="from_block")
        return await self._imports.add(request, await look_at(node, request.contract))


async def look_at(node: ContractNode, contract: Address) -> Contract:
    """What a contract says of itself. Raises `FailedPrecondition` NOT_AN_NFT_CONTRACT when it does not answer ERC-165
    as an ERC-721 or ERC-1155 does, and `Unavailable` when the node does not answer."""
    asked = [_SUPPORTS.encode(interface) for interface in (_ERC165, _INVALID, *_STANDARDS)]
    answers = await node.call_many([(contract, data) for data in (*asked, _NAME.encode(), _SYMBOL.encode())], gas=_GAS)
    for answer in answers:
        if isinstance(answer, RpcError) and answer.retryable:
            raise Unavailable("NODE_UNAVAILABLE", f"the node did not answer for the contract: {answer.message}")
    *supported, name, symbol = answers
    yes = [not isinstance(answer, RpcError) and int.from_bytes(answer[:32]) == 1 for answer in supported]
    known, invalid, *spoken = yes
    for standard, speaks in zip(_STANDARDS.values(), spoken, strict=True):
        if speaks and known and not invalid:
            return Contract(standard, _text(_NAME, name), _text(_SYMBOL, symbol))
    raise FailedPrecondition(
        "NOT_AN_NFT_CONTRACT", f"{contract.checksum} does not say (by ERC-165) that it is an ERC-721 or ERC-1155"
    )


def _text(function: Function, answer: bytes | RpcError) -> str:
    """Empty where the contract has none: ERC-1155 asks for neither, ERC-721 makes both optional."""
    if isinstance(answer, RpcError):
        return ""
    try:
        (text,) = function.decode_result(answer)
    except UndecodableData:
        return ""
    return str(text)[:_LONGEST_TEXT]


async def find_deployment(node: ContractNode, contract: Address) -> int | None:
    """The first block in which the contract has code; None where the node does not keep old state.

    A contract that was destroyed and made again may have two; this finds one of them."""
    low, high = 0, await node.block_number()
    try:
        while low < high:
            middle = (low + high) // 2
            if await node.code(contract, middle):
                high = middle
            else:
                low = middle + 1
    except RpcError:
        return None
    return high


class JoinImports:
    """Takes up what was requested, as the reader of the chain, between two of its steps."""

    def __init__(self, deliver: Deliver, imports: ImportStore) -> None:
        self._deliver = deliver
        self._imports = imports

    async def __call__(self, reading: Reading) -> None:
        """Trouble with one contract is told in its import and does not keep the reader. Raises `LeadershipLost`, and
        `Unavailable` when the store does not answer."""
        for wanted in await self._imports.list_open(reading.chain):
            if wanted.state is not ImportState.REQUESTED or wanted.from_block is None:
                continue
            try:
                await self._join(reading, wanted, wanted.from_block)
            except LeadershipLost:
                raise
            except (Unavailable, RpcError) as error:
                await self._imports.complain(wanted, str(error))

    async def resume(self, reading: Reading) -> None:
        """At the start of a term: what should be followed and is not is taken up again. Raises `LeadershipLost`."""
        if not reading.scope.everything:
            await self._imports.reopen(reading.checkpoint)

    async def _join(self, reading: Reading, wanted: CollectionImport, from_block: int) -> None:
        recent = [known for number, known in sorted(reading.recent.items()) if number <= reading.checkpoint.number]
        bound = wanted.bound
        if bound is None:
            bound = await _bound(reading, recent, from_block)
            await self._imports.bind(reading.checkpoint, wanted, bound)
        binding = messages.imported(reading.checkpoint.generation, wanted, bound)
        if reading.scope.everything:
            await self._deliver.tell([binding])
            await self._imports.close(reading.checkpoint, wanted)
            return
        facts = await self._deliver.joined(reading, await _recent_logs(reading, recent, wanted.request.contract))
        await self._deliver.tell([binding])
        until = recent[0].block.number - 1 if recent else reading.checkpoint.number
        await self._imports.follow(reading.checkpoint, wanted, until, facts)
        reading.scope.collections.add(wanted.request.contract.text)


async def _bound(reading: Reading, recent: list[RecentBlock], from_block: int) -> Block:
    """The block an import is bound in: its first one, or the oldest recent one, which no fork we follow can take."""
    floor = recent[0].block.number if recent else max(0, reading.checkpoint.number)
    if from_block < floor or not recent:
        header = await reading.node.find_header(min(from_block, floor))
        if header is not None:
            return Block.of(header)
    if not recent:
        raise NodeInconsistent("BLOCKS_MISSING", f"the node does not have block {min(from_block, floor)}")
    return recent[0].block


async def _recent_logs(reading: Reading, recent: list[RecentBlock], contract: Address) -> Batch:
    """The contract's logs in the blocks that are read already and may yet be orphaned, proved complete."""
    headers = await reading.node.headers([known.block.number for known in recent])
    chosen: list[Header] = []
    for known, header in zip(recent, headers, strict=True):
        if header is None or header.hash != known.block.hash:
            raise NodeInconsistent("NODE_INCONSISTENT", f"the node's block {known.block.number} is not the one we read")
        if _may_name(header, contract):
            chosen.append(header)
    logs: list[RawLog] = []
    for start in range(0, len(chosen), SPAN):
        logs += await complete_logs(reading, chosen[start : start + SPAN])
    counted = _alone(contract).admitted(logs)
    timestamps = {header.hash: header.timestamp for header in chosen}
    return batch_of(reading.checkpoint.number, None, counted, decode(counted), timestamps, {})


def _may_name(header: Header, contract: Address) -> bool:
    """False when the block's filter proves that the contract logged nothing; an empty one proves nothing."""
    promised, wanted = int.from_bytes(header.logs_bloom), bloom.bits(contract)
    return not promised or promised & wanted == wanted


def _alone(contract: Address) -> Scope:
    return Scope(everything=False, factories=frozenset(), collections={contract.text})


class ReadImports:
    """Reads the history of what is imported on one chain, one range of each in turn, beside the chain's reader."""

    def __init__(self, deliver: Deliver, imports: ImportStore, handle: ChainHandle, log_range: int) -> None:
        self._deliver = deliver
        self._imports = imports
        self._handle = handle
        self._first_range = RangeSize(log_range)
        self._ranges: dict[int, RangeSize] = {}

    async def run(self) -> None:
        """Never returns; what it raises is the store's failure."""
        while True:
            if not await self.step():
                await asyncio.sleep(_PAUSE)

    async def step(self) -> bool:
        """Takes every import one range further; False when none moved."""
        moved = False
        for wanted in await self._imports.list_open(self._handle.chain_id):
            try:
                moved = await self._further(wanted) or moved
            except (Unavailable, RpcError) as error:
                await self._imports.complain(wanted, str(error))
        return moved

    async def _further(self, wanted: CollectionImport) -> bool:
        if wanted.from_block is None:
            found = await find_deployment(self._handle.pool, wanted.request.contract)
            await self._imports.locate(wanted, self._handle.chain.start_block if found is None else found)
            return True
        if wanted.state is ImportState.REQUESTED:
            return False
        reading = await self._reading(wanted)
        _, batch = await fetch_range(reading, wanted.next_block, wanted.until_block)
        facts = await self._deliver.beside(reading, batch)
        await self._imports.advance(wanted, batch.number + 1, facts)
        self._ranges[wanted.ref] = reading.range_size
        return True

    async def _reading(self, wanted: CollectionImport) -> Reading:
        """As if a reader of this contract alone stood before the next block."""
        chain, node = self._handle.chain_id, self._handle.pool
        generation = await self._imports.get_generation(chain)
        return Reading(
            node=node,
            finality_depth=self._handle.chain.gas_policy.finality_depth,
            scope=_alone(wanted.request.contract),
            checkpoint=Checkpoint(chain, wanted.next_block - 1, None, 0, wanted.until_block, generation, 0),
            range_size=self._ranges.get(wanted.ref, self._first_range),
            head=await node.block_number(),
        )
