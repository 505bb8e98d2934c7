"""Documents that clients registered by their hash, in Redis: so many at most, so long after their last use."""

from __future__ import annotations

import time
from typing import Any

from redis.exceptions import RedisError

from mercato.kit.logging import Logger
from mercato.kit.redis import Redis

_BY_LAST_USE = "persisted"


def _key(sha256: str) -> str:
    return f"persisted:{sha256}"


class DocumentStore:
    """Shared by all gateways. `ttl` is in seconds. A copy of what clients can send again: without Redis it is empty."""

    def __init__(self, redis: Redis, ttl: int, most: int, logger: Logger) -> None:
        self._redis = redis
        self._ttl = ttl
        self._most = most
        self._logger = logger

    async def find(self, sha256: str) -> str | None:
        """The document, whose time begins anew."""
        try:
            found: Any = await self._redis.getex(_key(sha256), ex=self._ttl)
            if found is not None:
                await self._redis.zadd(_BY_LAST_USE, {sha256: time.time()}, xx=True)
        except RedisError as error:
            self._logger.warning("persisted queries cannot be read", error=repr(error))
            return None
        return None if found is None else str(found, "utf-8")

    async def keep(self, sha256: str, document: str) -> None:
        """Keeps it; of too many, those go that were not used for longest."""
        now = time.time()
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(_key(sha256), document.encode(), ex=self._ttl)
                pipeline.zadd(_BY_LAST_USE, {sha256: now})
                pipeline.zremrangebyscore(_BY_LAST_USE, 0, now - self._ttl)
                pipeline.zcard(_BY_LAST_USE)
                kept = (await pipeline.execute())[-1]
            if kept > self._most:
                gone: Any = await self._redis.zpopmin(_BY_LAST_USE, kept - self._most)
                await self._redis.delete(*(_key(member.decode()) for member, _ in gone))
        except RedisError as error:
            self._logger.warning("a persisted query cannot be kept", error=repr(error))
