"""`mercato run`: services in this process, as production runs them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from typing import Annotated

from cyclopts import Parameter

from mercato.kit.errors import InvalidArgument
from mercato.kit.settings import SERVICES, Settings

EXIT_LIMIT = 10.0  # seconds all services together have to end

Running = Callable[[Settings], AbstractAsyncContextManager[object]]
Name = Annotated[str, Parameter(help=f"Any of: {', '.join(SERVICES)}.")]


def run(*services: Name) -> None:
    """Run services in this process until SIGTERM or Ctrl-C.

    Production runs one process per service; any set can share one. All settings come from MERCATO_* variables.
    """
    if not services:
        raise InvalidArgument("NO_SERVICE", f"name one service or several of {', '.join(SERVICES)}")
    if unknown := [name for name in services if name not in SERVICES]:
        raise InvalidArgument("NO_SUCH_SERVICE", f"no service {', '.join(unknown)}; there are {', '.join(SERVICES)}")
    import uvloop

    from mercato.kit import logging, tracing

    settings = Settings()
    logging.setup(settings)
    tracing.setup(settings, "+".join(services))
    uvloop.run(serve(settings, services, [_load(name) for name in services]))


async def serve(settings: Settings, names: Sequence[str], services: Sequence[Running]) -> None:
    """Enters the services in order, says "ready", waits for SIGTERM or SIGINT and leaves them in reverse order.

    Raises TimeoutError when they do not end within `EXIT_LIMIT` seconds.
    """
    from mercato.kit.logging import get_logger

    asked_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    log = get_logger("+".join(names))
    async with AsyncExitStack() as running:
        for service in services:
            await running.enter_async_context(service(settings))
        log.info("ready")
        await asked_to_end.wait()
        log.info("stopping")
        async with asyncio.timeout(EXIT_LIMIT):
            await running.aclose()
    log.info("stopped")


def _load(name: str) -> Running:
    module = import_module(f"mercato.services.{name}.app")
    running: Running = module.running
    return running
