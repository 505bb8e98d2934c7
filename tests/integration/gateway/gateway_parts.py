"""The gateway under test, with a client for each of its protocols."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from gateway_fakes import World, stamp

from mercato.kit import pushes
from mercato.kit.ids import new_id
from mercato.kit.redis import Redis
from mercato.rpc.orchestrator.v1 import orchestrator_pb2
from mercato.rpc.push.v1 import push_pb2
from mercato.stack import LocalStack

Json = dict[str, Any]

SUBPROTOCOL = "graphql-transport-ws"
GRAPHQL_JSON = "application/graphql-response+json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `body` is its JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def reason(self) -> str:
        """The reason of the first error; checks that the error has everything the API promises."""
        error = self.body["errors"][0]
        assert set(error["extensions"]) == {"code", "reason", "details", "requestId"}, error
        assert error["extensions"]["requestId"]
        assert "Traceback" not in json.dumps(error)
        reason: str = error["extensions"]["reason"]
        return reason

    @property
    def code(self) -> str:
        code: str = self.body["errors"][0]["extensions"]["code"]
        return code


class Gateway:
    """A running gateway and what stands around it."""

    def __init__(self, stack: LocalStack, session: aiohttp.ClientSession, redis: Redis, world: World) -> None:
        self.stack = stack
        self.session = session
        self.redis = redis
        self.world = world
        self.url = f"http://127.0.0.1:{stack.settings.gateway_port}"

    async def execute(self, query: str, token: str | None = None, **variables: Any) -> Answer:
        """A POST as most clients send it; `token` may be left out for anonymous requests."""
        return await self.post({"query": query, "variables": variables}, token=token)

    async def post(self, body: Any, token: str | None = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Accept": GRAPHQL_JSON, **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        async with self.session.post(f"{self.url}/graphql", data=data, headers=sent) as response:
            return Answer(response.status, response.headers, json.loads(await response.read()))

    async def upload(self, form: aiohttp.FormData, token: str | None = "token-alice", **headers: str) -> Answer:
        sent = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.session.post(f"{self.url}/graphql", data=form, headers=sent) as response:
            return Answer(response.status, response.headers, json.loads(await response.read()))

    async def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        async with self.session.get(f"{self.url}{path}", headers=headers, allow_redirects=False) as response:
            return response.status, response.headers, await response.read()

    @asynccontextmanager
    async def socket(self, token: str | None = "token-alice") -> AsyncIterator[Socket]:
        """A WebSocket; acknowledged unless `token` is None."""
        url = self.url.replace("http", "ws") + "/graphql"
        async with self.session.ws_connect(url, protocols=[SUBPROTOCOL]) as ws:
            socket = Socket(ws)
            if token is not None:
                await socket.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
                assert (await socket.next())["type"] == "connection_ack"
            yield socket

    async def push_intent(self, intent: orchestrator_pb2.Intent) -> None:
        push = push_pb2.Push(id=str(new_id()), pushed_at=stamp(), intent=intent)
        await self.redis.publish(f"push:intent:{intent.id}", pushes.plain(push.SerializeToString()))

    async def publish(self, channel: str, push: push_pb2.Push) -> None:
        """As subscriptions does: kept in the channel's log and published."""
        await pushes.PushLog(self.redis, self.stack.settings).push(push.id, push.SerializeToString(), [channel])

    async def watching(self, number: int = 1) -> None:
        """Waits until the gateway itself has `number` watchers more than none: a subscription is then in place."""
        ops = f"http://127.0.0.1:{self.stack.settings.ops_port('gateway')}/metrics"
        async with asyncio.timeout(5):
            while True:
                async with self.session.get(ops) as response:
                    if f"mercato_gateway_watchers {float(number)}" in await response.text():
                        return
                await asyncio.sleep(0.02)


class Socket:
    """Messages of graphql-transport-ws."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def send(self, message: Any) -> None:
        await self.ws.send_str(message if isinstance(message, str) else json.dumps(message))

    async def subscribe(self, query: str, key: str = "1", **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"id": key, "type": "subscribe", "payload": payload})

    async def next(self) -> Json:
        message = await self.ws.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.ws.close_code)
        found: Json = message.json()
        return found

    async def event(self) -> Json:
        """The data of the next `next`."""
        message = await self.next()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        data: Json = message["payload"]["data"]
        return data

    async def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing arrives for a while."""
        try:
            await self.ws.receive(timeout=seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self) -> tuple[int, str]:
        """Waits for the end: (code, reason)."""
        while True:
            message = await self.ws.receive(timeout=10)
            if message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data), str(message.extra or "")
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                return self.ws.close_code or 0, ""
