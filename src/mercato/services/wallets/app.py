"""The wallets service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from mercato.kit import grpc, ops, postgres, rabbit, redis
from mercato.kit.ids import new_id
from mercato.kit.inbox import InboxPruner
from mercato.kit.logging import get_logger
from mercato.kit.outbox import OutboxRelay
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.wallets.v1.wallets_pb2_grpc import add_WalletsServiceServicer_to_server
from mercato.services.wallets.consumers import (
    OnApprovalsChanged,
    OnChainAdvanced,
    OnChainReorged,
    OnTokensTransferred,
)
from mercato.services.wallets.rpc import WalletsServicer, wallet_linked, wallet_unlinked
from mercato.services.wallets.store.approvals import (
    ADVANCED_CONSUMER,
    APPROVED_CONSUMER,
    REORGED_CONSUMER,
    TRANSFERRED_CONSUMER,
    ApprovalStore,
)
from mercato.services.wallets.store.cache import ApprovalCache
from mercato.services.wallets.store.reading import ApprovalPages
from mercato.services.wallets.store.wallets import WalletStore
from mercato.services.wallets.usecases import FollowApprovals, LinkWallet, ListApprovals, ListHistory, ManageWallets


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    log = get_logger("wallets")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "wallet_db"))
        client = await enter(redis.connected(settings))
        broker = await enter(rabbit.connected(settings, "wallets"))
        wallets = WalletStore(database, client, wallet_linked, wallet_unlinked, log)
        pages, cache = ApprovalPages(database), ApprovalCache(client, log)
        follow = FollowApprovals(ApprovalStore(database), cache)
        servicer = WalletsServicer(
            LinkWallet(wallets, _now, new_id),
            ManageWallets(wallets, _now),
            ListApprovals(pages, cache),
            ListHistory(pages),
        )
        await enter(looping(log, "outbox", OutboxRelay(database, broker.publisher).run))
        await enter(looping(log, "inbox", InboxPruner(database).run))
        await enter(looping(log, "approvals cache", cache.run))
        await enter(broker.consuming(APPROVED_CONSUMER, OnApprovalsChanged(follow)))
        await enter(broker.consuming(TRANSFERRED_CONSUMER, OnTokensTransferred(follow)))
        await enter(broker.consuming(REORGED_CONSUMER, OnChainReorged(follow)))
        await enter(broker.consuming(ADVANCED_CONSUMER, OnChainAdvanced(follow)))
        await enter(
            grpc.serving(
                settings,
                "wallets",
                [(add_WalletsServiceServicer_to_server, servicer, "mercato.wallets.v1.WalletsService")],
            )
        )
        await enter(ops.serving(settings, "wallets", {"postgres": database.check, "rabbitmq": broker.check}))
        yield


def _now() -> datetime:
    return datetime.now(UTC)
