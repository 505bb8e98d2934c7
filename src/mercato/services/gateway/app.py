"""The gateway put together: clients, push hub, engine, HTTP and WebSocket endpoints, all on one exit stack."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from mercato.kit import ops, redis, tasks
from mercato.kit.errors import NotFound
from mercato.kit.logging import Logger, get_logger
from mercato.kit.pushes import PushLog
from mercato.kit.settings import Settings
from mercato.services.gateway.consumers import PushHub
from mercato.services.gateway.graph.documents import (
    Documents,
    PersistedDocuments,
    TrustedDocuments,
    read_manifest,
)
from mercato.services.gateway.graph.engine import Engine
from mercato.services.gateway.graph.schema import SDL, build_schema
from mercato.services.gateway.http import answers
from mercato.services.gateway.http.answers import HttpRefusal
from mercato.services.gateway.http.cookies import REFRESH_PATH, CookiePolicy
from mercato.services.gateway.http.edge import Direct, Edge
from mercato.services.gateway.http.graphql import GraphQLEndpoint
from mercato.services.gateway.http.hot import Doorkeeper, HotReads
from mercato.services.gateway.http.media import MediaEndpoint
from mercato.services.gateway.http.multipart import PREFLIGHT_HEADERS
from mercato.services.gateway.http.pages import Assets, Pages, web_folder
from mercato.services.gateway.http.sessions import SessionChecker
from mercato.services.gateway.http.sockets import SOCKET_TIMES, SocketEndpoint, SocketTimes
from mercato.services.gateway.model.limits import Limits
from mercato.services.gateway.rpc import backends
from mercato.services.gateway.rpc.backends import Backends
from mercato.services.gateway.store.answers import Answers
from mercato.services.gateway.store.documents import DocumentStore

_SOCKET_MESSAGE_LIMIT = 512 * 1024
_GRACE_SECONDS = 3
_OBJECTS_BETWEEN_SEARCHES = 50_000


@asynccontextmanager
async def running(settings: Settings, times: SocketTimes = SOCKET_TIMES) -> AsyncIterator[None]:
    """The gateway serves until the block ends. It starts without any other service being up."""
    logger = get_logger("gateway")
    # A search for cycles stops every request and socket at once; what a request leaves behind holds none.
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES, 20, 100)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(redis.connected(settings))
        services = await stack.enter_async_context(backends.connected(settings))
        hub = PushHub(client, PushLog(client, settings), logger)
        await stack.enter_async_context(tasks.looping(logger, "pushes", hub.run))
        sessions = SessionChecker(services.auth, time.monotonic, _now, logger, times.session_check)
        await stack.enter_async_context(tasks.looping(logger, "revocations", partial(sessions.hear, client)))
        kept = DocumentStore(client, settings.persisted_query_ttl, settings.persisted_queries, logger)
        app = application(settings, services, hub, sessions, kept, logger, times, Answers(client))
        await stack.enter_async_context(_serving(settings, app))
        await stack.enter_async_context(ops.serving(settings, "gateway", {"redis": client.ping, "pushes": hub.check}))
        yield


def application(
    settings: Settings,
    services: Backends,
    hub: PushHub,
    sessions: SessionChecker,
    kept: DocumentStore,
    logger: Logger,
    times: SocketTimes,
    answered: Answers,
) -> Starlette:
    """The ASGI application."""
    most = Limits(
        settings.query_depth,
        settings.query_cost,
        settings.query_aliases,
        settings.page_limit,
        settings.query_selections,
    )
    engine = Engine(build_schema(), most, logger)
    documents = _documents(settings, engine, kept)
    cookies = CookiePolicy(settings.env == "production", frozenset(settings.siwe_uris), _now)
    hot = hot_reads(settings, answered, most)
    graphql = GraphQLEndpoint(engine, services, hub, sessions, cookies, settings.upload_limit, documents, hot)
    sockets = SocketEndpoint(engine, services, hub, sessions, cookies, logger, _now, times, documents)
    local = settings.env == "development"
    pages = Pages(web_folder(settings.web_dir), services, local=local)
    routes = [
        *_api(graphql, sockets, pages if local else None),
        Route("/media/{path:path}", MediaEndpoint(services.media).read),
        *_plain(pages, Assets(web_folder(settings.web_dir))),
    ]
    if local:
        routes.append(Route("/dev/config.json", pages.local_config))
    direct = Middleware(Direct, posts={"/graphql": graphql.post, REFRESH_PATH: graphql.post})
    middleware = [Middleware(Edge, logger=logger), _cross_origin(settings), direct]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _http_error})


def _api(graphql: GraphQLEndpoint, sockets: SocketEndpoint, explorer: Pages | None) -> list[BaseRoute]:
    """GraphQL by its three transports; whoever comes with a browser is shown the explorer where there is one."""

    async def serve_graphql(request: Request) -> Response:
        if request.method == "POST":
            return await graphql.post(request)
        wants_page = "text/html" in request.headers.get("accept", "") and "query" not in request.query_params
        return await (graphql.get(request) if explorer is None or not wants_page else explorer.explorer(request))

    async def serve_socket(websocket: WebSocket) -> None:
        await sockets.serve(websocket)

    return [
        Route("/graphql", serve_graphql, methods=["GET", "POST"]),
        Route(REFRESH_PATH, graphql.post, methods=["POST"]),
        WebSocketRoute("/graphql", serve_socket),
    ]


def _plain(pages: Pages, assets: Assets) -> list[BaseRoute]:
    return [
        Route("/schema.graphql", pages.schema),
        Route("/.well-known/jwks.json", pages.keys),
        Route("/favicon.ico", pages.icon),
        Route("/", pages.start),
        Mount("/assets", assets),
    ]


def hot_reads(settings: Settings, kept: Answers, most: Limits) -> HotReads | None:
    """None when the settings say so. What another release, or one with other limits, would answer is told apart."""
    if not settings.read_cache:
        return None
    salt = f"{version('mercato')} {most} {SDL}".encode()
    doorkeeper = None if settings.read_cache_first else Doorkeeper()
    return HotReads(kept, salt, settings.read_cache_ttl, settings.read_cache_limit, time.monotonic, doorkeeper)


def _documents(settings: Settings, engine: Engine, kept: DocumentStore) -> Documents:
    if not settings.trusted_documents:
        return PersistedDocuments(engine, kept)
    return TrustedDocuments(read_manifest(Path(settings.trusted_documents)))


def _cross_origin(settings: Settings) -> Middleware:
    """Front ends on the origins that may sign in may call, with cookies; all others get no answer they could read."""
    return Middleware(
        CORSMiddleware,
        allow_origins=list(settings.siwe_uris),
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "x-request-id", "traceparent", *PREFLIGHT_HEADERS],
        expose_headers=["x-request-id", "retry-after"],
        max_age=600,
    )


def _now() -> datetime:
    return datetime.now(UTC)


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return answers.refusal(NotFound("NOT_FOUND", "there is nothing here; the API is at /graphql"))
    if status == 405:
        refusal = HttpRefusal(status, "METHOD_NOT_ALLOWED", "see the Allow header")
    else:
        refusal = HttpRefusal(status, "REQUEST_INVALID", "this is no request that anything here answers")
    refusal.headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return answers.refusal(refusal)


class _SocketProtocol(WebSocketsSansIOProtocol):
    """Tells a client whose text is no UTF-8 so (RFC 6455 §8.1), and not the log: anybody can send it."""

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()


class _Server(uvicorn.Server):
    """uvicorn inside a process that has its own signal handling."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _serving(settings: Settings, app: Starlette) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws=_SocketProtocol,
        ws_max_size=_SOCKET_MESSAGE_LIMIT,
        ws_per_message_deflate=False,  # a window per socket costs more memory than it saves traffic
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    # Bound here, because uvicorn ends the whole process when a port is taken.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.gateway_port), family=family, backlog=2048)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
