"""A node over real HTTP with a chain written by hand: it forks at will, and lies when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from mercato.evm import topics
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit.ids import ChainId, keccak256
from mercato.services.indexer.model import bloom

CONTRACT = "0x" + "cc" * 20
_TOPICS_OF_ZERO = "0x" + "00" * 32

Position = tuple[str, int, bytes, bytes, int, int]
Lie = Callable[[list[Any]], Any]


class Refusal(Exception):
    """A JSON-RPC error."""

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.code = code


class TRUTH:
    """What a lie answers to let the truth through."""


@dataclass(frozen=True)
class ScriptedBlock:
    """One block; every log mints (even token) or moves (odd token) one token of `CONTRACT`."""

    number: int
    parent: str
    label: str
    tokens: tuple[int, ...]

    @property
    def hash(self) -> str:
        return "0x" + keccak256(f"{self.parent}{self.label}{self.number}".encode()).hex()

    def tx_hash(self, index: int) -> str:
        """The same on every branch: a fork mines the same transactions again."""
        return "0x" + keccak256(f"tx{self.tokens[index]}".encode()).hex()

    def logs(self) -> list[dict[str, Any]]:
        return [
            {
                "address": CONTRACT,
                "topics": [topics.TRANSFER, *_movement(token)],
                "data": "0x",
                "blockNumber": hex(self.number),
                "blockHash": self.hash,
                "transactionHash": self.tx_hash(index),
                "transactionIndex": hex(index),
                "logIndex": hex(index),
                "removed": False,
            }
            for index, token in enumerate(self.tokens)
        ]

    def header(self) -> dict[str, Any]:
        items = {bytes.fromhex(t[2:]) for log in self.logs() for t in (log["address"], *log["topics"])}
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "timestamp": hex(1_700_000_000 + self.number),
            "logsBloom": "0x" + bloom.of_items(items).to_bytes(256, "big").hex(),
            "gasLimit": "0x1",
            "transactions": [],
        }

    def positions(self) -> set[Position]:
        """The facts of this block as a consumer knows them."""
        return {
            (
                "transferred" if token % 2 else "minted", self.number, bytes.fromhex(self.hash[2:]),
                bytes.fromhex(self.tx_hash(index)[2:]), index, 0,
            )
            for index, token in enumerate(self.tokens)
        }  # fmt: skip


def _movement(token: int) -> list[str]:
    source = "0x" + (b"\x11" * 20).rjust(32, b"\0").hex() if token % 2 else _TOPICS_OF_ZERO
    target = "0x" + (b"\x22" * 20).rjust(32, b"\0").hex()
    return [source, target, "0x" + token.to_bytes(32, "big").hex()]


@dataclass
class LyingNode:
    """The chain it is on now, and one lie per method (a function of the parameters) that may answer instead."""

    chain: ChainId
    blocks: list[ScriptedBlock] = field(default_factory=lambda: [ScriptedBlock(0, _TOPICS_OF_ZERO, "genesis", ())])
    lies: dict[str, Lie] = field(default_factory=dict)
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    url: str = ""
    _tokens: int = 0

    @property
    def head(self) -> ScriptedBlock:
        return self.blocks[-1]

    @property
    def head_hash(self) -> bytes:
        return bytes.fromhex(self.head.hash[2:])

    def mine(self, *logs_per_block: int, label: str = "a") -> None:
        """One block for each number of logs, on top of the current branch."""
        for logs in logs_per_block:
            tokens = tuple(range(self._tokens, self._tokens + logs))
            self._tokens += logs
            self.blocks.append(ScriptedBlock(self.head.number + 1, self.head.hash, label, tokens))

    def switch(self, branch: list[ScriptedBlock]) -> None:
        """Another branch is canonical from now on."""
        self.blocks = list(branch)

    def fork(self, depth: int, label: str, *logs_per_block: int) -> None:
        """Replaces the newest `depth` blocks by others; their transactions are mined again where there is room."""
        lost = [token for block in self.blocks[-depth:] for token in block.tokens]
        self.blocks = self.blocks[:-depth]
        for logs in logs_per_block:
            tokens, lost = tuple(lost[:logs]), lost[logs:]
            self.blocks.append(ScriptedBlock(self.head.number + 1, self.head.hash, label, tokens))

    def positions(self) -> set[Position]:
        """The facts of the canonical branch."""
        return {position for block in self.blocks for position in block.positions()}

    def lie(self, method: str, lie: Lie) -> None:
        self.lies[method] = lie

    def truth(self, method: str, params: list[Any]) -> Any:
        return getattr(self, f"_{method}")(*params)

    def _eth_chainId(self) -> str:
        return hex(self.chain)

    def _eth_getBlockByNumber(self, tag: str, full: bool) -> dict[str, Any] | None:
        number = self.head.number if tag == "latest" else int(tag, 16)
        return self.blocks[number].header() if number < len(self.blocks) else None

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in wanted:
            block = self._of_hash(wanted["blockHash"])
            return block.logs()
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        return [log for block in self.blocks[first : last + 1] for log in block.logs()]

    def _eth_getBlockReceipts(self, name: str) -> list[dict[str, Any]]:
        block = self._of_hash(name) if len(name) == 66 else self.blocks[int(name, 16)]
        return [
            {
                "transactionHash": log["transactionHash"], "transactionIndex": log["transactionIndex"],
                "blockNumber": log["blockNumber"], "blockHash": log["blockHash"], "from": CONTRACT, "gasUsed": "0x1",
                "status": "0x1", "logs": [log],
            }
            for log in block.logs()
        ]  # fmt: skip

    def _of_hash(self, hash_: str) -> ScriptedBlock:
        for block in self.blocks:
            if block.hash == hash_:
                return block
        raise Refusal("unknown block")


def first_times(times: int, lie: Lie) -> Lie:
    """A lie that is told `times` times in all, then the truth."""
    left = [times]

    def tell(params: list[Any]) -> Any:
        left[0] -= 1
        return lie(params) if left[0] >= 0 else TRUTH

    return tell


@asynccontextmanager
async def running(node: LyingNode) -> AsyncIterator[RpcPool]:
    """The node on a free port, and a pool that asks it."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        many = body if isinstance(body, list) else [body]
        answers = [_answer(node, call) for call in many]
        await asyncio.sleep(0)
        return web.json_response(answers if isinstance(body, list) else answers[0])

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        node.url = f"http://{host}:{port}"
        async with RpcPool(node.chain, [Endpoint(node.url)]) as pool:
            yield pool
    finally:
        await runner.cleanup()


def _answer(node: LyingNode, call: dict[str, Any]) -> dict[str, Any]:
    method, params = call["method"], call.get("params") or []
    node.asked.append((method, params))
    try:
        lie = node.lies.get(method)
        told = TRUTH if lie is None else lie(params)
        result = node.truth(method, params) if told is TRUTH else told
    except Refusal as refusal:
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": refusal.code, "message": str(refusal)}}
    return {"jsonrpc": "2.0", "id": call["id"], "result": result}
