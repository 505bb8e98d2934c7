"""GraphQL over WebSocket, subprotocol graphql-transport-ws, for signed-in users.

    4400 message not understood          4409 operation id in use
    4401 subscribe before the ack        4429 second connection_init
    4403 no valid session, or it ended   4406 another subprotocol (the legacy graphql-ws, or none)
    4408 no connection_init in time      1013 the client takes its events too slowly, or auth does not answer

Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from graphql import OperationType
from opentelemetry import trace
from prometheus_client import Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect

from mercato.kit import tasks, tracing
from mercato.kit.errors import InvalidArgument, MercatoError, PermissionDenied, RateLimited, Unauthenticated
from mercato.kit.grpc import as_mercato_error
from mercato.kit.ids import new_id
from mercato.kit.logging import Logger
from mercato.services.gateway.consumers import PushHub, TooSlow
from mercato.services.gateway.graph.context import Context
from mercato.services.gateway.graph.documents import Documents
from mercato.services.gateway.graph.engine import Engine, Operation, entries_of
from mercato.services.gateway.graph.scalars import render_datetime
from mercato.services.gateway.http import bodies
from mercato.services.gateway.http.cookies import CookiePolicy, Cookies
from mercato.services.gateway.http.graphql import parse_request
from mercato.services.gateway.http.sessions import RECHECK_SECONDS, SessionChecker, bearer
from mercato.services.gateway.model.people import Client, Principal
from mercato.services.gateway.rpc.backends import Backends

SUBPROTOCOL = "graphql-transport-ws"

_MOST_OPERATIONS = 100
_LONGEST_ID = 128
_LONGEST_REASON = 123
"""Bytes: a control frame has 125, two of them for the code (RFC 6455 §5.5)."""

_CLOSE_SECONDS = 1.0

_sockets = Gauge("mercato_gateway_sockets", "Open WebSockets")


class SocketTimes(NamedTuple):
    """Seconds: until `connection_init` must come, between looks at all sessions with an open socket (their end is heard
    in milliseconds; this is for what may be missed), that one send may take."""

    init: float = 5.0
    session_check: float = RECHECK_SECONDS
    send: float = 10.0


SOCKET_TIMES = SocketTimes()


class _Close(Exception):
    """The connection ends, with a code and a reason code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class SocketEndpoint:
    """`/graphql` for WebSockets."""

    def __init__(
        self,
        engine: Engine,
        backends: Backends,
        hub: PushHub,
        sessions: SessionChecker,
        cookies: CookiePolicy,
        logger: Logger,
        now: Callable[[], datetime],
        times: SocketTimes,
        documents: Documents,
    ) -> None:
        self.engine = engine
        self.backends = backends
        self.hub = hub
        self.sessions = sessions
        self.cookies = cookies
        self.log = logger
        self.now = now
        self.times = times
        self.documents = documents

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from the handshake to its end."""
        if SUBPROTOCOL not in websocket.scope.get("subprotocols", ()):
            await websocket.accept()
            await websocket.close(4406, "SUBPROTOCOL_NOT_ACCEPTABLE")
            return
        await websocket.accept(SUBPROTOCOL)
        with _sockets.track_inprogress():
            await _Connection(self, websocket).run()


class _Connection:
    def __init__(self, endpoint: SocketEndpoint, websocket: WebSocket) -> None:
        self._endpoint = endpoint
        self._websocket = websocket
        host = websocket.client.host if websocket.client else ""
        self._client = Client(host, websocket.headers.get("user-agent", "")[:400])
        self._init_received = False
        self._token: str | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._completing: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[_Close | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Returns when the connection is over."""
        reader = asyncio.create_task(self._read())
        close: _Close | None = None
        try:
            close = await self._end
        finally:
            watcher = () if self._watcher is None else (self._watcher,)
            await tasks.ended([reader, *watcher, *self._operations.values()])
            await asyncio.gather(*self._completing)
        if close is not None:
            # A peer that does not read would never let the close frame out.
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._websocket.close(close.code, _fitting(close.reason))

    def _finish(self, close: _Close | None) -> None:
        if not self._end.done():
            self._end.set_result(close)

    # --- messages in ------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            init_until = asyncio.get_running_loop().time() + self._endpoint.times.init
            while True:
                try:
                    async with asyncio.timeout_at(None if self._init_received else init_until):
                        message = await self._next_message()
                except TimeoutError:
                    raise _Close(4408, "CONNECTION_INIT_TIMEOUT") from None
                await self._handle(message)
        except _Close as close:
            self._finish(close)
        except WebSocketDisconnect:
            self._finish(None)
        except Exception as error:
            self._endpoint.log.error("socket failed", error=repr(error), exc_info=error)
            self._finish(_Close(4500, "INTERNAL"))

    async def _next_message(self) -> dict[str, Any]:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise _Close(4400, "TEXT_EXPECTED")
        try:
            message = bodies.parse_json(text)
        except InvalidArgument as error:
            raise _Close(4400, error.reason) from None
        if not isinstance(message, dict):
            raise _Close(4400, "MESSAGE_INVALID")
        return message

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._initialise(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message.get("id"), message.get("payload"))
            case "complete":
                self._complete(message.get("id"))
            case _:
                raise _Close(4400, "MESSAGE_TYPE_UNKNOWN")

    async def _initialise(self, payload: object) -> None:
        if self._init_received:
            raise _Close(4429, "TOO_MANY_INITIALISATION_REQUESTS")
        self._init_received = True
        if payload is not None and not isinstance(payload, dict):
            raise _Close(4400, "PAYLOAD_INVALID")
        given = (payload or {}).get("authorization") or (payload or {}).get("Authorization")
        try:
            token = bearer(given if isinstance(given, str) else self._websocket.headers.get("authorization"))
            token = token or Cookies(self._endpoint.cookies, self._websocket).access_token()
            if token is None:
                raise _Close(4403, "AUTHENTICATION_REQUIRED")
            principal = await self._endpoint.sessions.principal(token)
        except (Unauthenticated, PermissionDenied) as error:
            raise _Close(4403, error.reason) from None
        except MercatoError as error:
            raise _Close(1013, error.reason) from None
        self._token = token
        self._watcher = asyncio.create_task(self._watch(principal))
        await self._send({"type": "connection_ack", "payload": {"expiresAt": render_datetime(principal.expires_at)}})

    async def _watch(self, principal: Principal) -> None:
        """Ends the connection with its session, and with the token it came with at the latest."""
        with self._endpoint.sessions.watching(principal.session_id, lambda reason: self._finish(_Close(4403, reason))):
            await asyncio.sleep((principal.expires_at - self._endpoint.now()).total_seconds())
            self._finish(_Close(4403, "TOKEN_EXPIRED"))

    async def _subscribe(self, key: object, payload: object) -> None:
        if self._token is None:
            raise _Close(4401, "UNAUTHORIZED")
        if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_ID or not isinstance(payload, dict):
            raise _Close(4400, "SUBSCRIBE_INVALID")
        if key in self._operations:
            raise _Close(4409, f"SUBSCRIBER_EXISTS {key}")
        if len(self._operations) >= _MOST_OPERATIONS:
            message = f"a socket may have {_MOST_OPERATIONS} operations; complete one first"
            error = RateLimited("TOO_MANY_SUBSCRIPTIONS", message, retry_after="1")
            await self._send({"id": key, "type": "error", "payload": entries_of(error)})
            return
        self._operations[key] = asyncio.create_task(self._operate(key, payload))

    def _complete(self, key: object) -> None:
        if isinstance(key, str) and (task := self._operations.pop(key, None)):
            ending = asyncio.create_task(tasks.ended([task]))
            self._completing.add(ending)
            ending.add_done_callback(self._completing.discard)

    # --- one operation ----------------------------------------------------------------------------

    async def _operate(self, key: str, payload: dict[str, Any]) -> None:
        with tracing.continued({tracing.REQUEST_ID_HEADER: new_id().hex}, "subscribe"):
            try:
                request = await self._endpoint.documents.resolve(parse_request(payload))
                operation = self._endpoint.engine.prepare(request)
                trace.get_current_span().update_name(operation.label)
                await self._answer(key, operation)
                await self._last(key, {"id": key, "type": "complete"})
            except _Close as close:
                self._finish(close)
            except WebSocketDisconnect:
                self._finish(None)
            except Exception as error:
                known = as_mercato_error(error)
                if known is not error:
                    self._endpoint.log.error("operation failed", error=repr(error), exc_info=error)
                await self._last(key, {"id": key, "type": "error", "payload": entries_of(known)})
                if isinstance(error, TooSlow):
                    self._finish(_Close(1013, error.reason))

    async def _answer(self, key: str, operation: Operation) -> None:
        endpoint = self._endpoint
        context = Context(endpoint.backends, endpoint.hub, endpoint.sessions, self._token, self._client)
        if operation.kind is OperationType.MUTATION:
            raise InvalidArgument("POST_REQUIRED", "send mutations by POST")
        if operation.kind is OperationType.QUERY:
            result = await endpoint.engine.execute(operation, context)
            if "data" in result:
                await self._send({"id": key, "type": "next", "payload": result})
                return
            await self._last(key, {"id": key, "type": "error", "payload": result["errors"]})
            return
        async with aclosing(endpoint.engine.stream(operation, context)) as results:
            async for answer in results:
                await self._send({"id": key, "type": "next", "payload": orjson.Fragment(answer)})

    # --- messages out -----------------------------------------------------------------------------

    async def _last(self, key: str, message: dict[str, Any]) -> None:
        """The message that ends an operation; the id is free before the client can know it."""
        if self._operations.pop(key, None) is not None:
            with suppress(_Close, WebSocketDisconnect):
                await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises `_Close` 1013 when the client does not take it in time, `WebSocketDisconnect` when it is gone."""
        try:
            async with asyncio.timeout(self._endpoint.times.send):
                await self._websocket.send_text(orjson.dumps(message).decode())
        except TimeoutError:
            raise _Close(1013, "SLOW_CONSUMER") from None
        except RuntimeError as error:  # closed from our side meanwhile
            raise WebSocketDisconnect(1006) from error


def _fitting(reason: str) -> str:
    """As much of a reason as a close frame holds; no character is cut in two."""
    return reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
