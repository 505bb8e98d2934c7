"""Runs services in this process until it is asked to end; behind `mercato run` and the local stack."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module

import uvloop

from mercato.kit import logging, tracing
from mercato.kit.settings import Settings

EXIT_LIMIT = 10.0
"""Seconds all services of a process have to end."""

Running = Callable[[Settings], AbstractAsyncContextManager[object]]


def run_services(names: Sequence[str]) -> None:
    """Runs these services with the settings of the environment until SIGTERM or SIGINT."""
    settings = Settings()
    logging.setup(settings)
    tracing.setup(settings, "+".join(names))
    uvloop.run(serve(settings, names, [load(name) for name in names]))


async def serve(settings: Settings, names: Sequence[str], services: Sequence[Running]) -> None:
    """Enters the services in order, logs "ready", waits for SIGTERM or SIGINT and leaves them in reverse order.

    Raises TimeoutError when they do not end within `EXIT_LIMIT` seconds.
    """
    asked_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    log = logging.get_logger("+".join(names))
    async with AsyncExitStack() as running:
        for service in services:
            await running.enter_async_context(service(settings))
        log.info("ready")
        await asked_to_end.wait()
        log.info("stopping")
        async with asyncio.timeout(EXIT_LIMIT):
            await running.aclose()
    log.info("stopped")


def load(name: str) -> Running:
    """The `running` context manager out of a service's composition root."""
    running: Running = import_module(f"mercato.services.{name}.app").running
    return running
