"""Tasks end when they are told to, also those that miss it the first time."""

from __future__ import annotations

import asyncio

from mercato.kit import tasks


async def test_a_task_that_misses_a_cancellation_is_cancelled_again() -> None:
    missed = 0

    async def deaf() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1
                if missed == 2:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await tasks.ended([task])
    assert (task.cancelled(), missed) == (True, 2)


async def test_tasks_end_however_they_do() -> None:
    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while it ended")

    async def over() -> int:
        return 7

    begun = [asyncio.create_task(failing()), asyncio.create_task(over())]
    await asyncio.sleep(0)
    await tasks.ended(begun)
    assert [task.done() for task in begun] == [True, True]
    await tasks.ended([])
