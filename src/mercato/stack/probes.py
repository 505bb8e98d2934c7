"""Asks a server in its own protocol whether it is ready; no client library is loaded for that."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mercato.stack.errors import NotReady
from mercato.stack.ports import HOST

_PATIENCE = 2.0  # seconds for one answer


async def postgres(port: int, user: str, database: str) -> None:
    """Ready when a start-up message is answered with an authentication request (PostgreSQL protocol 3.0)."""
    words = b"".join(w.encode() + b"\0" for w in ("user", user, "database", database)) + b"\0"
    answer = await _exchange(port, struct.pack(">II", 8 + len(words), 196608) + words, 1)
    if answer != b"R":
        raise NotReady(f"PostgreSQL answers {answer!r}")


async def amqp(port: int) -> None:
    """Ready when the protocol header is answered with a method frame, connection.start (AMQP 0-9-1)."""
    if await _exchange(port, b"AMQP\x00\x00\x09\x01", 1) != b"\x01":
        raise NotReady("the broker refuses AMQP 0-9-1")


async def redis(port: int) -> None:
    """Ready when PING is answered with PONG; it is an error text while a snapshot or AOF loads."""
    if (answer := await _exchange(port, b"PING\r\n", 5)) != b"+PONG":
        raise NotReady(f"Redis answers {answer!r}")


async def mongo(port: int) -> None:
    """Ready when ``{hello: 1}`` is answered (MongoDB wire protocol, OP_MSG)."""
    fields = b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
    document = struct.pack("<i", len(fields) + 5) + fields + b"\x00"
    body = struct.pack("<iB", 0, 0) + document
    await _exchange(port, struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body, 16)


async def http_ok(port: int, path: str) -> None:
    """Ready when a GET is answered with status 200."""
    status, body = await http(port, "GET", path)
    if status != 200:
        raise NotReady(f"{path} answers {status}: {body[:200].decode(errors='replace')}")


async def json_rpc(port: int, method: str, *params: object) -> object:
    """The result of one JSON-RPC 2.0 call to a node on loopback. Raises `NotReady` with the node's error."""
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    _, body = await http(port, "POST", "/", call, patience=60.0)
    answer = json.loads(body)
    if "result" not in answer:
        raise NotReady(f"{method}: {answer.get('error')}")
    return answer["result"]


async def http(port: int, method: str, path: str, body: bytes = b"", patience: float = _PATIENCE) -> tuple[int, bytes]:
    """Status and body of one HTTP/1.0 request to loopback, given `patience` seconds."""
    head = f"{method} {path} HTTP/1.0\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
    async with asyncio.timeout(patience), _connected(port) as (reader, writer):
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
    start, _, rest = answer.partition(b"\r\n\r\n")
    words = start.split(None, 2)
    if len(words) < 2:
        raise NotReady("no HTTP answer")
    return int(words[1]), rest


async def _exchange(port: int, request: bytes, size: int) -> bytes:
    async with asyncio.timeout(_PATIENCE), _connected(port) as (reader, writer):
        writer.write(request)
        return await reader.readexactly(size)


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
