"""How far the channels that gateways listen to were served, and how much a commit is worth."""

from __future__ import annotations

import asyncio
import contextlib

from prometheus_client import Gauge
from redis.exceptions import RedisError

from mercato.kit import pushed
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Transaction
from mercato.kit.redis import Redis

_MARK_EVERY = 0.5

_pushed = Gauge("mercato_subscriptions_pushed_block", "Newest block of which this replica pushed an event", ["chain"])


class PushedBlocks:
    """Remembers the newest block of each chain of which an event was pushed, and writes it to Redis twice a second: no
    push waits for its mark."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ahead: dict[ChainId, int] = {}
        self._back: dict[ChainId, int] = {}

    def note(self, chain: ChainId, number: int) -> None:
        """An event of this block was pushed."""
        self._ahead[chain] = max(number, self._ahead.get(chain, 0))

    def retract(self, chain: ChainId, ancestor: int) -> None:
        """What was pushed of blocks above `ancestor` was taken back."""
        self._ahead.pop(chain, None)
        self._back[chain] = min(ancestor, self._back.get(chain, ancestor))

    async def run(self) -> None:
        """Never returns; what Redis does not take is written the next time."""
        while True:
            await asyncio.sleep(_MARK_EVERY)
            with contextlib.suppress(RedisError):
                await self.write()

    async def write(self) -> None:
        """Writes what there is. Raises `redis.RedisError`."""
        back, self._back = self._back, {}
        ahead, self._ahead = self._ahead, {}
        for chain, number in (back | ahead).items():
            _pushed.labels(chain.caip2).set(number)
        try:
            if back:
                await pushed.retreat(self._redis, back)
            if ahead:
                await pushed.advance(self._redis, ahead)
        except RedisError:
            self._back = back | self._back
            for chain, number in ahead.items():
                self.note(chain, number)
            raise


async def commit_without_waiting(transaction: Transaction) -> None:
    """Lets the commit return before the disk has it: right where a power cut would only make a message be handled
    again."""
    await transaction.connection.execute("SET LOCAL synchronous_commit = off")
