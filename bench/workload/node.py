"""An anvil of our own for the time of a recording."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from mercato.evm.artifacts import anvil_path

GENESIS_TIME = 1_700_000_000
BLOCK_SECONDS = 12

_STARTUP_SECONDS = 20.0
_OPTIONS = (
    "--no-mining",
    "--order", "fifo",
    "--gas-price", "0",
    "--base-fee", "0",
    "--gas-limit", "1000000000",
    "--prune-history",  # no copy of the whole state for each block
    "--timestamp", str(GENESIS_TIME),
    "--hardfork", "shanghai",
    "--silent",
)  # fmt: skip


class NodeRefused(Exception):
    """The node answered a call with an error."""


class Node:
    """Raw JSON-RPC to one node, with anvil's own methods."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, method: str, *params: object) -> Any:
        """The result of one call. Raises `NodeRefused`."""
        (result,) = await self.batch([(method, params)])
        return result

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """The results of several calls in one round trip, in order. Raises `NodeRefused` for the first error."""
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(calls)
        ]
        headers = {"content-type": "application/json"}
        async with self._session.post(self._url, data=orjson.dumps(body), headers=headers) as response:
            answers = sorted(orjson.loads(await response.read()), key=lambda a: a["id"])
        for (method, _), answer in zip(calls, answers, strict=True):
            if "error" in answer:
                raise NodeRefused(f"{method}: {answer['error']}")
        return [answer["result"] for answer in answers]


@asynccontextmanager
async def fresh_anvil() -> AsyncIterator[Node]:
    """A new chain that mines on demand, with times fixed by `GENESIS_TIME`; gone when the block ends."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(str(anvil_path()), "--port", str(port), *_OPTIONS)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            node = Node(session, f"http://127.0.0.1:{port}")
            await _answering(node)
            await node.call("anvil_autoImpersonateAccount", True)
            await node.call("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
            yield node
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answering(node: Node) -> None:
    async with asyncio.timeout(_STARTUP_SECONDS):
        while True:
            try:
                await node.call("eth_chainId")
                return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
