"""Pages of approvals in Redis: one hash ``wallet:approvals:cache:{chain}:{owner}`` for each owner, dropped as a whole.

A page read before a change must not be kept after it. So each drop leaves a new mark in the hash, and a page is kept
only while the mark is the one its reader saw before it asked the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import orjson
from redis.exceptions import RedisError

from mercato.kit.ids import Address, ChainId, TokenId, new_id
from mercato.kit.logging import Logger
from mercato.kit.redis import Redis
from mercato.services.wallets.model import Approval, Place

TTL = 30
"""Seconds a page may be wrong when Redis missed a change; all changes it hears of count at once."""

_MARK = "mark"
_KEEP = """
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
    return 0
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
if redis.call('TTL', KEYS[1]) < 0 then
    redis.call('EXPIRE', KEYS[1], ARGV[5])
end
return 1
"""


class ApprovalCache:
    def __init__(self, redis: Redis, log: Logger) -> None:
        self._redis = redis
        self._keep = redis.register_script(_KEEP)
        self._log = log

    async def find(self, chain: ChainId, owner: Address, page: str) -> tuple[list[Approval] | None, bytes]:
        """A page, or None, and the mark to hand to `keep`."""
        try:
            mark, kept = await self._redis.hmget(_key(chain, owner), [_MARK, page])
        except (RedisError, OSError) as error:
            self._log.warning("approvals cache not read", error=repr(error))
            return None, b"away"
        known = _unpack(chain, owner, kept) if isinstance(kept, bytes) else None
        return known, mark if isinstance(mark, bytes) else b""

    async def keep(self, chain: ChainId, owner: Address, page: str, approvals: Sequence[Approval], mark: bytes) -> None:
        """Keeps a page for up to `TTL` seconds unless something changed since `mark` was read."""
        try:
            await self._keep(keys=[_key(chain, owner)], args=[_MARK, mark, page, _pack(approvals), TTL])
        except (RedisError, OSError) as error:
            self._log.warning("approvals cache not written", error=repr(error))

    async def drop(self, chain: ChainId, owners: Iterable[Address]) -> None:
        """Forgets all pages of these owners; while Redis is away they end by themselves within `TTL` seconds."""
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for owner in owners:
                    key = _key(chain, owner)
                    pipeline.delete(key)
                    pipeline.hset(key, _MARK, new_id().hex)
                    pipeline.expire(key, 2 * TTL)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            self._log.warning("approvals cache not dropped", error=repr(error))


def _key(chain: ChainId, owner: Address) -> str:
    return f"wallet:approvals:cache:{int(chain)}:{owner.text}"


def _pack(approvals: Sequence[Approval]) -> bytes:
    return orjson.dumps(
        [
            (
                a.contract.text, a.operator.text, None if a.token_id is None else str(a.token_id),
                a.place.block_number, a.place.block_hash.hex(), int(a.place.block_time.timestamp()),
                a.place.tx_hash.hex(), a.place.log_index,
            )
            for a in approvals
        ]
    )  # fmt: skip


def _unpack(chain: ChainId, owner: Address, packed: bytes) -> list[Approval]:
    return [
        Approval(
            chain=chain,
            contract=Address.parse(contract),
            owner=owner,
            operator=Address.parse(operator),
            token_id=None if token_id is None else TokenId(int(token_id)),
            approved=True,
            place=Place(
                number, bytes.fromhex(block_hash), datetime.fromtimestamp(time, UTC), bytes.fromhex(tx_hash), log_index
            ),
        )
        for contract, operator, token_id, number, block_hash, time, tx_hash, log_index in orjson.loads(packed)
    ]
