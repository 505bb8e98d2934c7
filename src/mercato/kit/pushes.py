"""Pushes over Redis: published to who listens, and kept for a while in a log for each channel, in one step.

A log is a capped Redis stream. Each entry names the one before it, so a reader that knows its last entry can tell
whether the next one follows it or something lies between: lost on the way, trimmed, or gone with the server's memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from mercato.kit.redis import Redis
from mercato.kit.settings import Settings

_ONCE_SECONDS = 900
"""How long an event is known by its id: a crash between push and commit has it pushed again within seconds."""

_MARK_MILLISECONDS = 300_000
"""How long the start of an empty log is kept; clients name channels, so what they can leave behind is short-lived."""

_GLOB = re.compile(r"[*?\[\]\\^]")
_HEAD = re.compile(rb"(\d+-\d+)? (\d+-\d+)? ")


class Pushed(NamedTuple):
    """One push on one channel. `id` grows along a channel, `previous` is the id before it; both are empty on channels
    that keep no log. An empty `body` marks a place where nothing was pushed."""

    id: str
    previous: str
    body: bytes


class Outgoing(NamedTuple):
    """One push for several channels; one `id` is pushed once."""

    id: str
    body: bytes
    channels: Sequence[str]


class Stretch(NamedTuple):
    """What a log holds after a place; `whole` tells whether it begins right there."""

    pushes: list[Pushed]
    whole: bool


class _Script(NamedTuple):
    text: str
    sha1: str


def _script(name: str) -> _Script:
    text = (Path(__file__).parent / name).read_text()
    return _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_PUSH = _script("push.lua")
_MARK = _script("push_mark.lua")


def log_key(channel: str) -> str:
    """Where Redis keeps the log of a channel."""
    return f"log:{channel}"


def plain(body: bytes) -> bytes:
    """A push as it is published on a channel that keeps no log."""
    return b"  " + body


def received(data: bytes) -> Pushed:
    """A push as it came over a channel. Raises `ValueError` for what was not published here."""
    head = _HEAD.match(data)
    if head is None:
        raise ValueError("a push begins with its place in the log")
    return Pushed((head[1] or b"").decode(), (head[2] or b"").decode(), data[head.end() :])


def position(entry: str) -> tuple[int, int]:
    """What orders the ids of a log: ``1763802000000-2``."""
    time, _, number = entry.partition("-")
    return int(time), int(number)


class PushLog:
    """The logs of all channels. Every method raises `redis.RedisError` when Redis does not do it."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._kept_entries = settings.push_kept_events
        self._kept_milliseconds = settings.push_kept_seconds * 1000

    async def push(self, push_id: str, body: bytes, channels: Sequence[str]) -> bool:
        """Keeps and publishes a push on each of `channels`; False when one with this id was pushed before."""
        return (await self.push_all([Outgoing(push_id, body, channels)]))[0]

    async def push_all(self, pushes: Sequence[Outgoing]) -> list[bool]:
        """As `push` for each, in order, in one round trip."""
        while True:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for push in pushes:
                    keys = [f"pushed:{push.id}", *map(log_key, push.channels)]
                    limits = (self._kept_entries, self._kept_milliseconds, _ONCE_SECONDS)
                    pipeline.evalsha(_PUSH.sha1, len(keys), *keys, push.body, *limits, *push.channels)
                answers = await pipeline.execute(raise_on_error=False)
            failures = [answer for answer in answers if isinstance(answer, Exception)]
            if not failures:
                return [bool(answer) for answer in answers]
            if not all(isinstance(failure, NoScriptError) for failure in failures):
                raise failures[0]
            await self._redis.script_load(_PUSH.text)  # the first call since the server started

    async def mark(self, channel: str) -> str:
        """The id of the newest entry: what comes after it is new."""
        entry: bytes = await self._run(_MARK, [log_key(channel)], [min(_MARK_MILLISECONDS, self._kept_milliseconds)])
        return entry.decode()

    async def read_after(self, channel: str, entry: str, most: int) -> Stretch:
        """At most `most` pushes after an entry, oldest first."""
        found: Any = await self._redis.xrange(log_key(channel), min=entry, count=most + 1)
        pushes = [_stored(e) for e in found]
        if pushes and pushes[0].id == entry:
            return Stretch(pushes[1:], True)
        return Stretch(pushes[:most], bool(pushes) and pushes[0].previous == entry)

    async def read_since(self, channel: str, milliseconds: int, most: int) -> list[Pushed]:
        """The last `most` pushes since a moment (Unix, as Redis tells time), oldest first."""
        found: Any = await self._redis.xrevrange(log_key(channel), min=f"{milliseconds}-0", count=most)
        return [_stored(e) for e in reversed(found)]

    async def channels(self, prefix: str) -> list[str]:
        """Channels that begin so and have something in their log. Looks through all keys: for what is rare."""
        pattern = log_key(_GLOB.sub(r"\\\g<0>", prefix)) + "*"
        found = {key.decode() async for key in self._redis.scan_iter(match=pattern, count=1000)}
        return sorted(key.removeprefix(log_key("")) for key in found)

    async def _run(self, script: _Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await self._redis.evalsha(script.sha1, len(keys), *keys, *arguments)
        except NoScriptError:  # the first call since the server started
            return await self._redis.eval(script.text, len(keys), *keys, *arguments)


def _stored(entry: tuple[bytes, dict[bytes, bytes]]) -> Pushed:
    key, fields = entry
    return Pushed(key.decode(), fields[b"previous"].decode(), fields[b"body"])
