"""Anonymous reads that were answered before: given again while nothing they show has changed, made once for many.

What this process is asked for the first time is neither looked for nor kept: who pages through all tokens of a
collection pays for no trip to Redis, and pushes nothing out that others ask for. Such a doorkeeper stands before the
TinyLFU cache too (Einziger, Friedman and Manes, 2017).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
from prometheus_client import Counter

from mercato.kit.errors import Unavailable
from mercato.services.gateway.graph.engine import Request
from mercato.services.gateway.graph.watching import Watch
from mercato.services.gateway.store.answers import Answers

BRIEFLY = 500
"""Milliseconds for which an answer is kept that shows the chain registry: with the 0.2 s for which the registry answers
from memory, a change there is seen within a second."""

_AWAY = 1.0
"""Seconds for which Redis is not asked after it has failed."""

_MOST_PASSING = 10_000
_MOST_SEEN = 50_000

_reads = Counter(
    "mercato_gateway_read_cache_total",
    "Anonymous requests: first (not seen before), hit, miss, passing (never kept), away (no Redis)",
    ["outcome"],
)
_kept_bytes = Counter("mercato_gateway_read_cache_bytes_total", "Bytes of answers that were kept")


class Filling:
    """An answer that is being made: what goes along with its making, and where it is kept."""

    def __init__(self, hot: HotReads, digest: str, watch: Watch) -> None:
        self.watch = watch
        self._hot = hot
        self._digest = digest

    async def keep(self, body: bytes) -> None:
        """Keeps the answer, when all it shows has versions."""
        await self._hot.keep(self._digest, self.watch, body)


class HotReads:
    """`salt` tells schemas and limits apart: another release answers anew. `ttl` is in seconds, `most` in bytes;
    without a doorkeeper every request is looked for."""

    def __init__(
        self,
        answers: Answers,
        salt: bytes,
        ttl: float,
        most: int,
        clock: Callable[[], float],
        doorkeeper: Doorkeeper | None,
    ) -> None:
        self._answers = answers
        self._salt = hashlib.blake2b(salt, digest_size=16).digest()
        self._milliseconds = int(ttl * 1000)
        self._most = most
        self._clock = clock
        self._away_until = 0.0
        self._passing: OrderedDict[str, None] = OrderedDict()
        self._doorkeeper = doorkeeper
        self._running: dict[str, asyncio.Future[None]] = {}

    def admit(self, request: Request) -> str | None:
        """What to look for it by: a digest of document, operation and variables, in whatever order these are written.
        None when it is asked for the first time, and where a file is among the variables, which makes it like no other.
        """
        asked = [request.query, request.operation_name, request.variables]
        try:
            written = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return None
        digest = hashlib.blake2b(written, digest_size=16, key=self._salt).hexdigest()
        if self._doorkeeper is None or self._doorkeeper.again(digest):
            return digest
        _reads.labels("first").inc()
        return None

    async def find(self, digest: str) -> bytes | None:
        """The body that answers, if there is one that is not older than this call.

        While another caller makes it, this waits for that one, and looks again: what was made may have begun before
        this call, and then its versions tell.
        """
        if digest in self._passing:
            _reads.labels("passing").inc()
            return None
        if self._clock() < self._away_until:
            _reads.labels("away").inc()
            return None
        try:
            found = await self._answers.find(digest)
            if found is None and (running := self._running.get(digest)) is not None:
                await asyncio.shield(running)
                found = await self._answers.find(digest)
        except Unavailable:
            self._away_until = self._clock() + _AWAY
            _reads.labels("away").inc()
            return None
        _reads.labels("miss" if found is None else "hit").inc()
        return found

    @asynccontextmanager
    async def filling(self, digest: str) -> AsyncIterator[Filling | None]:
        """Makes the answer; those who ask for the same meanwhile wait until the block ends. None when it is not to be
        kept."""
        if digest in self._passing or self._clock() < self._away_until:
            yield None
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running.setdefault(digest, done)
        try:
            yield Filling(self, digest, Watch(self._answers.versions))
        finally:
            if self._running.get(digest) is done:
                del self._running[digest]
            done.set_result(None)

    async def keep(self, digest: str, watch: Watch, body: bytes) -> None:
        """Nothing is kept of what has no versions, or is too large."""
        if watch.passing:
            self._let_pass(digest)
        elif watch.lasting and len(body) <= self._most:
            try:
                await self._answers.keep(digest, watch.versions, body, BRIEFLY if watch.brief else self._milliseconds)
                _kept_bytes.inc(len(body))
            except Unavailable:
                self._away_until = self._clock() + _AWAY

    def _let_pass(self, digest: str) -> None:
        """Requests like this one are not looked for."""
        self._passing[digest] = None
        if len(self._passing) > _MOST_PASSING:
            self._passing.popitem(last=False)


class Doorkeeper:
    """Tells what comes again from what comes for the first time; forgets what has not come for a while, so that it
    never knows more than twice `most`."""

    def __init__(self, most: int = _MOST_SEEN) -> None:
        self._most = most
        self._now: set[str] = set()
        self._before: set[str] = set()

    def again(self, one: str) -> bool:
        """Whether it came before; it has from now on."""
        if one in self._now:
            return True
        known = one in self._before
        self._now.add(one)
        if len(self._now) >= self._most:
            self._now, self._before = set(), self._now
        return known
