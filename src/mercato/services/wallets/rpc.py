"""WalletsService over gRPC: parse, call the use case, render; and the events that tell of links."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from grpc import aio

from mercato.kit import messages, topology
from mercato.kit.finality import Finality
from mercato.kit.ids import Address, ChainId, UserId, parse_id
from mercato.kit.messages import Outgoing
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.wallets.v1 import wallets_pb2 as pb
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceServicer
from mercato.services.wallets.model import (
    Approval,
    ApprovalFilter,
    Claim,
    Entry,
    Occasion,
    Place,
    Proof,
    ReadPoint,
    Wallet,
)
from mercato.services.wallets.usecases import LinkWallet, ListApprovals, ListHistory, ManageWallets

Context = aio.ServicerContext[Any, Any]

_FINALITY = {
    Finality.LATEST: common_pb2.FINALITY_LATEST,
    Finality.SAFE: common_pb2.FINALITY_SAFE,
    Finality.FINALIZED: common_pb2.FINALITY_FINALIZED,
}


class WalletsServicer(WalletsServiceServicer):
    def __init__(
        self,
        link_wallet: LinkWallet,
        wallets: ManageWallets,
        list_approvals: ListApprovals,
        list_history: ListHistory,
    ) -> None:
        self._link_wallet = link_wallet
        self._wallets = wallets
        self._list_approvals = list_approvals
        self._list_history = list_history

    async def LinkWallet(self, request: pb.LinkWalletRequest, context: Context) -> pb.LinkWalletResponse:
        claim = Claim(
            user_id=_user_id(request.user_id),
            address=Address(request.address),
            chain=ChainId.parse(request.chain_id),
            proof=_proof(request.proof),
            occasion=Occasion.LINK if request.occasion == pb.OCCASION_LINK else Occasion.SIGN_IN,
        )
        wallet, created = await self._link_wallet.run(claim)
        return pb.LinkWalletResponse(wallet=_wallet(wallet), created=created)

    async def UnlinkWallet(self, request: pb.UnlinkWalletRequest, context: Context) -> pb.UnlinkWalletResponse:
        gone = await self._wallets.unlink(_user_id(request.user_id), parse_id(request.wallet_id, "wallet_id"))
        return pb.UnlinkWalletResponse(address=gone.address, chain_id=gone.chain.caip2)

    async def ResolveAddress(self, request: pb.ResolveAddressRequest, context: Context) -> pb.ResolveAddressResponse:
        shown = (ChainId.parse(request.chain_id), _proof(request.proof)) if request.chain_id else None
        found = await self._wallets.resolve(Address(request.address), shown)
        return pb.ResolveAddressResponse(
            user_id="" if found.user_id is None else str(found.user_id),
            left_user_ids=map(str, found.left),
            wallet_ids=map(str, found.wallets),
        )

    async def SetPrimaryWallet(self, request: pb.SetPrimaryWalletRequest, context: Context) -> pb.Wallet:
        return _wallet(
            await self._wallets.set_primary(_user_id(request.user_id), parse_id(request.wallet_id, "wallet_id"))
        )

    async def NoteWalletSeen(self, request: pb.NoteWalletSeenRequest, context: Context) -> pb.NoteWalletSeenResponse:
        await self._wallets.saw(parse_id(request.wallet_id, "wallet_id"))
        return pb.NoteWalletSeenResponse()

    async def ListWallets(self, request: pb.ListWalletsRequest, context: Context) -> pb.ListWalletsResponse:
        wallets = await self._wallets.list_of([_user_id(text) for text in request.user_ids])
        return pb.ListWalletsResponse(wallets=map(_wallet, wallets))

    async def ListApprovals(self, request: pb.ListApprovalsRequest, context: Context) -> pb.ListApprovalsResponse:
        owners = [*([request.owner] if request.owner else []), *request.owners]
        page = await self._list_approvals.run(_wanted(request, owners), request.page.first, request.page.after)
        return pb.ListApprovalsResponse(
            approvals=map(_approval, page.items),
            page=common_pb2.PageInfo(has_next_page=page.has_next, end_cursor=page.end_cursor),
            cursors=page.cursors,
            read_points=map(_read_point, page.at),
        )

    async def ListApprovalHistory(
        self, request: pb.ListApprovalHistoryRequest, context: Context
    ) -> pb.ListApprovalHistoryResponse:
        page = await self._list_history.run(_wanted(request, request.owners), request.page.first, request.page.after)
        return pb.ListApprovalHistoryResponse(
            entries=map(_entry, page.items),
            page=common_pb2.PageInfo(has_next_page=page.has_next, end_cursor=page.end_cursor),
            cursors=page.cursors,
            read_points=map(_read_point, page.at),
        )


def _proof(proof: pb.Proof) -> Proof:
    return Proof.KEY if proof == pb.PROOF_KEY else Proof.CONTRACT


def wallet_linked(wallet: Wallet) -> Outgoing:
    """wallets.events · wallet.linked; its id is the wallet's, so a link is announced as one event."""
    event = events_pb2.WalletLinked(
        user_id=str(wallet.user_id),
        wallet_id=str(wallet.id),
        address=wallet.address,
        chain_id=wallet.chain.caip2,
        primary=wallet.primary,
        occurred_at=wallet.linked_at,
    )
    return messages.outgoing(topology.WALLETS_EVENTS, topology.WALLET_LINKED, event, message_id=str(wallet.id))


def wallet_unlinked(wallet: Wallet, now: datetime) -> Outgoing:
    """wallets.events · wallet.unlinked; a wallet is unlinked once, for a new link has an id of its own."""
    event = events_pb2.WalletUnlinked(
        user_id=str(wallet.user_id),
        wallet_id=str(wallet.id),
        address=wallet.address,
        chain_id=wallet.chain.caip2,
        occurred_at=now,
    )
    return messages.outgoing(topology.WALLETS_EVENTS, topology.WALLET_UNLINKED, event, f"{wallet.id}:unlinked")


def _wanted(
    request: pb.ListApprovalsRequest | pb.ListApprovalHistoryRequest, owners: Iterable[bytes]
) -> ApprovalFilter:
    return ApprovalFilter(
        owners=tuple(dict.fromkeys(map(Address, owners))),
        chain=ChainId.parse(request.chain_id) if request.chain_id else None,
        operator=Address(request.operator) if request.operator else None,
        contract=Address(request.contract) if request.contract else None,
    )


def _user_id(text: str) -> UserId:
    return UserId(parse_id(text, "user_id"))


def _wallet(wallet: Wallet) -> pb.Wallet:
    return pb.Wallet(
        id=str(wallet.id),
        user_id=str(wallet.user_id),
        address=wallet.address,
        chain_id=wallet.chain.caip2,
        primary=wallet.primary,
        linked_at=wallet.linked_at,
        last_seen_at=wallet.last_seen_at,
    )


def _approval(approval: Approval) -> pb.Approval:
    return pb.Approval(
        chain_id=approval.chain.caip2,
        contract=approval.contract,
        owner=approval.owner,
        operator=approval.operator,
        token_id="" if approval.token_id is None else str(approval.token_id),
        approved=approval.approved,
        position=_position(approval.place),
    )


def _entry(entry: Entry) -> pb.ApprovalEntry:
    return pb.ApprovalEntry(
        approval=_approval(entry.approval),
        ended_by=None if entry.ended_by is None else _position(entry.ended_by),
    )


def _read_point(point: ReadPoint) -> common_pb2.ReadPoint:
    return common_pb2.ReadPoint(
        chain_id=point.chain.caip2,
        block_number=point.block.number,
        block_hash=point.block.hash,
        observed_at=point.observed_at,
        finality=_FINALITY[point.finality],
        safe=point.safe,
        finalized=point.finalized,
        block_time=point.block.time,
    )


def _position(place: Place) -> common_pb2.Position:
    return common_pb2.Position(
        block=common_pb2.Block(
            number=place.block_number, hash=place.block_hash, timestamp=int(place.block_time.timestamp())
        ),
        tx_hash=place.tx_hash,
        log_index=place.log_index,
    )
