"""Loads of one turn are one call; failures and unknown keys reach those who asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from mercato.kit.errors import Unavailable
from mercato.services.gateway.graph.loaders import Loader


class Source:
    """Doubles numbers; does not know negative ones; fails at 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.batches.append(list(keys))
        await asyncio.sleep(0)
        if 13 in keys:
            raise Unavailable("SERVICE_UNAVAILABLE", "try again")
        return {key: key * 2 for key in keys if key >= 0}


async def test_keys_of_one_turn_are_one_call_and_each_is_asked_once() -> None:
    source = Source()
    loader = Loader(source)
    assert await asyncio.gather(*(loader.find(key) for key in (1, 2, 1, -1))) == [2, 4, 2, None]
    assert await loader.find(2) == 4
    assert source.batches == [[1, 2, -1]]


async def test_another_turn_is_another_call() -> None:
    source = Source()
    loader = Loader(source)
    await loader.find(1)
    await loader.find(2)
    assert source.batches == [[1], [2]]


async def test_many_keys_go_in_batches_of_a_hundred() -> None:
    source = Source()
    loader = Loader(source)
    await asyncio.gather(*(loader.find(100 + key) for key in range(250)))
    assert [len(batch) for batch in source.batches] == [100, 100, 50]


async def test_a_failure_reaches_everybody_of_its_batch() -> None:
    loader = Loader(Source())
    found = await asyncio.gather(loader.find(1), loader.find(13), return_exceptions=True)
    assert [type(f) for f in found] == [Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await loader.find(1)


async def test_an_asker_that_gives_up_does_not_disturb_the_others() -> None:
    loader = Loader(Source())
    gone, stays = asyncio.ensure_future(loader.find(1)), loader.find(2)
    gone.cancel()
    assert await stays == 4
