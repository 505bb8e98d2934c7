"""The mark of the newest block that was pushed goes forward with events, back with forks, and waits for Redis."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError, RedisError

from mercato.kit import pushed, redis
from mercato.kit.ids import ChainId
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.services.subscriptions.store import PushedBlocks


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Redis]:
    async with redis.connected(settings) as opened:
        yield opened


class AwayAtFirst:
    """Redis that fails its first write."""

    def __init__(self, real: Redis) -> None:
        self._real = real
        self._away = True

    async def zadd(self, *args: Any, **more: Any) -> Any:
        if self._away:
            self._away = False
            raise ConnectionError("away")
        return await self._real.zadd(*args, **more)


@pytest.fixture
def chain() -> ChainId:
    """One that no other test marks."""
    return ChainId(10**9 + int.from_bytes(os.urandom(5), "big"))


async def test_the_mark_is_the_newest_block_whoever_pushed_it_and_in_whatever_order(
    client: Redis, chain: ChainId
) -> None:
    one, other = PushedBlocks(client), PushedBlocks(client)
    for number in (7, 9, 8):
        one.note(chain, number)
    other.note(chain, 6)
    assert chain not in await pushed.read(client), "no push waits for its mark"
    await one.write()
    await other.write()
    assert (await pushed.read(client))[chain] == 9


async def test_a_fork_takes_the_mark_back_and_later_events_move_it_on(client: Redis, chain: ChainId) -> None:
    marks = PushedBlocks(client)
    marks.note(chain, 9)
    await marks.write()
    marks.note(chain, 10)
    marks.retract(chain, 7)
    await marks.write()
    assert (await pushed.read(client))[chain] == 7
    marks.retract(chain, 5)
    marks.note(chain, 6)
    await marks.write()
    assert (await pushed.read(client))[chain] == 6


async def test_a_fork_above_the_mark_leaves_it(client: Redis, chain: ChainId) -> None:
    marks = PushedBlocks(client)
    marks.note(chain, 4)
    await marks.write()
    marks.retract(chain, 7)
    await marks.write()
    assert (await pushed.read(client))[chain] == 4


async def test_what_redis_did_not_take_is_written_when_it_is_back(client: Redis, chain: ChainId) -> None:
    flaky = AwayAtFirst(client)
    marks = PushedBlocks(flaky)  # type: ignore[arg-type]  # a stand-in for the one command that is used
    await pushed.advance(client, {chain: 9})
    marks.retract(chain, 5)
    marks.note(chain, 6)
    with pytest.raises(RedisError):
        await marks.write()
    await marks.write()
    assert (await pushed.read(client))[chain] == 6


async def test_a_fork_before_any_event_makes_no_mark(client: Redis, chain: ChainId) -> None:
    marks = PushedBlocks(client)
    marks.retract(chain, 7)
    await marks.write()
    assert chain not in await pushed.read(client)
