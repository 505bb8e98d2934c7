"""Approvals, transfers, forks and progress of an imagined chain, as messages; and how lists are asked about them."""

from __future__ import annotations

from collections.abc import Iterable

from mercato.kit.ids import Address, ChainId, keccak256
from mercato.kit.messages import Incoming, content_id
from mercato.rpc.common.v1.common_pb2 import STANDARD_ERC721, Block
from mercato.rpc.events.v1.events_pb2 import (
    ApprovalChanged,
    ApprovalsChanged,
    ChainAdvanced,
    ChainReorged,
    FactBlocks,
    TokensTransferred,
    Transfer,
)
from mercato.services.wallets.consumers import OnApprovalsChanged, OnChainAdvanced, OnChainReorged, OnTokensTransferred
from mercato.services.wallets.model import Approval, ApprovalFilter
from mercato.services.wallets.store.approvals import ApprovalStore
from mercato.services.wallets.store.cache import ApprovalCache
from mercato.services.wallets.usecases import FollowApprovals, ListApprovals

OWNERS = [Address(bytes([1]) * 20), Address(bytes([2]) * 20)]
OPERATORS = [Address(bytes([8]) * 20), Address(bytes([9]) * 20)]
CONTRACT = Address(bytes([5]) * 20)
BIG = 2**256 - 1


Message = ApprovalsChanged | TokensTransferred | ChainReorged | ChainAdvanced


def id_of(message: Message) -> str:
    return content_id("k", message)


class Handlers:
    """All queues of the service, fed by hand."""

    def __init__(self, store: ApprovalStore, cache: ApprovalCache) -> None:
        follow = FollowApprovals(store, cache)
        self._approved = OnApprovalsChanged(follow)
        self._moved = OnTokensTransferred(follow)
        self._reorged = OnChainReorged(follow)
        self._advanced = OnChainAdvanced(follow)

    async def __call__(self, message: Message) -> None:
        incoming = Incoming(id_of(message), message.DESCRIPTOR.full_name, message, {}, 1)
        if isinstance(message, ChainReorged):
            await self._reorged(incoming)
        elif isinstance(message, ChainAdvanced):
            await self._advanced(incoming)
        elif isinstance(message, TokensTransferred):
            await self._moved(incoming)
        else:
            await self._approved(incoming)


def block(number: int, fork: str = "") -> Block:
    return Block(number=number, hash=keccak256(f"{fork}{number}".encode()), timestamp=1_700_000_000 + number)


def change(
    log_index: int,
    *,
    owner: Address = OWNERS[0],
    operator: Address = OPERATORS[0],
    approved: bool = True,
    token_id: int | None = None,
) -> ApprovalChanged:
    return ApprovalChanged(
        block=0, tx_hash=bytes(32), log_index=log_index, contract=CONTRACT, owner=owner, operator=operator,
        approved=approved, token_id="" if token_id is None else str(token_id),
    )  # fmt: skip


def facts(chain: ChainId, at: Block, *changes: ApprovalChanged, generation: int = 0) -> ApprovalsChanged:
    return ApprovalsChanged(at=FactBlocks(chain_id=chain.caip2, blocks=[at], generation=generation), approvals=changes)


def move(log_index: int, token_id: int, standard: int = STANDARD_ERC721) -> Transfer:
    """From whom to whom is of no matter here."""
    return Transfer(
        block=0, tx_hash=b"m" * 32, log_index=log_index, contract=CONTRACT, standard=standard, to=OWNERS[1],
        token_id=str(token_id), **{"from": OWNERS[0]},
    )  # fmt: skip


def moved(chain: ChainId, at: Block, *transfers: Transfer, generation: int = 0) -> TokensTransferred:
    return TokensTransferred(
        at=FactBlocks(chain_id=chain.caip2, blocks=[at], generation=generation), transfers=transfers
    )


def reorg(chain: ChainId, generation: int, *orphaned: Block) -> ChainReorged:
    return ChainReorged(
        chain_id=chain.caip2, orphaned=orphaned, common_ancestor=block(orphaned[0].number - 1), generation=generation
    )


def advanced(
    chain: ChainId,
    at: Block,
    *after: Message,
    from_block: int | None = None,
    generation: int = 0,
    safe: int = 0,
    finalized: int = 0,
) -> ChainAdvanced:
    """By default it covers that block alone, and the first one everything before."""
    return ChainAdvanced(
        chain_id=chain.caip2, indexed=at, head=at.number, safe=safe, finalized=finalized, generation=generation,
        from_block=(at.number if at.number > 1 else 0) if from_block is None else from_block,
        approvals_after=map(id_of, after), after=["only the catalog waits for this"],
    )  # fmt: skip


async def in_force(listing: ListApprovals, chain: ChainId, owner: Address = OWNERS[0]) -> list[Approval]:
    return list((await listing.run(ApprovalFilter((owner,), chain), 0, "")).items)


async def as_of(listing: ListApprovals, chain: ChainId, owner: Address = OWNERS[0]) -> list[tuple[int, bytes]]:
    """The blocks that the page is true at."""
    page = await listing.run(ApprovalFilter((owner,), chain), 0, "")
    return [(point.block.number, point.block.hash) for point in page.at]


def said(approvals: Iterable[Approval]) -> list[tuple[Address, int | None, int, int]]:
    return [(a.operator, a.token_id, a.place.block_number, a.place.log_index) for a in approvals]
