"""UsersService over gRPC: parse, call the use case, render; and what users asks of media."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpc import aio

from mercato.kit import tracing
from mercato.kit.errors import NotFound
from mercato.kit.grpc import error_from_status
from mercato.kit.ids import Address, UserId, parse_id
from mercato.rpc.media.v1 import media_pb2
from mercato.rpc.users.v1 import users_pb2 as pb
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceServicer
from mercato.services.users.model import Link, ProfileChange, User
from mercato.services.users.usecases import BatchGetUsers, EnsureUser, FindUser, UpdateProfile

if TYPE_CHECKING:
    from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceAsyncStub

Context = aio.ServicerContext[Any, Any]

_PATIENCE = 3.0
"""Seconds for a question to media: less than a caller of ours waits."""


class UsersServicer(UsersServiceServicer):
    def __init__(
        self,
        ensure_user: EnsureUser,
        batch_get_users: BatchGetUsers,
        find_user: FindUser,
        update_profile: UpdateProfile,
    ) -> None:
        self._ensure_user = ensure_user
        self._batch_get_users = batch_get_users
        self._find_user = find_user
        self._update_profile = update_profile

    async def EnsureUser(self, request: pb.EnsureUserRequest, context: Context) -> pb.EnsureUserResponse:
        left = [UserId(parse_id(text, "left_user_ids")) for text in request.left_user_ids]
        user, created = await self._ensure_user.run(Address(request.address), left)
        return pb.EnsureUserResponse(user=_user(user), created=created)

    async def BatchGetUsers(self, request: pb.BatchGetUsersRequest, context: Context) -> pb.BatchGetUsersResponse:
        users = await self._batch_get_users.run([UserId(parse_id(text, "ids")) for text in request.ids])
        return pb.BatchGetUsersResponse(users=map(_user, users))

    async def FindUser(self, request: pb.FindUserRequest, context: Context) -> pb.FindUserResponse:
        found = await self._find_user.run(request.handle)
        return pb.FindUserResponse(user=None if found is None else _user(found))

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, context: Context) -> pb.User:
        change = ProfileChange(
            handle=request.handle if request.HasField("handle") else None,
            display_name=request.display_name if request.HasField("display_name") else None,
            bio=request.bio if request.HasField("bio") else None,
            avatar_uri=request.avatar_uri if request.HasField("avatar_uri") else None,
            links=tuple(Link(link.label, link.url) for link in request.links.links)
            if request.HasField("links")
            else None,
        )
        return _user(await self._update_profile.run(UserId(parse_id(request.user_id, "user_id")), change))


class MediaClient:
    def __init__(self, stub: MediaServiceAsyncStub) -> None:
        self._stub = stub

    async def find_type(self, uri: str) -> str | None:
        """Content type of the file that is stored under an ``ipfs://`` URI; of its bytes none is read. Raises
        `Unavailable` while media is away."""
        request = media_pb2.ReadRequest(path=uri.removeprefix("ipfs://"))
        call = self._stub.Read(request, timeout=_PATIENCE, metadata=_trace(), wait_for_ready=True)
        try:
            return (await anext(aiter(call))).header.content_type
        except aio.AioRpcError as error:
            known = error_from_status(error)
            if isinstance(known, NotFound):
                return None
            raise known from None
        finally:
            call.cancel()


def _trace() -> aio.Metadata:
    return aio.Metadata(*tracing.inject().items())


def _user(user: User) -> pb.User:
    return pb.User(
        id=str(user.id),
        address=user.address,
        profile=pb.Profile(
            handle=user.profile.handle or "",
            display_name=user.profile.display_name,
            bio=user.profile.bio,
            avatar_uri=user.profile.avatar_uri,
            links=[pb.ProfileLink(label=link.label, url=link.url) for link in user.profile.links],
        ),
        created_at=user.created_at,
        last_login_at=user.last_login_at,
    )
