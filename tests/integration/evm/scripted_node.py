"""A little real HTTP server that answers JSON-RPC the way a test wants."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from mercato.evm.rpc import Endpoint

Result = Callable[[list[Any]], Any]


class Refusal(Exception):
    """Answer with this JSON-RPC error object."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


@dataclass
class ScriptedNode:
    """`results` holds a function of the parameters for each method; `respond` replaces the whole HTTP answer."""

    results: dict[str, Result] = field(default_factory=dict)
    respond: Callable[[web.Request], web.StreamResponse] | None = None
    delay: float = 0.0
    chain_id: int = 1
    backwards: bool = False
    """Answers the calls of a batch in reverse order, as JSON-RPC allows."""

    asked: Counter[str] = field(default_factory=Counter)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    batch_sizes: list[int] = field(default_factory=list)
    port: int = 0

    def endpoint(self, priority: int = 0, **headers: str) -> Endpoint:
        return Endpoint(f"http://127.0.0.1:{self.port}/key", priority, headers=headers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(request.transport)
        self.headers.append(request.headers)
        body = await request.json()
        if isinstance(body, list):
            self.batch_sizes.append(len(body))
            answers = [self._answer(call) for call in body]
            return web.json_response(answers[::-1] if self.backwards else answers)
        if body["method"] == "eth_chainId":
            return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": hex(self.chain_id)})
        self.asked[body["method"]] += 1
        await asyncio.sleep(self.delay)
        if self.respond is not None:
            return self.respond(request)
        return web.json_response(self._answer(body))

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        envelope = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return envelope | {"result": self.results[call["method"]](call["params"])}
        except Refusal as refusal:
            return envelope | {"error": refusal.error}


@asynccontextmanager
async def listening(node: ScriptedNode, port: int = 0) -> AsyncIterator[ScriptedNode]:
    """Serves `node` on loopback until the block ends."""
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/key", node.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    node.port = runner.addresses[0][1]
    try:
        yield node
    finally:
        await runner.cleanup()
