"""How a chain's reader rests between two looks at the node: until its time is up, or until a socket announces a block.

An announcement is a reason to look and nothing more. Polling stays what finds every block; it may be rarer only while
the sockets have announced each block before polling would have found it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

from prometheus_client import Counter, Gauge

from mercato.evm.rpc import Endpoint, NodeUnavailable, announcements
from mercato.kit.ids import ChainId
from mercato.kit.logging import Logger
from mercato.services.indexer.usecases.ports import Pause

_FIRST_BACK_OFF = 0.5
_LONGEST_BACK_OFF = 30.0
_FIRST_DOUBT = 0.02

_wakeups = Counter(
    "mercato_indexer_wakeups_total",
    "Pauses that an announced block ended, by what the look then found",
    ["chain", "found"],
)
_up = Gauge(
    "mercato_indexer_websocket_up", "1 while an endpoint announces blocks to this replica", ["chain", "endpoint"]
)

Announcements = Callable[[Endpoint], AsyncIterator[None]]


class WakeUp:
    """The rest of one reader. `poll` and `announced_poll` are seconds between two looks: in general, and while blocks
    are announced.

    A look that an announcement caused and that found nothing is followed by a pause which no announcement ends: 20 ms,
    doubling with each up to `poll`. So a node that announces before it can answer is asked again soon, and a socket
    that cries wolf costs two looks per `poll` in the end.
    """

    def __init__(self, chain: ChainId, pause: Pause, poll: float, announced_poll: float) -> None:
        self._chain = chain.caip2
        self._pause = pause
        self._poll = poll
        self._announced_poll = max(poll, announced_poll)
        self._open = 0
        self._rung = asyncio.Event()
        self._announced = False
        self._woken = False
        self._reliable = False
        self._cries = 0
        self._head = b""

    def opened(self) -> None:
        """A socket announces blocks from now on; those before were not announced."""
        self._open += 1
        self._rung.set()

    def closed(self) -> None:
        """A socket is gone: a longer pause that relied on it ends."""
        self._open -= 1
        self._rung.set()

    def ring(self) -> None:
        """A block was announced."""
        self._announced = True
        self._rung.set()

    async def rest(self, head: bytes) -> None:
        """Returns when it is time to look again. `head` is the hash that the last look found."""
        news, self._head = head != self._head, head
        woken, self._woken = self._woken, False
        if news:
            self._reliable, self._cries = woken or self._announced, 0
        if woken:
            _wakeups.labels(self._chain, "news" if news else "nothing").inc()
        if not self._open:
            await self._pause(self._poll)
        elif woken and not news:
            await self._pause(min(self._poll, _FIRST_DOUBT * 2.0 ** min(self._cries, 16)))
            self._cries += 1
        else:
            await self._until_rung(self._announced_poll if self._reliable else self._poll)
            self._woken, self._announced = self._announced, False
            self._rung.clear()

    async def _until_rung(self, seconds: float) -> None:
        """Or until so many seconds are over."""
        if self._rung.is_set():
            return
        resting = asyncio.ensure_future(self._pause(seconds))
        ringing = asyncio.create_task(self._rung.wait())
        try:
            await asyncio.wait((resting, ringing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            ringing.cancel()


class Listen:
    """Keeps a socket open to each endpoint that announces blocks."""

    def __init__(
        self,
        chain: ChainId,
        endpoints: Sequence[Endpoint],
        wake_up: WakeUp,
        log: Logger,
        subscribe: Announcements = announcements,
    ) -> None:
        self._chain = chain.caip2
        self._endpoints = endpoints
        self._wake_up = wake_up
        self._log = log
        self._subscribe = subscribe

    async def run(self) -> None:
        """Never returns; a socket that cannot be had is tried again after 0.5 s, doubling up to 30 s."""
        async with asyncio.TaskGroup() as group:
            for endpoint in self._endpoints:
                group.create_task(self._keep_open(endpoint))

    async def _keep_open(self, endpoint: Endpoint) -> None:
        back_off, told = _FIRST_BACK_OFF, ""
        while True:
            announced, trouble = await self._listen(endpoint)
            if announced:  # it did its work: what ended it is a new trouble, perhaps soon mended
                back_off, told = _FIRST_BACK_OFF, ""
            if told != trouble:
                told = trouble
                self._log.info("blocks are not announced", chain=self._chain, endpoint=endpoint.name, why=trouble)
            await asyncio.sleep(back_off * random.uniform(0.5, 1.0))
            back_off = min(back_off * 2, _LONGEST_BACK_OFF)

    async def _listen(self, endpoint: Endpoint) -> tuple[int, str]:
        """How many blocks a socket announced until it ended, and why it did."""
        up, said = _up.labels(self._chain, endpoint.name), 0
        up.set(0)
        try:
            async for _ in self._subscribe(endpoint):
                said += 1
                if said == 1:  # the subscription itself
                    up.set(1)
                    self._wake_up.opened()
                else:
                    self._wake_up.ring()
        except NodeUnavailable as error:
            return max(said - 1, 0), error.message
        finally:
            if said:
                up.set(0)
                self._wake_up.closed()
        return max(said - 1, 0), "it ended"
