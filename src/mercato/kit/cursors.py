"""Opaque page cursors: the sort key of the last row seen, so that a page costs the same at any depth."""

from __future__ import annotations

import base64
import binascii

import orjson

from mercato.kit.errors import InvalidArgument

DEFAULT_PAGE = 20
MAX_PAGE = 100


def encode(*key: str | int) -> str:
    """A URL-safe text of a sort key."""
    return base64.urlsafe_b64encode(orjson.dumps([str(k) for k in key])).decode().rstrip("=")


def decode(cursor: str, length: int) -> list[str] | None:
    """The sort key again, None for an empty cursor. Raises `InvalidArgument` INVALID_CURSOR."""
    if not cursor:
        return None
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or len(key) != length or not all(isinstance(k, str) for k in key):
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it")
    return key


def decode_numbers(cursor: str, length: int) -> list[int] | None:
    """As `decode`, for sort keys made of integers only."""
    key = decode(cursor, length)
    if key is None:
        return None
    if not all(len(k) <= 78 and k.lstrip("-").isascii() and k.lstrip("-").isdigit() for k in key):
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it")
    return [int(k) for k in key]


def page_size(first: int) -> int:
    """Rows of a page: 20 when not given, 100 at most. Raises `InvalidArgument` INVALID_PAGE_SIZE."""
    if first < 0 or first > MAX_PAGE:
        raise InvalidArgument("INVALID_PAGE_SIZE", f"first must be between 1 and {MAX_PAGE}")
    return first or DEFAULT_PAGE
