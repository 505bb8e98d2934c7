"""WebSockets as nodes have them: the way to a real one that can be cut, and one that says whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

SUBSCRIPTION = "0xfeed"
GRANTED = f'{{"jsonrpc":"2.0","id":1,"result":"{SUBSCRIPTION}"}}'


def announcement(subscription: str = SUBSCRIPTION, number: int = 10**9) -> str:
    """Of a block that nobody has."""
    header = f'{{"number":"{hex(number)}","hash":"0x{"ab" * 32}","parentHash":"0x{"cd" * 32}"}}'
    params = f'{{"subscription":"{subscription}","result":{header}}}'
    return f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}'


class Cable:
    """A TCP connection to a real node for each that comes in, until it is cut."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = str(parts.hostname), parts.port
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._listens_on = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._listens_on}"

    async def plug_in(self) -> None:
        """On the same port each time."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._listens_on)
        self._listens_on = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Everything that is open ends, and nothing comes in."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, back]
        with contextlib.suppress(OSError):
            await asyncio.gather(_pour(reader, back), _pour(there, writer))


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        into.write(data)
        await into.drain()
    into.close()


Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class Socket:
    """A server of WebSockets that follows a script on each of them; counts those that came."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.url = ""
        self.came = 0
        self.asked: list[str] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.came += 1
        if request.path == "/elsewhere":
            raise web.HTTPFound(self.url)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.asked.append((await socket.receive()).data)
        with contextlib.suppress(ConnectionError):
            await self._script(socket)
        return socket


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Socket]:
    """Until the block ends, with every socket closed."""
    served = Socket(script)
    app = web.Application()
    app.router.add_get("/{path:.*}", served.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        yield served
    finally:
        await runner.cleanup()
