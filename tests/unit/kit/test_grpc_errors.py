"""Errors over gRPC: category, reason and details arrive as they were raised; the unexpected tells nothing."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mercato.kit import errors, tracing
from mercato.kit import grpc as kit_grpc
from mercato.kit.errors import MercatoError
from mercato.kit.settings import Settings
from mercato.rpc.users.v1 import users_pb2 as pb
from mercato.rpc.users.v1 import users_pb2_grpc as users_grpc

RAISED = {
    b"1": errors.InvalidArgument("BAD_FIELD", "send another", field="address"),
    b"2": errors.Unauthenticated("NO_SESSION", "sign in"),
    b"3": errors.PermissionDenied("NOT_ADMIN", "ask an admin"),
    b"4": errors.NotFound("USER_UNKNOWN", "no such user"),
    b"5": errors.Conflict("HANDLE_TAKEN", "take another"),
    b"6": errors.FailedPrecondition("CHAIN_DISABLED", "enable it"),
    b"7": errors.RateLimited("TOO_MANY_REQUESTS", "wait", retry_after="12"),
    b"8": errors.TooLarge("UPLOAD_TOO_LARGE", "send less"),
    b"9": errors.Unavailable("NODE_UNREACHABLE", "try again"),
}


class _Raising(users_grpc.UsersServiceServicer):
    async def EnsureUser(self, request: pb.EnsureUserRequest, context: Any) -> pb.EnsureUserResponse:
        if request.address in RAISED:
            raise RAISED[request.address]
        if request.address == b"bug":
            raise KeyError("secret of the house")
        return pb.EnsureUserResponse(user=pb.User(id=tracing.request_id.get(), created_at=Timestamp(seconds=1)))


@pytest.fixture(scope="module")
def settings() -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Settings(grpc_ports=f"users={probe.getsockname()[1]}")


@pytest.fixture(scope="module")
async def users(settings: Settings) -> AsyncIterator[users_grpc.UsersServiceStub]:
    triple = (users_grpc.add_UsersServiceServicer_to_server, _Raising(), "mercato.users.v1.UsersService")
    async with (
        kit_grpc.serving(settings, "users", [triple]),
        kit_grpc.connected(settings, "users", users_grpc.UsersServiceStub) as stub,
    ):
        yield stub


@pytest.mark.parametrize("key", RAISED)
async def test_an_error_arrives_as_it_was_raised(users: users_grpc.UsersServiceStub, key: bytes) -> None:
    with pytest.raises(MercatoError) as caught:
        await users.EnsureUser(pb.EnsureUserRequest(address=key))
    raised = RAISED[key]
    assert type(caught.value) is type(raised)
    assert (caught.value.reason, caught.value.message) == (raised.reason, raised.message)
    assert caught.value.details == raised.details


async def test_a_call_that_the_other_side_gave_up_may_be_made_again() -> None:
    given_up = kit_grpc.error_from_status(aio.AioRpcError(grpc.StatusCode.CANCELLED, aio.Metadata(), aio.Metadata()))
    assert isinstance(given_up, errors.Unavailable)
    assert given_up.reason == "SERVICE_UNAVAILABLE"


async def test_a_bug_shows_nothing_of_its_inside(users: users_grpc.UsersServiceStub) -> None:
    with pytest.raises(MercatoError) as caught:
        await users.EnsureUser(pb.EnsureUserRequest(address=b"bug"))
    assert caught.value.reason == "INTERNAL"
    assert "secret" not in str(caught.value)


async def test_the_request_id_crosses_the_wire(users: users_grpc.UsersServiceStub) -> None:
    with tracing.continued({"x-request-id": "from-the-browser"}, "test"):
        answer = await users.EnsureUser(pb.EnsureUserRequest(address=b"ok"))
    assert answer.user.id == "from-the-browser"


async def test_an_absent_service_is_unavailable_within_the_deadline(settings: Settings) -> None:
    away = settings.model_copy(
        update={"grpc_hosts": "wallets=127.0.0.1", "grpc_ports": "wallets=1", "grpc_deadline": 0.3}
    )
    async with kit_grpc.connected(away, "wallets", users_grpc.UsersServiceStub) as stub:
        with pytest.raises(errors.Unavailable) as caught:
            await stub.EnsureUser(pb.EnsureUserRequest(address=b"ok"))
    assert caught.value.reason == "SERVICE_UNAVAILABLE"


async def test_health_and_reflection_answer(settings: Settings, users: users_grpc.UsersServiceStub) -> None:
    async with grpc.aio.insecure_channel(settings.grpc_target("users")) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="mercato.users.v1.UsersService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_any_client_may_call_by_the_name_alone(users: users_grpc.UsersServiceStub, settings: Settings) -> None:
    """What other languages' stubs, grpcurl and generic proxies do."""
    async with grpc.aio.insecure_channel(settings.grpc_target("users")) as channel:
        ask = channel.unary_unary("/mercato.users.v1.UsersService/EnsureUser")
        answer = pb.EnsureUserResponse.FromString(await ask(pb.EnsureUserRequest().SerializeToString()))
        assert len(answer.user.id) == 32
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(pb.EnsureUserRequest(address=b"4").SerializeToString())
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/mercato.users.v1.UsersService/Nothing")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
