"""The users service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from mercato.kit import grpc, ops, postgres, rabbit
from mercato.kit.ids import UserId, new_id
from mercato.kit.inbox import InboxPruner
from mercato.kit.logging import get_logger
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceStub
from mercato.rpc.users.v1.users_pb2_grpc import add_UsersServiceServicer_to_server
from mercato.services.users.consumers import OnUserLoggedIn
from mercato.services.users.rpc import MediaClient, UsersServicer
from mercato.services.users.store import LOGIN_CONSUMER, UserStore
from mercato.services.users.usecases import BatchGetUsers, EnsureUser, FindUser, RecordLogin, UpdateProfile


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "user_db"))
        broker = await enter(rabbit.connected(settings, "users"))
        media = await enter(grpc.connected(settings, "media", MediaServiceStub))
        store = UserStore(database)
        servicer = UsersServicer(
            EnsureUser(store, _now, lambda: UserId(new_id())),
            BatchGetUsers(store),
            FindUser(store),
            UpdateProfile(store, MediaClient(media), _now, timedelta(seconds=settings.handle_hold)),
        )
        await enter(looping(get_logger("users"), "inbox", InboxPruner(database).run))
        await enter(broker.consuming(LOGIN_CONSUMER, OnUserLoggedIn(RecordLogin(store))))
        await enter(
            grpc.serving(
                settings, "users", [(add_UsersServiceServicer_to_server, servicer, "mercato.users.v1.UsersService")]
            )
        )
        await enter(ops.serving(settings, "users", {"postgres": database.check, "rabbitmq": broker.check}))
        yield


def _now() -> datetime:
    return datetime.now(UTC)
