"""What wallets hears of chains: approvals given and taken, and blocks that are no longer canonical."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, ChainId, TokenId, parse_uint256
from mercato.kit.messages import Incoming
from mercato.rpc.common.v1.common_pb2 import Block
from mercato.rpc.events.v1.events_pb2 import ApprovalChanged, ApprovalsChanged, ChainReorged
from mercato.services.wallets.model import Approval, Place
from mercato.services.wallets.usecases import FollowApprovals


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


class OnChainReorged:
    """Handler of `wallets.chains.reorged`."""

    def __init__(self, follow: FollowApprovals) -> None:
        self._follow = follow

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, ChainReorged):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        hashes = [_hash(block.hash) for block in event.orphaned]
        await self._follow.retract(incoming.message_id, ChainId.parse(event.chain_id), event.generation, hashes)


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


def _hash(raw: bytes) -> bytes:
    if len(raw) != 32:
        raise Poison("HASH_LENGTH", f"a hash has 32 bytes, not {len(raw)}")
    return raw
