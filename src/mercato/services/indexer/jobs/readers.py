"""Which chains are read: those of the registry, each by one reader."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

from mercato.evm.directory import ChainDirectory, ChainHandle
from mercato.kit.errors import Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.tasks import looping
from mercato.services.indexer.jobs.reader import ChainReader, Tools

_REGISTRY = 0.4


class Readers:
    """Keeps one reader running for each enabled chain of the registry; a chain that changes gets a new one."""

    def __init__(self, tools: Tools, directory: ChainDirectory) -> None:
        self._tools = tools
        self._directory = directory
        self._running: dict[ChainId, tuple[ChainHandle, AsyncExitStack]] = {}
        self._asked = False

    async def run(self) -> None:
        """Never returns."""
        try:
            while True:
                with contextlib.suppress(Unavailable):
                    await self._reconcile({handle.chain_id: handle for handle in await self._directory.all()})
                    self._asked = True
                await asyncio.sleep(_REGISTRY)
        finally:
            await self._reconcile({})

    async def check(self) -> None:
        """For readiness: raises `Unavailable` until the registry has answered once."""
        if not self._asked:
            raise Unavailable("REGISTRY_UNAVAILABLE", "the chain registry has not answered yet")

    async def _reconcile(self, wanted: dict[ChainId, ChainHandle]) -> None:
        for chain, (handle, stack) in list(self._running.items()):
            if wanted.get(chain) != handle:
                del self._running[chain]
                await stack.aclose()
        for chain, handle in wanted.items():
            if chain not in self._running:
                stack = AsyncExitStack()
                reader = ChainReader(self._tools, handle)
                await stack.enter_async_context(looping(self._tools.log, f"reader {chain.caip2}", reader.run))
                self._running[chain] = (handle, stack)
