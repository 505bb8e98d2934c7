"""Talk on a WebSocket: messages of graphql-transport-ws in any order and shape, broken frames, odd handshakes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress
from typing import Any

from tests.fuzz.operations import Asked, Operations, hostile_documents
from tests.fuzz.values import Values, encoded
from tests.fuzz.wire import Headers, connected, fault_of, frame, handshake, head, heard

CODES = {1000, 1002, 1007, 1009, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429}
"""What a connection may be closed with. 1006 is none of them, and 1011 is a fault of ours."""

_PROTOCOL = ("Sec-WebSocket-Protocol", b"graphql-transport-ws")
_TARGETS = (
    b"/graphql",
    b"/graphql?\xff",
    b"/graphql?a=%ff",
    b"/",
    b"/nothing",
    b"/graphql/session",
    b"/graphql\xff",
    b"*",
)
_END = b'{"type": "no such thing"}'


class Sockets:
    """Each call of `next` is one connection; it gives what is wrong with it, None for nothing."""

    def __init__(self, port: int, values: Values, operations: Operations, token: str) -> None:
        self._port = port
        self._values = values
        self._rng = values.rng
        self._operations = operations
        self._documents = hostile_documents(values)
        self._token = token
        self._kinds: list[Callable[[], Awaitable[tuple[bytes, str | None]]]] = [
            self._conversation, self._twice, self._conversation, self._frames, self._handshake,
        ]  # fmt: skip
        self._round = 0

    async def next(self) -> str | None:
        kind = self._kinds[self._round % len(self._kinds)]
        self._round += 1
        sent, fault = await kind()
        return f"socket {kind.__name__}: {fault}\n  sent {sent[:1500]!r}" if fault else None

    # --- messages ---------------------------------------------------------------------------------

    async def _conversation(self) -> tuple[bytes, str | None]:
        said = [self._message() for _ in range(self._rng.randint(1, 12))]
        if self._rng.random() < 0.8:
            said.insert(0, self._init())
        return b"\n".join(said), await self._talk([frame(self._rng, text) for text in [*said, _END]])

    async def _twice(self) -> tuple[bytes, str | None]:
        """One id for two operations, in any script and length: the close that follows names it."""
        key = self._rng.choice(
            ("é" * 100, "\U0001f600" * 64, "x" * 128, "\x01" * 128, self._values.text()[:128] or "1")
        )
        one = encoded(
            {"type": "subscribe", "id": key, "payload": {"query": "subscription { feed { __typename } }"}}
        ).encode()
        return one, await self._talk([frame(self._rng, text) for text in (self._init(), one, one, _END)])

    def _init(self) -> bytes:
        return encoded({"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}}).encode()

    def _message(self) -> bytes:
        kind = self._rng.choice(
            ("subscribe",) * 6 + ("complete", "complete", "ping", "pong", "connection_init", "next", "start")
        )
        said: dict[str, Any] = {"type": kind, "id": self._rng.choice(("1", "2", "3", self._values.text()))}
        if kind != "complete":
            said["payload"] = self._payload() if kind == "subscribe" else self._values.small()
        if self._rng.random() < 0.1:
            said[self._rng.choice(("id", "type", "payload"))] = self._values.odd()
        text = encoded(said).encode(errors="surrogatepass")
        return text[: self._rng.randrange(len(text))] if self._rng.random() < 0.03 else text

    def _payload(self) -> Any:
        asked = self._operations.any("subscription", "subscription", "query", "mutation")
        if self._rng.random() < 0.3:
            asked = Asked(next(self._documents), {}, [])
        found: dict[str, Any] = {"query": asked.query, "variables": asked.variables}
        if self._rng.random() < 0.2:
            found[self._rng.choice(("variables", "extensions", "operationName", "query"))] = self._values.odd()
        return found

    # --- frames and handshakes --------------------------------------------------------------------

    async def _frames(self) -> tuple[bytes, str | None]:
        """What breaks RFC 6455, or comes close."""
        rng = self._rng
        text = self._message()
        pieces = [text[i : i + 100] for i in range(0, len(text), 100)]
        whole = [frame(rng, p, 0 if i else 1, 0x80 if i == len(pieces) - 1 else 0) for i, p in enumerate(pieces)]
        odd = rng.choice((
            [frame(rng, b"\xff\xfe")], [frame(rng, b'{"type": "\xed\xa0\x80"}')], whole,
            whole[:-1], [frame(rng, text, 2)],
            [frame(rng, text, 0)], [frame(rng, text, rng.randrange(3, 16))], [frame(rng, text, 1,
            0xF0)], [frame(rng, b"x" * 126, 9)],
            [frame(rng, b"hi", 9, 0)], [frame(rng, b"x" * 600_000)], [b"\x81\x02{}"],
            [b"\x81\xff" + b"\xff" * 8], [rng.randbytes(60)],
            [frame(rng, b"", 9)] * 5, [frame(rng, b"\x03", 8)], [frame(rng, b"\0\0", 8)],
            [frame(rng, b"\x03\xe8\xff\xff", 8)],
            [frame(rng, b"\x03\xed", 8)], [frame(rng, b"\x0f\xa0" + b"x" * 123, 8)], [frame(rng, b"", 8)],
        ))  # fmt: skip
        sent = [frame(rng, self._init()), *odd, frame(rng, _END)]
        return b"".join(odd), await self._talk(sent, codes=CODES | {1005, 1006, 4000})

    async def _handshake(self) -> tuple[bytes, str | None]:
        """Whatever is asked for, the answer is HTTP and no fault; what was accepted is closed with a reason."""
        rng = self._rng
        odd = (
            self._values.text()
            .encode(errors="surrogatepass")
            .replace(b"\r", b"")
            .replace(b"\n", b"")
            .replace(b"\0", b"")
        )
        headers = list(handshake(rng, [_PROTOCOL] if rng.random() < 0.7 else [("Sec-WebSocket-Protocol", odd)]))
        for name in (
            "Cookie",
            "Origin",
            "Authorization",
            "User-Agent",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Version",
        ):
            if rng.random() < 0.15:
                headers.append((name, odd))
        if rng.random() < 0.2:
            del headers[rng.randrange(2, len(headers))]
        target = rng.choice(_TARGETS)
        return target + repr(headers).encode(), await self._talk([frame(rng, _END)], headers, target)

    async def _talk(
        self, sent: list[bytes], headers: Headers = (), target: bytes = b"/graphql", codes: Set[int] = CODES
    ) -> str | None:
        headers = headers or handshake(self._rng, [_PROTOCOL])
        try:
            async with connected(self._port) as (reader, writer):
                writer.write(head("GET", target, [("Host", b"127.0.0.1"), *headers]))
                top = await reader.readuntil(b"\r\n\r\n")
                status = top.split(b" ", 2)[1]
                if status != b"101":
                    return f"status {status!r}" if status >= b"500" else None
                writer.write(b"".join(sent))
                if 1006 in codes:
                    with suppress(OSError):  # it was closed already
                        writer.write_eof()  # what was begun has no end: it would be waited for
                messages, code, reason = await heard(reader)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            return f"the connection was lost: {error!r}"
        except TimeoutError:
            return "not closed in time"
        wrong = [fault_of(m["payload"]) for m in messages if m["type"] == "error"]
        wrong += [fault_of(m["payload"].get("errors", ())) for m in messages if m["type"] == "next"]
        if any(wrong):
            return next(filter(None, wrong))
        return None if code in codes else f"closed with {code} {reason!r}"
