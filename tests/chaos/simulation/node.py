"""The nodes of the world as one port: two views of the chain, answers that are late, of another block, or missing.

What is told wrong can be found out: a list of logs is wrong in a way that the header's filter or the block hash shows.
Content of finished history is told right, since nothing on a chain's RPC proves a range complete.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from mercato.evm.logs import RawLog
from mercato.evm.rpc import (
    BlockId,
    BlockUnknown,
    Header,
    NodeFault,
    NodeUnavailable,
    RangeTooLarge,
    Receipt,
    TopicFilter,
)
from mercato.kit.ids import Address
from tests.chaos.simulation.chain import Block, Branch, Chain


class LyingNode:
    """`mood` is how often an answer is not the plain truth; `stale` a branch some answers come from; `alien`, while it
    is set, the only chain this node knows."""

    endpoints: Sequence[Any] = ()

    def __init__(self, chain: Chain, draw: random.Random) -> None:
        self._chain = chain
        self._draw = draw
        self._seen: dict[bytes, Block] = {}
        self.mood = 0.0
        self.stale: Branch | None = None
        self.alien: Branch | None = None

    async def find_header(self, block: BlockId) -> Header | None:
        """Only ever asked for the head."""
        assert block == "latest"
        self._may_fail()
        view = self._view()
        lag = self._draw.randint(1, 3) if self._lies(0.5) else 0
        return view[max(0, len(view) - 1 - lag)].header

    async def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        self._may_fail()
        view = self._view()
        end = len(view) - self._draw.randint(1, 2) if self._lies(0.5) else len(view)
        return [view[number].header if number < end else None for number in numbers]

    async def logs(
        self, from_block: int, to_block: int, *, addresses: Sequence[Address] = (), topics: TopicFilter = ()
    ) -> list[RawLog]:
        self._may_fail()
        if self._lies(0.5) and to_block > from_block:
            fits = self._draw.randint(from_block, to_block - 1)
            raise RangeTooLarge(-32005, "too many", suggested=self._draw.choice((None, (from_block, fits))))
        chosen = {bytes(a) for a in addresses}
        (wanted,) = topics
        assert wanted is not None
        return [
            log
            for block in self._view()[from_block : to_block + 1]
            for log in block.logs
            if log.topics[0] in wanted and (not chosen or bytes.fromhex(log.address[2:]) in chosen)
        ]

    async def logs_by_hash(
        self, block_hash: bytes, *, addresses: Sequence[Address] = (), topics: TopicFilter = ()
    ) -> list[RawLog]:
        self._may_fail()
        block = self._block(block_hash)
        if not self._lies():
            return list(block.logs)
        match self._draw.randrange(5):
            case 0:
                return []  # before the block's logs are indexed
            case 1:
                return list(self._draw.choice(self._chain.blocks).logs)
            case 2:
                raise RangeTooLarge(-32005, "even one block is too much")
            case 3:
                raise BlockUnknown(-32000, "unknown block")
            case _:
                return list(block.logs)

    async def block_receipts(self, block: int | bytes) -> list[Receipt]:
        self._may_fail()
        found = self._block(block) if isinstance(block, bytes) else self._view()[block]
        by_transaction: dict[str, list[RawLog]] = {}
        for log in found.logs:
            by_transaction.setdefault(log.transaction_hash, []).append(log)
        nobody = Address(bytes(20))
        return [
            Receipt(
                bytes.fromhex(tx_hash[2:]), place, found.number, found.hash, nobody, nobody, None, True, 1, None,
                tuple(logs),
            )
            for place, (tx_hash, logs) in enumerate(by_transaction.items())
        ]  # fmt: skip

    def _view(self) -> Branch:
        view = self.alien or self._chain.blocks
        if self.stale is not None and self._lies():
            view = self.stale
        self._seen |= {block.hash: block for block in view[-24:]}
        return view

    def _block(self, hash_: bytes) -> Block:
        """Nodes keep blocks of lost branches for a while, and lack the newest for a moment."""
        block = self._seen.get(hash_)
        if block is None:
            block = next((b for b in self._view() if b.hash == hash_), None)
        if block is None:
            raise BlockUnknown(-32000, "unknown block")
        return block

    def _may_fail(self) -> None:
        if self._lies(0.3):
            raise self._draw.choice((NodeUnavailable("NODE_UNAVAILABLE", "down"), NodeFault(-32603, "internal error")))

    def _lies(self, share: float = 1.0) -> bool:
        return self._draw.random() < self.mood * share
