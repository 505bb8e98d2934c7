"""Loops that run beside a service for as long as it lives, restarted with back-off when they fail; and their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mercato.kit.logging import Logger

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_CANCEL_AGAIN = 0.5


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks until they have ended, each however it does.

    One cancellation may be none: `asyncio.wait_for` of Python 3.11 drops one that comes together with its result, and
    redis-py writes every command under it (python/cpython#86296).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        over, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN)
        for task in over:
            if not task.cancelled():
                task.exception()  # else asyncio's log would tell of it


@asynccontextmanager
async def looping(logger: Logger, name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Keeps `run` going until the block ends. `run` is expected never to return; when it raises, it is
    logged and started again after 0.2 s, doubling up to 10 s."""
    task = asyncio.create_task(_restart_for_ever(logger, name, run), name=name)
    try:
        yield
    finally:
        await ended([task])


async def _restart_for_ever(logger: Logger, name: str, run: Callable[[], Awaitable[None]]) -> None:
    pause = _FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            await run()
            return
        except Exception as error:
            logger.error("loop failed", loop=name, error=repr(error), exc_info=True)
        if loop.time() - started > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
