"""The newest block of each chain of which an event was pushed: a mark in Redis, written by whoever pushes.

It is a measure and carries no promise: a mark may be lost with its writer, and the next event sets it right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mercato.kit.ids import ChainId
from mercato.kit.redis import Redis

_KEY = "lag:pushed"


async def advance(redis: Redis, blocks: Mapping[ChainId, int]) -> None:
    """Moves marks forward; one that is higher already stays. Raises `redis.RedisError`."""
    await redis.zadd(_KEY, {chain.caip2: number for chain, number in blocks.items()}, gt=True)


async def retreat(redis: Redis, blocks: Mapping[ChainId, int]) -> None:
    """Moves marks back to where a fork began; one that is lower stays, and none is made. Raises `redis.RedisError`."""
    await redis.zadd(_KEY, {chain.caip2: number for chain, number in blocks.items()}, lt=True, xx=True)


async def read(redis: Redis) -> dict[ChainId, int]:
    """The mark of every chain that has one. Raises `redis.RedisError`."""
    marks: Any = await redis.zrange(_KEY, 0, -1, withscores=True)
    return {ChainId.parse(chain.decode()): int(number) for chain, number in marks}
