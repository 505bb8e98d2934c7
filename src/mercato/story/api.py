"""A client of the public GraphQL API: queries, uploads, and subscriptions over graphql-transport-ws."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

Json = dict[str, Any]

SUBPROTOCOL = "graphql-transport-ws"
_ANSWER_TIMEOUT = 30.0


class ApiError(Exception):
    """The first error of an answer; `extensions` as the server gave them."""

    def __init__(self, errors: list[Json]) -> None:
        super().__init__(errors[0].get("message", "unknown error"))
        self.extensions: Json = errors[0].get("extensions", {})
        self.reason: str = self.extensions.get("reason", "")
        self.code: str = self.extensions.get("code", "")


class Api:
    """One visitor. `token` is sent when it is set."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url.rstrip("/")
        self.token = ""

    async def execute(self, document: str, /, **variables: object) -> Json:
        """The `data` of an answer. Raises `ApiError`."""
        body = {"query": document, "variables": variables}
        async with self._session.post(f"{self.url}/graphql", json=body, headers=self._headers()) as response:
            return _data(await response.json(content_type=None))

    async def upload(self, document: str, data: bytes, file_name: str, content_type: str) -> Json:
        """Runs a mutation whose only variable is `$file` (GraphQL multipart request specification)."""
        form = aiohttp.FormData()
        form.add_field("operations", json.dumps({"query": document, "variables": {"file": None}}))
        form.add_field("map", json.dumps({"0": ["variables.file"]}))
        form.add_field("0", data, filename=file_name, content_type=content_type)
        headers = {**self._headers(), "graphql-require-preflight": "1"}
        async with self._session.post(f"{self.url}/graphql", data=form, headers=headers) as response:
            return _data(await response.json(content_type=None))

    async def get(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of a plain GET, for media."""
        async with self._session.get(f"{self.url}{path}") as response:
            return response.status, response.content_type, await response.read()

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        """An acknowledged WebSocket with this visitor's token."""
        url = self.url.replace("http", "ws", 1) + "/graphql"
        async with self._session.ws_connect(url, protocols=[SUBPROTOCOL], heartbeat=20) as ws:
            await ws.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
            answer = await ws.receive(timeout=_ANSWER_TIMEOUT)
            if answer.type is not aiohttp.WSMsgType.TEXT or answer.json()["type"] != "connection_ack":
                raise ConnectionError(f"the socket was refused: {answer.data} {answer.extra}")
            async with Socket(ws) as socket:
                yield socket

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class Socket:
    """An open socket; any number of subscriptions share it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._ids = itertools.count(1)
        self._inboxes: dict[str, asyncio.Queue[Json | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def subscribe(self, document: str, /, **variables: object) -> Subscription:
        """Starts a subscription; its events are kept from now on."""
        key = str(next(self._ids))
        inbox = self._inboxes[key] = asyncio.Queue()
        payload = {"query": document, "variables": variables}
        await self._ws.send_json({"id": key, "type": "subscribe", "payload": payload})
        return Subscription(inbox, lambda: self._end(key))

    async def _end(self, key: str) -> None:
        self._inboxes.pop(key, None)
        if not self._ws.closed:
            await self._ws.send_json({"id": key, "type": "complete"})

    async def _read(self) -> None:
        async for message in self._ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = message.json()
            if frame["type"] == "ping":
                await self._ws.send_json({"type": "pong"})
            elif inbox := self._inboxes.get(frame.get("id", "")):
                inbox.put_nowait(None if frame["type"] == "complete" else frame)
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)


class Subscription:
    """The events of one subscription, in order."""

    def __init__(self, inbox: asyncio.Queue[Json | None], end: Callable[[], Awaitable[None]]) -> None:
        self._inbox = inbox
        self._end = end

    async def close(self) -> None:
        """Tells the server that nobody listens any more; a socket has room for a limited number."""
        await self._end()

    async def next(self, timeout: float = _ANSWER_TIMEOUT) -> Json:
        """The `data` of the next event. Raises `ApiError`, `TimeoutError`, or `ConnectionError` when it has ended."""
        frame = await asyncio.wait_for(self._inbox.get(), timeout)
        if frame is None:
            raise ConnectionError("the subscription has ended")
        if frame["type"] == "error":
            raise ApiError(frame["payload"])
        return _data(frame["payload"])


def _data(answer: Json) -> Json:
    if answer.get("errors"):
        raise ApiError(answer["errors"])
    data: Json = answer["data"]
    return data
