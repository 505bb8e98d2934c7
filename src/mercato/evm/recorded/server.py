"""The HTTP side of a recorded node: JSON-RPC by POST, single or batch, answered from bytes that exist already.

``GET /stats`` gives the number of requests by method, ``GET /reset`` sets it to zero.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Protocol, cast

import httptools
import msgspec

from mercato.evm.recorded.chain import Refused

_ENCODE = msgspec.json.encode
_INVALID_REQUEST = -32600
_PARSE_ERROR = -32700


class Answers(Protocol):
    """What is served: a `RecordedChain`, or anything else that knows a chain."""

    calls: Counter[str]

    def answer(self, method: str, params: list[Any]) -> bytes:
        """The JSON of the result. Raises `Refused`."""


async def serve(chain: Answers, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
    """Starts to listen; port 0 takes a free one, see ``sockets[0].getsockname()``."""
    return await asyncio.get_running_loop().create_server(lambda: _Connection(chain), host, port, backlog=1024)


def respond(chain: Answers, body: bytes) -> bytes:
    """The JSON-RPC 2.0 response to a request body."""
    try:
        request = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return _error(None, _PARSE_ERROR, str(error))
    if isinstance(request, list):
        return b"[" + b",".join([_one(chain, part) for part in request]) + b"]"
    return _one(chain, request)


def _one(chain: Answers, request: Any) -> bytes:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, _INVALID_REQUEST, "invalid request")
    number = request.get("id")
    try:
        result = chain.answer(request["method"], request.get("params") or [])
    except Refused as refused:
        return _error(number, refused.code, str(refused))
    return b'{"jsonrpc":"2.0","id":' + _ENCODE(number) + b',"result":' + result + b"}"


def _error(number: object, code: int, message: str) -> bytes:
    return _ENCODE({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}})


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered in order, at once."""

    def __init__(self, chain: Answers) -> None:
        self._chain = chain
        self._body: list[bytes] = []
        self._url = b""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._close()

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"expect" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        self._body.clear()
        answer = respond(self._chain, body) if self._parser.get_method() == b"POST" else self._statistics()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
        if self._transport is not None:
            self._transport.writelines([head, answer])
        if not self._parser.should_keep_alive():
            self._close()

    def _statistics(self) -> bytes:
        if self._url.startswith(b"/reset"):
            self._chain.calls.clear()
        return _ENCODE({"calls": self._chain.calls})

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
