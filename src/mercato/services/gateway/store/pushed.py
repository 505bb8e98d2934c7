"""What the gateway reads of Redis besides pushes: how far the pushes of each chain are."""

from __future__ import annotations

from redis.exceptions import RedisError

from mercato.kit import pushed
from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.redis import Redis


class PushedBlocks:
    """The marks that subscriptions leaves."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> dict[ChainId, int]:
        """The newest block of each chain of which an event was pushed. Raises `Unavailable` PUSHES_UNAVAILABLE."""
        try:
            return await pushed.read(self._redis)
        except RedisError:
            raise Unavailable("PUSHES_UNAVAILABLE", "how far events are pushed cannot be told now; try again") from None
