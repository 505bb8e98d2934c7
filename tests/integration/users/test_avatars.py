"""An avatar is a picture that media holds: the real media service, its object store, and users asking it."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from users_parts import Pictures

from mercato.kit import grpc, postgres
from mercato.kit.errors import MercatoError, Unavailable
from mercato.kit.ids import Address, UserId, new_id
from mercato.kit.settings import Settings
from mercato.rpc.media.v1 import media_pb2
from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceStub
from mercato.rpc.users.v1 import users_pb2
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.services.media import app as media_app
from mercato.services.users import app as users_app
from mercato.services.users.model import ProfileChange
from mercato.services.users.rpc import MediaClient
from mercato.services.users.store import UserStore
from mercato.services.users.usecases import EnsureUser, UpdateProfile

if TYPE_CHECKING:
    from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceAsyncStub
    from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceAsyncStub

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ELSEWHERE = "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"


@dataclass(frozen=True)
class World:
    users: UsersServiceAsyncStub
    media: MediaServiceAsyncStub

    async def upload(self, data: bytes) -> str:
        async def parts() -> AsyncIterator[media_pb2.UploadRequest]:
            yield media_pb2.UploadRequest(header=media_pb2.UploadHeader(user_id=str(new_id()), file_name="a"))
            yield media_pb2.UploadRequest(chunk=data)

        return (await self.media.Upload(parts(), timeout=30)).uri

    async def somebody(self) -> str:
        return (await self.users.EnsureUser(users_pb2.EnsureUserRequest(address=os.urandom(20)))).user.id

    async def wear(self, user_id: str, uri: str, **more: str) -> users_pb2.User:
        return await self.users.UpdateProfile(
            users_pb2.UpdateProfileRequest(user_id=user_id, avatar_uri=uri, **more)  # type: ignore[arg-type]
        )

    async def refusal(self, uri: str) -> str:
        with pytest.raises(MercatoError) as refused:
            await self.wear(await self.somebody(), uri)
        assert refused.value.details["field"] == "avatar_uri"
        return refused.value.reason


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    async with AsyncExitStack() as services:
        enter = services.enter_async_context
        await enter(users_app.running(settings))
        await enter(media_app.running(settings))
        users = await enter(grpc.connected(settings, "users", UsersServiceStub))
        yield World(users, await enter(grpc.connected(settings, "media", MediaServiceStub)))


async def test_an_uploaded_picture_is_worn_and_taken_off(world: World) -> None:
    user_id, uri = await world.somebody(), await world.upload(PNG)
    assert (await world.wear(user_id, uri)).profile.avatar_uri == uri
    assert (await world.wear(user_id, "")).profile.avatar_uri == ""


@pytest.mark.parametrize("uri", [ELSEWHERE, ELSEWHERE + "/1.png", ELSEWHERE + "/a/b.png"])
async def test_what_is_not_stored_here_is_refused(world: World, uri: str) -> None:
    assert await world.refusal(uri) == "AVATAR_NOT_STORED"


async def test_a_file_that_is_no_picture_is_refused(world: World) -> None:
    """A drawing may run scripts, so it is handed out as a download; a document is text."""
    assert await world.refusal(await world.upload(SVG)) == "AVATAR_NOT_AN_IMAGE"
    request = media_pb2.CreateMetadataRequest(user_id=str(new_id()), json='{"name": "not a picture"}')
    document = await world.media.CreateMetadata(request)
    assert await world.refusal(document.uri) == "AVATAR_NOT_AN_IMAGE"


async def test_a_refused_picture_changes_nothing_else(world: World) -> None:
    user_id = await world.somebody()
    with pytest.raises(MercatoError):
        await world.wear(user_id, ELSEWHERE, bio="new")
    (user,) = (await world.users.BatchGetUsers(users_pb2.BatchGetUsersRequest(ids=[user_id]))).users
    assert (user.profile.bio, user.profile.avatar_uri) == ("", "")


async def test_a_picture_that_is_worn_already_is_not_asked_about_again(settings: Settings) -> None:
    """As it may be from before pictures were looked at, or media may be away while the rest is changed."""
    media = Pictures()
    async with postgres.connected(settings, "user_db") as database:
        store = UserStore(database)
        user, _ = await EnsureUser(store, lambda: NOW, lambda: UserId(new_id())).run(Address(os.urandom(20)))
        update = UpdateProfile(store, media, lambda: NOW, timedelta(days=30))
        await update.run(user.id, ProfileChange(avatar_uri=ELSEWHERE))
        media.content_type = None
        changed = await update.run(user.id, ProfileChange(avatar_uri=ELSEWHERE, bio="new"))
    assert (changed.profile.bio, changed.profile.avatar_uri) == ("new", ELSEWHERE)
    assert media.asked == [ELSEWHERE]


async def test_while_media_is_away_nothing_is_believed_of_a_picture(settings: Settings) -> None:
    away = settings.model_copy(update={"grpc_hosts": "media=127.0.0.9"})
    async with grpc.connected(away, "media", MediaServiceStub) as stub:
        with pytest.raises(Unavailable):
            await MediaClient(stub).find_type(ELSEWHERE)
