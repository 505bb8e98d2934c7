"""HTTP/1.1 and WebSocket as bytes on a connection, so that wrong ones can be sent and nothing is mended on the way."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

Headers = Sequence[tuple[str, bytes]]

_PATIENCE = 20.0
_TEXT, _CLOSE = 1, 8


class Answer(NamedTuple):
    """What came back; `status` is 0 when the connection ended without a word."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def fault(self) -> str | None:
        """What no answer may be: none at all, 5xx, or an error without its promised parts or of our own."""
        if self.status == 0 or self.status >= 500:
            return f"status {self.status}: {self.body[:500]!r}"
        if "json" not in self.headers.get("content-type", "") or self.headers.get("transfer-encoding"):
            return None
        try:
            body = json.loads(self.body)
        except ValueError:
            return f"no JSON: {self.body[:500]!r}"
        return fault_of(body.get("errors", ())) if isinstance(body, dict) else None


def fault_of(errors: Sequence[dict[str, Any]]) -> str | None:
    """The first error that is our fault, or that lacks a part."""
    for error in errors:
        found = error.get("extensions", {})
        if set(found) != {"code", "reason", "details", "requestId"} or found["code"] == "INTERNAL":
            return f"error {error}"
    return None


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()


def head(method: str, target: bytes, headers: Headers) -> bytes:
    lines = [method.encode() + b" " + target + b" HTTP/1.1", *(k.encode() + b": " + v for k, v in headers)]
    return b"\r\n".join([*lines, b"", b""])


async def request(port: int, method: str, target: bytes, headers: Headers, body: bytes = b"") -> Answer:
    """Sends it as it is, with its length unless `headers` say one, and reads to the end of the connection."""
    given = [("Host", b"127.0.0.1"), ("Connection", b"close"), *headers]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        given.append(("Content-Length", str(len(body)).encode()))
    raw = b""
    try:
        async with connected(port) as (reader, writer):
            writer.write(head(method, target, given) + body)
            while chunk := await reader.read(65_536):
                raw += chunk
    except ConnectionError:
        pass  # refused while it was still sending: what was said before counts
    except TimeoutError:
        return Answer(0, {}, b"no end of the answer in time, after " + raw)
    answer = _answer(raw)
    return answer._replace(headers={}) if method == "HEAD" else answer


def _answer(raw: bytes) -> Answer:
    top, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) < 2 or not parts[1].isdigit():
        return Answer(0, {}, raw)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(parts[1]), headers, body)


# --- WebSocket (RFC 6455) -------------------------------------------------------------------------


def handshake(rng: random.Random, headers: Headers = ()) -> Headers:
    return [
        ("Upgrade", b"websocket"), ("Connection", b"Upgrade"), ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Key", base64.b64encode(rng.randbytes(16))), *headers,
    ]  # fmt: skip


def frame(rng: random.Random, data: bytes, opcode: int = _TEXT, first: int = 0x80) -> bytes:
    """A masked frame; `first` holds the bits before the opcode: FIN and what is reserved."""
    size = len(data)
    short = size if size < 126 else 126 if size < 65_536 else 127
    more = b"" if size < 126 else size.to_bytes(2 if size < 65_536 else 8, "big")
    mask = rng.randbytes(4)
    masked = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(
        size, "big"
    )
    return bytes([first | opcode, 0x80 | short]) + more + mask + masked


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """(opcode, data) of what the server sends, until the connection ends."""
    try:
        while True:
            opcode, size = await reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            yield opcode & 15, await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def heard(reader: asyncio.StreamReader) -> tuple[list[dict[str, Any]], int, str]:
    """All messages to the end of the connection, and the code and reason it was closed with; 1006 for none."""
    messages = []
    async for opcode, data in frames(reader):
        if opcode == _TEXT:
            messages.append(json.loads(data))
        if opcode == _CLOSE:
            return messages, int.from_bytes(data[:2], "big") or 1005, data[2:].decode()
    return messages, 1006, ""
