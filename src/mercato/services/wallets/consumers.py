"""What wallets hears of chains: approvals given and taken, tokens moved, and blocks that are no longer canonical."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, ChainId, TokenId, parse_uint256
from mercato.kit.messages import Incoming
from mercato.rpc.common.v1.common_pb2 import STANDARD_ERC721, Block
from mercato.rpc.events.v1.events_pb2 import (
    ApprovalChanged,
    ApprovalsChanged,
    ChainReorged,
    TokensTransferred,
    Transfer,
)
from mercato.services.wallets.model import Approval, Moves, MovesAt, Place
from mercato.services.wallets.usecases import FollowApprovals

_ADDRESS = 20
_DIGITS = 78


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
        orphaned = {_hash(block.hash): block.number for block in event.orphaned}
        await self._follow.retract(incoming.message_id, ChainId.parse(event.chain_id), event.generation, orphaned)


def _approval(chain: ChainId, blocks: Sequence[Block], change: ApprovalChanged) -> Approval:
    if change.block >= len(blocks):
        raise Poison("BLOCK_MISSING", f"a fact names block {change.block} of {len(blocks)}")
    block = blocks[change.block]
    return Approval.changed(
        chain=chain,
        contract=Address(change.contract),
        owner=Address(change.owner),
        operator=Address(change.operator),
        token_id=TokenId(parse_uint256(change.token_id, "token_id")) if change.token_id else None,
        approved=change.approved,
        place=Place(
            block_number=block.number,
            block_hash=_hash(block.hash),
            block_time=datetime.fromtimestamp(block.timestamp, UTC),
            tx_hash=_hash(change.tx_hash),
            log_index=change.log_index,
        ),
    )


def _moves(blocks: Sequence[Block], transfers: Iterable[Transfer]) -> Moves:
    """Each once, for one statement cannot take a row twice. ERC-1155 knows no approval of one token."""
    found = Moves(
        [MovesAt(b.number, _hash(b.hash), datetime.fromtimestamp(b.timestamp, UTC)) for b in blocks], [], [], [], [], []
    )
    seen = set()
    for transfer in transfers:
        if transfer.standard != STANDARD_ERC721:
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
