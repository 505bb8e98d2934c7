"""Versions of what can be read: an answer kept in ``cache:read:*`` holds as long as the versions it was made under do.

A version is a fresh random text, not a counter, so that one which was lost (evicted, expired, a server without its
data) can never come back and make an old answer current again. Who changes rows puts new versions after the commit
and before anybody is told of it; who answers reads the versions before the rows. So an answer whose versions are still
the present ones is not older than anything anybody has been told of.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from mercato.kit.ids import Address, ChainId
from mercato.kit.redis import Redis

PREFIX = "cache:read:"
LIFETIME = 86_400
"""Seconds after which a version that nobody changed is made anew; far more than any answer is kept."""

EVERYTHING = f"{PREFIX}v:all"
"""Changed with every row of every chain: what a list over all chains depends on."""


def chain(chain_id: ChainId) -> str:
    """Changed with every row of a chain."""
    return f"{PREFIX}v:{chain_id.caip2}"


def fork(chain_id: ChainId) -> str:
    """Changed when blocks of a chain were taken back: whatever shows its rows depends on it."""
    return f"{PREFIX}v:{chain_id.caip2}:fork"


def collection(chain_id: ChainId, contract: Address) -> str:
    """Changed with every row of a collection: the collection, its tokens, their documents, who holds them."""
    return f"{PREFIX}v:{chain_id.caip2}:{contract.text}"


def of_collection(chain_id: ChainId, contract: Address) -> list[str]:
    """What changes when a row of a collection does."""
    return [collection(chain_id, contract), chain(chain_id), EVERYTHING]


def of_fork(chain_id: ChainId) -> list[str]:
    """What changes when blocks of a chain are taken back, whichever rows they had made."""
    return [fork(chain_id), chain(chain_id), EVERYTHING]


class ReadVersions:
    """Puts new versions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def change(self, names: Iterable[str]) -> None:
        """No answer that was made under an older version of any of `names` is given after this. Raises
        `redis.RedisError`."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name in dict.fromkeys(names):
                pipeline.set(name, fresh(), ex=LIFETIME)
            if len(pipeline):
                await pipeline.execute()


def fresh() -> bytes:
    """A version that never was."""
    return secrets.token_bytes(12)
