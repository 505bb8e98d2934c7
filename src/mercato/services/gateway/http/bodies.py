"""Request bodies: read up to a limit, and JSON that can be written again and has no NUL character."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Message, Receive

from mercato.kit.errors import InvalidArgument, TooLarge

_LONGEST_LENGTH = 18
"""Digits of a Content-Length; Python makes no `int` of more than some thousands."""


def too_large(limit: int) -> TooLarge:
    return TooLarge("BODY_TOO_LARGE", f"the request body may have {limit} bytes", limit=str(limit))


async def read(request: Request, limit: int) -> bytes:
    """The body. Raises `TooLarge` BODY_TOO_LARGE before more than `limit` bytes are held."""
    declared(request, limit)
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise too_large(limit)
    return bytes(found)


def declared(request: Request, limit: int) -> None:
    """Refuses by the Content-Length alone what is too large. Raises `TooLarge` BODY_TOO_LARGE."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > _LONGEST_LENGTH or int(length) > limit):
        raise too_large(limit)


def limited(receive: Receive, limit: int) -> Receive:
    """`receive` that raises `TooLarge` BODY_TOO_LARGE after `limit` bytes."""
    left = limit

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise too_large(limit)
        return message

    return counted


def parse_json(body: bytes | str) -> Any:
    """Raises `InvalidArgument` INVALID_JSON, or INVALID_TEXT for a NUL character, which no text column can hold.

    What is nested deeper than could be written again (about 250 levels, four of them left for what is put around a
    value later) is refused here, and not where it is kept or passed on.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument("INVALID_JSON", f"the body is not JSON: {error}") from None
    try:
        orjson.dumps([[[[value]]]])
    except TypeError:
        raise InvalidArgument("INVALID_JSON", "the body is nested too deeply; flatten it") from None
    escaped = b"\\u0000" if isinstance(body, bytes) else "\\u0000"
    if escaped in body:  # type: ignore[operator]
        refuse_nul(value)
    return value


def refuse_nul(value: object) -> None:
    """Raises `InvalidArgument` INVALID_TEXT when a NUL character is anywhere in a JSON value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            raise InvalidArgument("INVALID_TEXT", "text must not contain the NUL character")
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
