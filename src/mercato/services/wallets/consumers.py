"""What wallets hears of chains: approvals given and taken, tokens moved, how far a
chain is read, and blocks that are no longer canonical."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, ChainId, TokenId, parse_uint256
from mercato.kit.messages import Incoming
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1.events_pb2 import (
    ApprovalChanged,
    ApprovalsChanged,
    ChainAdvanced,
    ChainReorged,
    TokensTransferred,
    Transfer,
)
from mercato.services.wallets.model import Approval, Block, Moves, Place, Progress, Retraction
from mercato.services.wallets.usecases import FollowApprovals

_ADDRESS = 20
_DIGITS = 78
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799


class OnApprovalsChanged:
    """Handler of `wallets.tokens.approved`."""

    def __init__(self, follow: FollowApprovals) -> None:
        self._follow = follow

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, ApprovalsChanged):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        chain = ChainId.parse(event.at.chain_id)
        facts = [_approval(chain, event.at.blocks, change) for change in event.approvals]
        await self._follow.apply(incoming.message_id, chain, event.at.generation, facts)


class OnTokensTransferred:
    """Handler of `wallets.tokens.transferred`."""

    def __init__(self, follow: FollowApprovals) -> None:
        self._follow = follow

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, TokensTransferred):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        moves = _moves(event.at.blocks, event.transfers)
        await self._follow.move(incoming.message_id, ChainId.parse(event.at.chain_id), event.at.generation, moves)


class OnChainReorged:
    """Handler of `wallets.chains.reorged`."""

    def __init__(self, follow: FollowApprovals) -> None:
        self._follow = follow

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, ChainReorged):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        if event.generation == 0:
            raise Poison("GENERATION_MISSING", "reorganisations of a chain are counted from 1")
        orphaned = {_hash(block.hash): block.number for block in event.orphaned}
        retraction = Retraction(event.generation, orphaned, _block(event.common_ancestor))
        await self._follow.retract(incoming.message_id, ChainId.parse(event.chain_id), retraction)


class OnChainAdvanced:
    """Handler of `wallets.chains.advanced`."""

    def __init__(self, follow: FollowApprovals) -> None:
        self._follow = follow

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, ChainAdvanced):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        progress = Progress(
            generation=event.generation,
            indexed=_block(event.indexed),
            head=event.head,
            safe=event.safe,
            finalized=event.finalized,
            from_block=event.from_block,
            after=list(event.approvals_after),
        )
        await self._follow.advance(incoming.message_id, ChainId.parse(event.chain_id), progress)


def _block(told: common_pb2.Block) -> Block:
    # A chain may claim any time; a timestamp ends with the year 9999.
    return Block(told.number, _hash(told.hash), _EPOCH + timedelta(seconds=min(told.timestamp, _LAST_SECOND)))


def _approval(chain: ChainId, blocks: Sequence[common_pb2.Block], change: ApprovalChanged) -> Approval:
    if change.block >= len(blocks):
        raise Poison("BLOCK_MISSING", f"a fact names block {change.block} of {len(blocks)}")
    block = _block(blocks[change.block])
    return Approval.changed(
        chain=chain,
        contract=Address(change.contract),
        owner=Address(change.owner),
        operator=Address(change.operator),
        token_id=TokenId(parse_uint256(change.token_id, "token_id")) if change.token_id else None,
        approved=change.approved,
        place=Place(
            block_number=block.number,
            block_hash=block.hash,
            block_time=block.time,
            tx_hash=_hash(change.tx_hash),
            log_index=change.log_index,
        ),
    )


def _moves(blocks: Sequence[common_pb2.Block], transfers: Iterable[Transfer]) -> Moves:
    """Each once, for one statement cannot take a row twice. ERC-1155 knows no approval of one token."""
    found = Moves([_block(block) for block in blocks], [], [], [], [], [])
    seen = set()
    for transfer in transfers:
        if transfer.standard != common_pb2.STANDARD_ERC721:
            continue
        at, contract, token_id, log_index = transfer.block, transfer.contract, transfer.token_id, transfer.log_index
        key = at, log_index, contract, token_id
        if key in seen:
            continue
        seen.add(key)
        if at >= len(blocks):
            raise Poison("BLOCK_MISSING", f"a fact names block {at} of {len(blocks)}")
        if len(contract) != _ADDRESS or not (token_id.isascii() and token_id.isdecimal() and len(token_id) <= _DIGITS):
            raise Poison("TOKEN_UNREADABLE", "a token is 20 bytes of contract and up to 78 decimal digits")
        found.at.append(at)
        found.contracts.append(contract)
        found.token_ids.append(token_id)
        found.log_indexes.append(log_index)
        found.tx_hashes.append(_hash(transfer.tx_hash))
    return found


def _hash(raw: bytes) -> bytes:
    if len(raw) != 32:
        raise Poison("HASH_LENGTH", f"a hash has 32 bytes, not {len(raw)}")
    return raw
