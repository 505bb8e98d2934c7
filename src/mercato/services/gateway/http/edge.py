"""Around every HTTP request: its id, its trace, safe headers, the last net for the unexpected; and a short way."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercato.kit import tracing
from mercato.kit.grpc import as_mercato_error
from mercato.kit.ids import new_id
from mercato.kit.logging import Logger
from mercato.services.gateway.http import answers

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def trace_headers(headers: Headers) -> dict[str, str]:
    """What continues the caller's trace; a request id is taken over when it is short and plain, else made."""
    given = headers.get(tracing.REQUEST_ID_HEADER, "")
    request_id = given if _REQUEST_ID.fullmatch(given) else new_id().hex
    found = {tracing.REQUEST_ID_HEADER: request_id}
    for name in ("traceparent", "tracestate"):
        if name in headers:
            found[name] = headers[name]
    return found


class Edge:
    """ASGI middleware for HTTP; WebSockets pass."""

    def __init__(self, app: ASGIApp, logger: Logger) -> None:
        self._app = app
        self._log = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carried = trace_headers(Headers(scope=scope))
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[tracing.REQUEST_ID_HEADER] = carried[tracing.REQUEST_ID_HEADER]
                if "access-control-allow-origin" not in headers:
                    del headers["access-control-allow-credentials"]
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        with tracing.continued(carried, f"{scope['method']} {scope['path']}"):
            try:
                await self._app(scope, receive, send_marked)
            except ClientDisconnect:
                return
            except Exception as error:
                self._log.error("request failed", path=scope["path"], error=repr(error), exc_info=error)
                if started:
                    raise
                await answers.refusal(as_mercato_error(error))(scope, receive, send_marked)


class Direct:
    """ASGI middleware: the few paths that most requests are posted to, without a search through all routes (where they
    stand too, so that another method is answered as anywhere)."""

    def __init__(self, app: ASGIApp, posts: Mapping[str, Callable[[Request], Awaitable[Response]]]) -> None:
        self._app = app
        self._posts = posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._posts.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            await (await found(Request(scope, receive, send)))(scope, receive, send)
