"""gRPC as every service speaks it: health, reflection, deadlines, request ids, traces, and errors with reasons.

An error crosses the wire as a google.rpc.Status with an ErrorInfo (AIP-193): `reason`, domain "mercato", details.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from prometheus_client import Histogram

from mercato.kit import errors, tracing
from mercato.kit.errors import Category, MercatoError
from mercato.kit.logging import Logger, get_logger
from mercato.kit.settings import Settings

S = TypeVar("S")

_DETAILS_KEY = "grpc-status-details-bin"
_MESSAGE_LIMIT = 8 * 2**20
_STREAM_DEADLINE = 120.0

_CODES = {
    Category.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Category.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Category.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Category.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Category.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Category.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Category.TOO_LARGE: grpc.StatusCode.OUT_OF_RANGE,
    Category.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Category.INTERNAL: grpc.StatusCode.INTERNAL,
}
_ERRORS: dict[grpc.StatusCode, type[MercatoError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.RateLimited,
    grpc.StatusCode.OUT_OF_RANGE: errors.TooLarge,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Unavailable,
    # The other side gave the call up: it is stopping, or has more of them than it can answer in time.
    grpc.StatusCode.CANCELLED: errors.Unavailable,
}

_latency = Histogram("mercato_grpc_server_seconds", "Time to answer a gRPC call", ["service", "method", "code"])


@asynccontextmanager
async def serving(
    settings: Settings,
    service: str,
    servicers: Iterable[tuple[Callable[[Any, Any], None], object, str]],
) -> AsyncIterator[aio.Server]:
    """Serves until the block ends, then lets running calls finish for up to 2 s.

    `servicers` are (generated add function, servicer, full service name) triples.
    """
    server = aio.server(options=[("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.so_reuseport", 0)])
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [reflection.SERVICE_NAME, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
    edge = _Edge(server, settings, service)
    for add, servicer, name in servicers:
        add(servicer, edge)
        names.append(name)
    reflection.enable_server_reflection(names, server)
    server.add_insecure_port(f"{settings.host}:{settings.grpc_port(service)}")
    await server.start()
    for name in ("", *names):
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield server
    finally:
        await health.enter_graceful_shutdown()
        await server.stop(grace=2)


@asynccontextmanager
async def connected(settings: Settings, service: str, stub: Callable[[aio.Channel], S]) -> AsyncIterator[S]:
    """A typed client of another service; its calls raise the `MercatoError` that the server meant."""
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    async with aio.insecure_channel(settings.grpc_target(service), options=options) as channel:
        yield stub(cast(aio.Channel, _Caller(channel, settings.grpc_deadline)))


class _Edge:
    """Where generated code registers a servicer's methods: around each of them deadline, trace, metrics, and the one
    place where errors are mapped and logged. An interceptor would be asked about every call anew."""

    def __init__(self, server: aio.Server, settings: Settings, service: str) -> None:
        self._server = server
        self._settings = settings
        self._service = service
        self._log = get_logger(service)

    def add_generic_rpc_handlers(self, _: Sequence[grpc.GenericRpcHandler]) -> None:
        """Nothing: these are the methods as they are, and those registered by name would go first."""

    def add_registered_method_handlers(
        self, service_name: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        around = {name: self._around(f"/{service_name}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service_name, around)

    def _around(self, method: str, handler: Any) -> Any:
        if handler.unary_unary:
            return handler._replace(unary_unary=self._unary(method, handler.unary_unary))
        if handler.stream_unary:
            return handler._replace(stream_unary=self._unary(method, handler.stream_unary, _STREAM_DEADLINE))
        return handler._replace(unary_stream=self._stream(method, handler.unary_stream))

    def _unary(self, method: str, inner: Any, default: float | None = None) -> Any:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:
            started = time.perf_counter()
            code = "OK"
            left = context.time_remaining()
            with tracing.continued(_headers(context), method):
                try:
                    async with asyncio.timeout(left or default or self._settings.grpc_deadline):
                        return await inner(request, context)
                except Exception as error:
                    known = as_mercato_error(error)
                    code = known.category.value
                    await _abort(context, known, self._log, method, error)
                finally:
                    _latency.labels(self._service, method, code).observe(time.perf_counter() - started)

        return call

    def _stream(self, method: str, inner: Any) -> Any:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            with tracing.continued(_headers(context), method):
                try:
                    async for item in inner(request, context):
                        yield item
                except Exception as error:
                    await _abort(context, as_mercato_error(error), self._log, method, error)

        return call


def _headers(context: aio.ServicerContext[Any, Any]) -> dict[str, str]:
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


def as_mercato_error(error: Exception) -> MercatoError:
    """What a caller may know of any failure; the unexpected becomes INTERNAL without its text."""
    if isinstance(error, MercatoError):
        return error
    if isinstance(error, TimeoutError):
        return errors.Unavailable("DEADLINE_EXCEEDED", "the call took too long; try again")
    if isinstance(error, OSError):
        return errors.Unavailable("DEPENDENCY_UNAVAILABLE", "a store or node did not answer; try again shortly")
    return MercatoError("INTERNAL", "this is our fault; quote the request id when you report it")


async def _abort(
    context: aio.ServicerContext[Any, Any], known: MercatoError, log: Logger, method: str, cause: Exception
) -> NoReturn:
    if known.category is Category.INTERNAL:
        log.error("call failed", method=method, error=repr(cause), exc_info=cause)
    elif known.category is Category.UNAVAILABLE:
        log.warning("call failed", method=method, reason=known.reason, error=repr(cause))
    else:
        log.info("call refused", method=method, reason=known.reason)
    status = Status(code=_CODES[known.category].value[0], message=known.message)
    info = AnyMessage()
    info.Pack(ErrorInfo(reason=known.reason, domain="mercato", metadata=known.details))
    status.details.append(info)
    await context.abort(_CODES[known.category], known.message, ((_DETAILS_KEY, status.SerializeToString()),))
    raise AssertionError("abort raises")


def error_from_status(error: aio.AioRpcError) -> MercatoError:
    """The `MercatoError` that the other side raised, from its trailing metadata."""
    kind = _ERRORS.get(error.code(), MercatoError)
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return kind(info.reason, error.details() or "", **dict(info.metadata))
    if kind is errors.Unavailable:
        return errors.Unavailable("SERVICE_UNAVAILABLE", "a service did not answer; try again shortly")
    return kind(error.code().name, error.details() or "the call failed")


class _Caller:
    """What generated code makes a client's methods with: calls with one request and one answer get deadline, request id
    and trace, and raise errors by their meaning. An interceptor would cost a task and a call object for each."""

    def __init__(self, channel: aio.Channel, deadline: float) -> None:
        self._channel = channel
        self._deadline = deadline
        self.unary_stream = channel.unary_stream
        self.stream_unary = channel.stream_unary

    def unary_unary(self, method: str, **named: Any) -> Callable[..., Awaitable[Any]]:
        ask: Callable[..., Awaitable[Any]] = self._channel.unary_unary(method, **named)

        async def call(request: Any, *, timeout: float | None = None) -> Any:
            metadata = aio.Metadata(*tracing.inject().items())
            try:
                return await ask(request, timeout=timeout or self._deadline, metadata=metadata, wait_for_ready=True)
            except aio.AioRpcError as error:
                raise error_from_status(error) from None

        return call
