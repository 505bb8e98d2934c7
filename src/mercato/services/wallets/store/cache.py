"""Pages of approvals in Redis, ``wallet:approvals:cache:{chain}:{owner}:{page}``, good until their chain turns.

A page names the block it is true at, and a page read before a change must not count after it. So each commit to a chain
leaves a new mark, ``wallet:approvals:cache:{chain}``, and a page counts only while the mark is the one its reader saw
before it asked the database. A mark that Redis did not take is owed: until it does, this process reads no page of the
chain from Redis.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import orjson
from redis.exceptions import RedisError

from mercato.kit.ids import Address, ChainId, TokenId, new_id
from mercato.kit.logging import Logger
from mercato.kit.redis import Redis
from mercato.services.wallets.model import Approval, Block, Found, Place, ReadPoint

TTL = 30
"""Seconds a page may be wrong when a process that owes a mark dies, or beside one that does; else all changes count at
once."""

_MARK_TTL = 86_400
_AWAY = b""
_PAUSE = 0.5


class ApprovalCache:
    def __init__(self, redis: Redis, log: Logger) -> None:
        self._redis = redis
        self._log = log
        self._owed: set[ChainId] = set()
        self._owing = asyncio.Event()

    async def find(self, chain: ChainId, owner: Address, page: str) -> tuple[Found[Approval] | None, bytes]:
        """A page, or None, and the mark to hand to `keep`."""
        if chain in self._owed:
            return None, _AWAY
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                # A mark that Redis lost is never the one a kept page was read under.
                pipeline.set(_mark_key(chain), new_id().hex, nx=True, ex=_MARK_TTL)
                pipeline.mget([_mark_key(chain), _page_key(chain, owner, page)])
                _, (mark, kept) = await pipeline.execute()
        except (RedisError, OSError) as error:
            self._log.warning("approvals cache not read", error=repr(error))
            return None, _AWAY
        under, _, packed = (kept or b"").partition(b" ")
        return (_unpack(chain, owner, packed) if under == mark else None), mark

    async def keep(self, chain: ChainId, owner: Address, page: str, found: Found[Approval], mark: bytes) -> None:
        """Keeps a page that was read after `mark` was, for up to `TTL` seconds."""
        if mark == _AWAY:
            return
        try:
            await self._redis.set(_page_key(chain, owner, page), mark + b" " + _pack(found), ex=TTL)
        except (RedisError, OSError) as error:
            self._log.warning("approvals cache not written", error=repr(error))

    async def turn(self, chain: ChainId) -> None:
        """No page of the chain counts any more; what Redis does not take now is left to `run`."""
        self._owed.add(chain)
        await self._settle()

    async def run(self) -> None:
        """Pays what is owed as soon as Redis takes it. Never returns."""
        while True:
            await self._owing.wait()
            await asyncio.sleep(_PAUSE)
            await self._settle()

    async def _settle(self) -> None:
        self._owing.clear()
        for chain in list(self._owed):
            try:
                await self._redis.set(_mark_key(chain), new_id().hex, ex=_MARK_TTL)
            except (RedisError, OSError) as error:
                self._log.warning("approvals cache not turned", chain=chain.caip2, error=repr(error))
                self._owing.set()
                return
            self._owed.discard(chain)


def _mark_key(chain: ChainId) -> str:
    return f"wallet:approvals:cache:{int(chain)}"


def _page_key(chain: ChainId, owner: Address, page: str) -> str:
    return f"{_mark_key(chain)}:{owner.text}:{page}"


def _pack(found: Found[Approval]) -> bytes:
    rows = [
        (
            a.contract.text, a.operator.text, None if a.token_id is None else str(a.token_id), a.place.block_number,
            a.place.block_hash.hex(), _seconds(a.place.block_time), a.place.tx_hash.hex(), a.place.log_index,
        )
        for a in found.rows
    ]  # fmt: skip
    points = [
        (p.block.number, p.block.hash.hex(), _seconds(p.block.time), p.observed_at, p.safe, p.finalized)
        for p in found.at
    ]
    return orjson.dumps((rows, points))


def _unpack(chain: ChainId, owner: Address, packed: bytes) -> Found[Approval]:
    rows, points = orjson.loads(packed)
    return Found(
        [
            Approval(
                chain=chain,
                contract=Address.parse(contract),
                owner=owner,
                operator=Address.parse(operator),
                token_id=None if token_id is None else TokenId(int(token_id)),
                approved=True,
                place=Place(number, bytes.fromhex(hash_), _time(time), bytes.fromhex(tx_hash), log_index),
            )
            for contract, operator, token_id, number, hash_, time, tx_hash, log_index in rows
        ],
        [
            ReadPoint(
                chain,
                Block(number, bytes.fromhex(hash_), _time(time)),
                datetime.fromisoformat(observed),
                safe,
                finalized,
            )
            for number, hash_, time, observed, safe, finalized in points
        ],
    )


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
