"""Stand-in until the command line is here: `run` only."""
import asyncio, importlib, signal, sys
from contextlib import AsyncExitStack
import uvloop
from mercato.kit import logging, tracing
from mercato.kit.settings import Settings

async def run(names):
    s = Settings(); logging.setup(s); tracing.setup(s, "+".join(names))
    stop = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    async with AsyncExitStack() as stack:
        for n in names:
            await stack.enter_async_context(importlib.import_module(f"mercato.services.{n}.app").running(s))
        print("ready", flush=True)
        await stop.wait()
uvloop.run(run(sys.argv[2:]))
