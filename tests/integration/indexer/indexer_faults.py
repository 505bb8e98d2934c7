"""A store or publisher that fails at a chosen moment, once: the moment at which a process would have died."""

from __future__ import annotations

from typing import Any


class Crash(Exception):
    """The process is gone; nothing catches this."""


class FailsOnce:
    """Passes every call on to the real thing; one call of one method raises, before or after it was carried out."""

    def __init__(self, real: Any, method: str, moment: str, nth: int = 1, failure: Exception | None = None) -> None:
        self._real = real
        self._method = method
        self._moment = moment
        self._left = nth
        self._failure = failure or Crash(f"{moment} {method}")

    @property
    def failed(self) -> bool:
        return self._left <= 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        async def call(*args: Any, **more: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._moment == "before":
                raise self._failure
            answer = await real(*args, **more)
            if self._left == 0:
                raise self._failure
            return answer

        return call
