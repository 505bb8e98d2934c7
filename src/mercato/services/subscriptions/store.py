"""The channels that gateways listen to, and how much a commit is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mercato.kit.postgres import Transaction
from mercato.kit.redis import Redis


class Pushed(NamedTuple):
    """A push under the id of its event, and to whom."""

    id: str
    channels: Sequence[str]
    body: bytes


class Feed:
    """Redis pub/sub. Nothing is kept: who is not listening has missed it and reads the present state instead."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, pushes: Sequence[Pushed]) -> None:
        """Each on its channels, in their order, in one round trip. Raises `redis.RedisError`."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for push in pushes:
                for channel in push.channels:
                    pipeline.publish(channel, push.body)
            await pipeline.execute()


async def commit_without_waiting(transaction: Transaction) -> None:
    """Lets the commit return before the disk has it: right where a power cut would only make a message be handled
    again."""
    await transaction.connection.execute("SET LOCAL synchronous_commit = off")
