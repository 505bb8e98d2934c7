"""Loops that run beside a service for as long as it lives, restarted with back-off when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mercato.kit.logging import Logger

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0


@asynccontextmanager
async def looping(logger: Logger, name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Keeps `run` going until the block ends. `run` is expected never to return; when it raises, it is
    logged and started again after 0.2 s, doubling up to 10 s."""
    task = asyncio.create_task(_restart_for_ever(logger, name, run), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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
