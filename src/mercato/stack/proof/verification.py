"""Sampled rows of the read model against the chain itself: who owns, who holds, and what receipts say moved.

A row may disagree for a moment because a fact is on its way, so what disagrees is looked at again; only what disagrees
each time is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from mercato.evm.abi import Function, UndecodableData
from mercato.evm.directory import ChainDirectory, ChainHandle
from mercato.evm.logs import ConsecutiveTransferFact, RawLog, TransferFact, decode
from mercato.evm.rpc import BlockUnknown, Reverted, RpcError, RpcPool
from mercato.kit import grpc, postgres
from mercato.kit.errors import FailedPrecondition, NotFound
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.catalog.store.natural import ReadPoint, at_one_moment, list_chains
from mercato.services.catalog.store.sampling import (
    HeldUnits,
    Moved,
    MovesOfBlock,
    OwnedToken,
    Sample,
    draw,
    known_contracts,
)
from mercato.services.indexer.messages import MAX_CONSECUTIVE

_OWNER_OF = Function("ownerOf(uint256)", returns="(address)")
_BALANCE_OF = Function("balanceOf(address,uint256)", returns="(uint256)")
_GAS = 2_000_000
_LOOKS = 3
_LOOK_AGAIN = 1.0
_PATIENCE = 15.0
_RECEIPTS_AT_ONCE = 8


@dataclass(frozen=True)
class Disagreement:
    """`subject` names the row; `table` and `chain` are what either side says of it."""

    kind: str
    subject: str
    table: str
    chain: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: the table says {self.table}, the chain says {self.chain}"


@dataclass(frozen=True)
class Verified:
    """What was looked at, at which block, and what disagreed."""

    point: ReadPoint
    owners: int
    balances: int
    blocks: int
    transfers: int
    disagreements: tuple[Disagreement, ...]


class Verifying:
    """Asks the nodes of the chain registry about rows of the live catalog."""

    def __init__(self, live: Database, directory: ChainDirectory) -> None:
        self._live = live
        self._directory = directory

    async def chains(self) -> tuple[list[ChainId], list[ChainId]]:
        """The chains there is something to verify of: those whose nodes can be asked, and those switched off."""
        served = {handle.chain_id for handle in await self._directory.all()}
        known = await list_chains(self._live)
        return [chain for chain in known if chain in served], [chain for chain in known if chain not in served]

    async def run(self, chain: ChainId, size: int, seed: int) -> Verified:
        """Looks at up to `size` owners, `size` balances and the transfers of `size` blocks.

        Raises `NotFound` CHAIN_NOT_CATALOGUED, and `FailedPrecondition` NODE_ELSEWHERE when the node does not have the
        block the rows are true at, or NODE_WITHOUT_STATE when it has the block but not its state.
        """
        handle = await self._directory.get(chain)
        result = await self._look(handle, size, seed)
        for _ in range(_LOOKS - 1):
            if not result.disagreements:
                break
            await asyncio.sleep(_LOOK_AGAIN)
            again = await self._look(handle, size, seed)
            before = {(d.kind, d.subject) for d in result.disagreements}
            stayed = tuple(d for d in again.disagreements if (d.kind, d.subject) in before)
            result = replace(again, disagreements=stayed)
        return result

    async def _look(self, handle: ChainHandle, size: int, seed: int) -> Verified:
        until = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                return await self._look_once(handle, size, seed)
            except BlockUnknown as error:  # a fork that the catalog has not heard of yet
                if asyncio.get_running_loop().time() > until:
                    raise FailedPrecondition(
                        "NODE_ELSEWHERE", f"the node does not have the block that the rows are true at: {error.message}"
                    ) from error
            await asyncio.sleep(_LOOK_AGAIN)

    async def _look_once(self, handle: ChainHandle, size: int, seed: int) -> Verified:
        async with at_one_moment(self._live, handle.chain_id) as moment:
            point = moment.point
            if point is None:
                raise NotFound("CHAIN_NOT_CATALOGUED", f"the catalog has read nothing of {handle.chain_id.caip2} yet")
            sample = await draw(moment, size, seed)
            known = None if handle.chain.scope == chains_pb2.INDEX_SCOPE_ALL else await known_contracts(moment)
        found = [
            *await _owners(handle.pool, sample.tokens, point.hash),
            *await _balances(handle.pool, sample.balances, point.hash),
            *await _transfers(handle.pool, sample.blocks, known),
        ]
        return _verified(point, sample, found)


@asynccontextmanager
async def verifying(settings: Settings) -> AsyncIterator[Verifying]:
    """Opened on the catalog's database, which it only reads, and the chain registry."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        live = await enter(postgres.connected(settings, "catalog_db"))
        directory = await enter(ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub))))
        yield Verifying(live, directory)


def _verified(point: ReadPoint, sample: Sample, found: Sequence[Disagreement]) -> Verified:
    moves = sum(len(block.moves) for block in sample.blocks)
    return Verified(point, len(sample.tokens), len(sample.balances), len(sample.blocks), moves, tuple(found))


async def _owners(node: RpcPool, tokens: Sequence[OwnedToken], block: bytes) -> list[Disagreement]:
    calls = [(token.contract, _OWNER_OF.encode(token.token_id)) for token in tokens]
    answers = await _ask(node, calls, block)
    found = []
    for token, answer in zip(tokens, answers, strict=True):
        # A burned token has no owner, and ownerOf says so by reverting (EIP-721) or by the zero address.
        said = "nobody" if isinstance(answer, Reverted) else _said(_OWNER_OF, answer)
        said = "nobody" if said == ZERO_ADDRESS.checksum else said
        expected = token.owner.checksum if token.owner else "nobody"
        if said != expected:
            found.append(Disagreement("owner of", f"{token.contract.text} token {token.token_id}", expected, said))
    return found


async def _balances(node: RpcPool, balances: Sequence[HeldUnits], block: bytes) -> list[Disagreement]:
    calls = [(held.contract, _BALANCE_OF.encode(held.owner, held.token_id)) for held in balances]
    answers = await _ask(node, calls, block)
    found = []
    for held, answer in zip(balances, answers, strict=True):
        said = _said(_BALANCE_OF, answer)
        if said != str(held.amount):
            subject = f"{held.contract.text} token {held.token_id} of {held.owner.text}"
            found.append(Disagreement("balance of", subject, str(held.amount), said))
    return found


async def _ask(node: RpcPool, calls: Sequence[tuple[Address, bytes]], block: bytes) -> list[bytes | RpcError]:
    """eth_call of each. Raises `BlockUnknown`, and `FailedPrecondition` NODE_WITHOUT_STATE when the node refuses every
    one, though none reverts: then it is the node that cannot tell, not the rows that are wrong."""
    answers = await node.call_many(calls, block=block, gas=_GAS)
    refusals = [answer for answer in answers if isinstance(answer, RpcError) and not isinstance(answer, Reverted)]
    for refusal in refusals:
        if isinstance(refusal, BlockUnknown):
            raise refusal
    if refusals and len(refusals) == len(answers):
        raise FailedPrecondition(
            "NODE_WITHOUT_STATE",
            f"the node answers no eth_call at block 0x{block.hex()} ({refusals[0].message});"
            " register one that keeps the state of that block",
        )
    return answers


def _said(function: Function, answer: bytes | RpcError) -> str:
    """What a call returned, as text."""
    if isinstance(answer, RpcError):
        return f"nothing ({answer.message})"
    try:
        return str(function.decode_result(answer)[0])
    except UndecodableData:
        return "nothing (no such contract)"


async def _transfers(
    node: RpcPool, blocks: Sequence[MovesOfBlock], known: frozenset[bytes] | None
) -> list[Disagreement]:
    found: list[Disagreement] = []
    for start in range(0, len(blocks), _RECEIPTS_AT_ONCE):
        part = blocks[start : start + _RECEIPTS_AT_ONCE]
        for block_found in await asyncio.gather(*(_transfers_of(node, block, known) for block in part)):
            found += block_found
    return found


async def _transfers_of(node: RpcPool, block: MovesOfBlock, known: frozenset[bytes] | None) -> list[Disagreement]:
    """Both ways: rows that no receipt has, and logs that no row has. `known` are the contracts that count."""
    try:
        receipts = await node.block_receipts(block.hash)
    except BlockUnknown:
        subject = f"{block.number} (0x{block.hash.hex()})"
        return [Disagreement("block", subject, f"{len(block.moves)} transfers", "there is no such block")]
    logs = [log for receipt in receipts for log in receipt.logs]
    real = {place: move for place, move in _moves(logs) if known is None or move.contract in known}
    return [
        Disagreement(
            "transfer", f"block {block.number} log {place[0]}.{place[1]}",
            _told(block.moves.get(place)), _told(real.get(place)),
        )
        for place in sorted(block.moves.keys() | real.keys())
        if block.moves.get(place) != real.get(place)
    ]  # fmt: skip


def _moves(logs: Iterable[RawLog]) -> Iterator[tuple[tuple[int, int], Moved]]:
    for fact in decode(logs):
        if isinstance(fact, TransferFact):
            yield (
                (fact.log_index, fact.batch_index),
                Moved(
                    fact.tx_hash, Address(fact.contract), fact.token_id, _somebody(fact.from_), _somebody(fact.to),
                    fact.amount,
                ),
            )  # fmt: skip
        elif isinstance(fact, ConsecutiveTransferFact) and fact.last - fact.first < MAX_CONSECUTIVE:
            for index, token_id in enumerate(range(fact.first, fact.last + 1)):
                yield (
                    (fact.log_index, index),
                    Moved(fact.tx_hash, Address(fact.contract), token_id, _somebody(fact.from_), _somebody(fact.to), 1),
                )


def _somebody(account: bytes) -> Address | None:
    return None if account == bytes(ZERO_ADDRESS) else Address(account)


def _told(move: Moved | None) -> str:
    if move is None:
        return "nothing"
    sender, recipient = (account.text if account else "nobody" for account in (move.sender, move.recipient))
    return f"{move.amount} of {move.contract.text} token {move.token_id} from {sender} to {recipient}"
