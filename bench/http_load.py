"""A load of HTTP requests in a process of its own: kept-alive connections, each sending its next request when the last
is answered.

    python -m bench.http_load PORT BODIES_FILE SECONDS CONNECTIONS

BODIES_FILE has one JSON body a line; they are sent to /graphql in turn. Prints one JSON object. Every answer must be a
200 whose body begins with data and has no errors; the first that is not ends the run. Sockets and bytes only, with
requests made before the clock starts, so that the client costs as little as it can; its CPU seconds are in the result.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import orjson
import uvloop

_HEAD_END = b"\r\n\r\n"
_PATIENCE = 30.0


class WrongAnswer(Exception):
    """An answer that is no data."""


class _Visitor(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], until: float, latencies: list[float]) -> None:
        self._requests = requests
        self._until = until
        self._latencies = latencies
        self._buffer = bytearray()
        self._wanted = 0
        self._sent = 0.0
        self.received = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._wanted and (end := self._buffer.find(_HEAD_END)) >= 0:
            try:
                self._wanted = end + len(_HEAD_END) + self._checked(bytes(self._buffer[:end]).lower())
            except WrongAnswer as error:
                self._fail(error)
                return
        if self._wanted and len(self._buffer) >= self._wanted:
            self._answered()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._fail(error or WrongAnswer("the server closed the connection"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def _answered(self) -> None:
        now = time.perf_counter()
        body = self._buffer[self._buffer.find(_HEAD_END) + len(_HEAD_END) :]
        if not body.startswith(b'{"data":{') or b'"errors"' in body:
            self._fail(WrongAnswer(body[:500].decode(errors="replace")))
            return
        self._latencies.append(now - self._sent)
        self.received += len(body)
        self._buffer.clear()
        self._wanted = 0
        if now < self._until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.close()

    def _checked(self, head: bytes) -> int:
        """The length of the body."""
        if not head.startswith(b"http/1.1 200 "):
            raise WrongAnswer(head.decode(errors="replace"))
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return int(line.partition(b":")[2])
        raise WrongAnswer(f"no length: {head.decode(errors='replace')}")


def _request(body: bytes) -> bytes:
    return (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def load(port: int, bodies: list[bytes], seconds: float, connections: int) -> dict[str, object]:
    """Runs the load. Raises `WrongAnswer`, and `TimeoutError` when the last answers do not come."""
    loop = asyncio.get_running_loop()
    requests = cycle([_request(body) for body in bodies])
    latencies: list[float] = []
    cpu, started = time.process_time(), time.perf_counter()
    visitors = [_Visitor(requests, started + seconds, latencies) for _ in range(connections)]
    async with asyncio.timeout(seconds + _PATIENCE):
        for visitor in visitors:
            await loop.create_connection(lambda found=visitor: found, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(visitor.done for visitor in visitors))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "received": sum(visitor.received for visitor in visitors),
        "latencies": latencies,
    }


def main() -> None:
    """The command."""
    port, path, seconds, connections = sys.argv[1:]
    bodies = Path(path).read_bytes().splitlines()
    found = uvloop.run(load(int(port), bodies, float(seconds), int(connections)))
    sys.stdout.buffer.write(orjson.dumps(found))


if __name__ == "__main__":
    main()
