"""Answers in Redis (``cache:read:{digest}``), each with the versions of what it shows (see `kit.read_versions`)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import RedisError

from mercato.kit.errors import Unavailable
from mercato.kit.read_versions import LIFETIME, PREFIX, fresh
from mercato.kit.redis import Redis

_MOST_KNOWN = 20_000

Versions = Mapping[str, bytes]


class _Kept(NamedTuple):
    names: tuple[str, ...]
    versions: tuple[bytes, ...]
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Kept)


class Answers:
    """Kept answers. All methods raise `Unavailable` CACHE_UNAVAILABLE."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._trips = _Trips(redis)
        self._names: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        """What an answer depends on, by digest, so that it and its versions come with one command."""

    async def find(self, digest: str) -> bytes | None:
        """The body kept under `digest`, when every version it was made under is the present one: read after this was
        called, so that a caller who was told of a change does not get what was there before it."""
        key = PREFIX + digest
        names = self._names.get(digest)
        found = await self._trips.get((key, *(names or ())))
        body = found[key]
        if body is None:
            return None
        try:
            kept = _decoder.decode(body)
        except msgspec.DecodeError:
            return None
        if kept.names != names:
            self._know(digest, kept.names)
            found = await self._trips.get(kept.names)
        return kept.body if tuple(found[name] for name in kept.names) == kept.versions else None

    async def versions(self, names: Collection[str]) -> Versions:
        """The present versions; one that is missing is put."""
        found = await self._trips.get(tuple(names))
        if missing := [name for name in names if found[name] is None]:
            async with _asked(), self._redis.pipeline(transaction=False) as pipeline:
                for name in missing:
                    pipeline.set(name, fresh(), ex=LIFETIME, nx=True)
                await pipeline.execute()
            found |= await self._trips.get(tuple(missing))
        return {name: version for name in names if (version := found[name]) is not None}

    async def keep(self, digest: str, versions: Versions, body: bytes, milliseconds: int) -> None:
        """Keeps an answer that was made after `versions` had been read."""
        names = tuple(versions)
        self._know(digest, names)
        kept = _Kept(names, tuple(versions.values()), body)
        async with _asked():
            await self._redis.set(PREFIX + digest, _encoder.encode(kept), px=milliseconds)

    def _know(self, digest: str, names: tuple[str, ...]) -> None:
        self._names[digest] = names
        self._names.move_to_end(digest)
        if len(self._names) > _MOST_KNOWN:
            self._names.popitem(last=False)


class _Trips:
    """Reads of many askers in one command. An asker's read is always sent after it asked: who comes while a command is
    under way waits for the next one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[tuple[Sequence[str], asyncio.Future[dict[str, bytes | None]]]] = []
        self._running: asyncio.Task[None] | None = None

    async def get(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        if not keys:
            return {}
        asked: asyncio.Future[dict[str, bytes | None]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, asked))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asked

    async def _run(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._trip(waiting)
        finally:
            self._running = None

    async def _trip(self, waiting: Sequence[tuple[Sequence[str], asyncio.Future[dict[str, bytes | None]]]]) -> None:
        keys = list(dict.fromkeys(key for wanted, _ in waiting for key in wanted))
        try:
            async with _asked():
                found: dict[str, Any] = dict(zip(keys, await self._redis.mget(keys), strict=True))
        except Unavailable as error:
            for _, asked in waiting:
                if not asked.done():
                    asked.set_exception(error)
            return
        for wanted, asked in waiting:
            if not asked.done():  # the asker was cancelled
                asked.set_result({key: found[key] for key in wanted})


@asynccontextmanager
async def _asked() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable("CACHE_UNAVAILABLE", f"kept answers cannot be reached: {error}") from error
