"""GraphQL over HTTP: queries by GET and POST, mutations by POST only, uploads by multipart POST."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from graphql import OperationType
from opentelemetry import trace
from prometheus_client import Histogram
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from mercato.kit.errors import InvalidArgument, MercatoError
from mercato.services.gateway.consumers import PushHub
from mercato.services.gateway.graph.context import Context
from mercato.services.gateway.graph.documents import Documents
from mercato.services.gateway.graph.engine import Engine, Operation, Request, RequestRefused
from mercato.services.gateway.graph.watching import watched
from mercato.services.gateway.http import answers, bodies, multipart
from mercato.services.gateway.http.answers import HttpRefusal
from mercato.services.gateway.http.cookies import CookiePolicy, Cookies
from mercato.services.gateway.http.hot import Filling, HotReads
from mercato.services.gateway.http.sessions import SessionChecker, bearer
from mercato.services.gateway.model.people import Client
from mercato.services.gateway.rpc.backends import Backends

JSON_LIMIT = 4 * 2**20
"""Bytes of a JSON body: a folder of metadata documents fits, and gRPC's 8 MiB hold it."""

_LONGEST_AGENT = 400

_latency = Histogram("mercato_gateway_operation_seconds", "Time to answer a GraphQL operation", ["kind", "outcome"])


def client_of(connection: HttpRequest) -> Client:
    """Where a request comes from, as auth logs it."""
    host = connection.client.host if connection.client else ""
    return Client(host, connection.headers.get("user-agent", "")[:_LONGEST_AGENT])


def parse_request(body: Any) -> Request:
    """The request of a JSON value (GraphQL over HTTP, section 5). Raises `InvalidArgument` REQUEST_INVALID,
    BATCHING_REFUSED."""
    if isinstance(body, list):
        raise InvalidArgument("BATCHING_REFUSED", "send one operation per request, as a JSON object")
    if not isinstance(body, dict):
        raise InvalidArgument("REQUEST_INVALID", "the body must be a JSON object with a query")
    query, name = body.get("query"), body.get("operationName")
    variables, extensions = body.get("variables"), body.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise InvalidArgument("REQUEST_INVALID", "extensions must be a JSON object", field="extensions")
    sha256 = _persisted(extensions or {})
    if query is None and sha256:
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise InvalidArgument("REQUEST_INVALID", "query must be the text of a GraphQL document", field="query")
    if name is not None and not isinstance(name, str):
        raise InvalidArgument("REQUEST_INVALID", "operationName must be text", field="operationName")
    if variables is not None and not isinstance(variables, dict):
        raise InvalidArgument("REQUEST_INVALID", "variables must be a JSON object", field="variables")
    # An empty operationName is what some clients send for none.
    return Request(query, name or None, variables or {}, sha256)


def _persisted(extensions: dict[str, Any]) -> str:
    """The hash of an automatic persisted query, empty when the request has none."""
    given = extensions.get("persistedQuery")
    if given is None:
        return ""
    sha256 = given.get("sha256Hash") if isinstance(given, dict) and given.get("version") == 1 else None
    if not isinstance(sha256, str) or not sha256:
        raise InvalidArgument(
            "PERSISTED_QUERY_INVALID", 'persistedQuery must be {"version": 1, "sha256Hash": …}', field="extensions"
        )
    return sha256


class GraphQLEndpoint:
    """`/graphql` for everything but WebSockets."""

    def __init__(
        self,
        engine: Engine,
        backends: Backends,
        hub: PushHub,
        sessions: SessionChecker,
        cookies: CookiePolicy,
        upload_limit: int,
        documents: Documents,
        hot: HotReads | None,
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._hot = hot
        self._backends = backends
        self._hub = hub
        self._sessions = sessions
        self._cookies = cookies
        self._upload_limit = upload_limit

    async def get(self, request: HttpRequest) -> Response:
        """Queries in the URL; safe to repeat and to cache."""
        kind = answers.media_type(request.headers.get("accept"))
        if kind is None:
            return _not_acceptable()
        try:
            found = await self._documents.resolve(parse_request(_from_url(request)))
        except MercatoError as error:
            return _refused(error, kind)
        return await self._run(request, found, kind)

    async def post(self, request: HttpRequest) -> Response:
        """Queries and mutations in a JSON or multipart body."""
        kind = answers.media_type(request.headers.get("accept"))
        if kind is None:
            return _not_acceptable()
        try:
            async with self._body(request) as body:
                return await self._run(request, await self._documents.resolve(parse_request(body)), kind)
        except MercatoError as error:
            return _refused(error, kind)

    @asynccontextmanager
    async def _body(self, request: HttpRequest) -> AsyncIterator[Any]:
        content_type = request.headers.get("content-type", "")
        name, _, parameters = content_type.partition(";")
        match name.strip().lower():
            case "application/json" if _is_utf8(parameters):
                yield bodies.parse_json(await bodies.read(request, JSON_LIMIT))
            case "multipart/form-data" if _is_utf8(parameters):
                async with multipart.reading(request, self._upload_limit, JSON_LIMIT) as operations:
                    yield operations
            case _:
                raise HttpRefusal(
                    415, "CONTENT_TYPE_UNSUPPORTED", "send application/json, or multipart/form-data for files; in UTF-8"
                )

    async def _run(self, http: HttpRequest, request: Request, kind: str) -> Response:
        try:
            unknown = "authorization" not in http.headers and "cookie" not in http.headers
            hot = self._hot if unknown else None
            digest = hot.admit(request) if hot is not None and self._engine.is_lasting(request) else None
            if hot is not None and digest is not None:
                return await self._run_hot(hot, digest, http, request, kind)
        except MercatoError as error:
            return _refused(error, kind)
        return await self._execute(http, request, kind, None)

    async def _run_hot(self, hot: HotReads, digest: str, http: HttpRequest, request: Request, kind: str) -> Response:
        started = time.perf_counter()
        if (body := await hot.find(digest)) is not None:
            _latency.labels("query", "ok").observe(time.perf_counter() - started)
            return answers.kept(body, kind)
        async with hot.filling(digest) as filling:
            return await self._execute(http, request, kind, filling)

    async def _execute(self, http: HttpRequest, request: Request, kind: str, filling: Filling | None) -> Response:
        started = time.perf_counter()
        cookies = Cookies(self._cookies, http)
        try:
            context = self._context(http, cookies, filling)
            operation = self._engine.prepare(request)
            trace.get_current_span().update_name(operation.label)
            _allow(operation, http.method)
        except MercatoError as error:
            _latency.labels("unknown", error.reason).observe(time.perf_counter() - started)
            return _refused(error, kind)
        result = await self._engine.execute(operation, context)
        outcome = "errors" if "errors" in result else "ok"
        _latency.labels(operation.kind.value, outcome).observe(time.perf_counter() - started)
        answer = answers.answer(result, 200 if "data" in result else answers.document_status(kind), kind)
        if filling is not None and outcome == "ok":
            await filling.keep(bytes(answer.body))
        cookies.write(answer)
        return answer

    def _context(self, http: HttpRequest, cookies: Cookies, filling: Filling | None) -> Context:
        """Who sends a token in a header means that one, whatever the browser adds."""
        token = bearer(http.headers.get("authorization")) or cookies.access_token()
        backends = self._backends if filling is None else watched(self._backends, filling.watch)
        return Context(backends, self._hub, self._sessions, token, client_of(http), cookies)


def _refused(error: MercatoError, kind: str) -> Response:
    found = answers.refusal(error, kind)
    if isinstance(error, RequestRefused):
        found.status_code = answers.document_status(kind)
    return found


def _allow(operation: Operation, method: str) -> None:
    if operation.kind is OperationType.SUBSCRIPTION:
        raise HttpRefusal(400, "WEBSOCKET_REQUIRED", "subscribe over a WebSocket with graphql-transport-ws")
    if operation.kind is OperationType.MUTATION and method != "POST":
        raise HttpRefusal(405, "POST_REQUIRED", "send mutations by POST", Allow="POST")


def _from_url(request: HttpRequest) -> dict[str, Any]:
    given = dict(request.query_params)
    body: dict[str, Any] = {name: given[name] for name in ("query", "operationName") if name in given}
    for name in ("variables", "extensions"):
        if given.get(name):
            body[name] = bodies.parse_json(given[name])
    bodies.refuse_nul(body)
    return body


def _is_utf8(parameters: str) -> bool:
    """Whether no other encoding is named: whoever decodes the body may take the first or the last of several."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            return False
    return True


def _not_acceptable() -> Response:
    return answers.refusal(HttpRefusal(406, "ACCEPT_UNSUPPORTED", f"accept {answers.GRAPHQL_JSON} or {answers.JSON}"))
