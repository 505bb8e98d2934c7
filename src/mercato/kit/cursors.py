"""Opaque page cursors: the sort key of the last row seen, so that a page costs the same at any depth."""

from __future__ import annotations

import base64
import binascii
import re

import orjson

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import UINT256_MAX

DEFAULT_PAGE = 20
MAX_PAGE = 100
BIGINT_MAX = 2**63 - 1

_NUMBER = re.compile(r"-?[0-9]{1,78}", re.ASCII)


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
        raise _invalid()
    return key


def decode_numbers(cursor: str, length: int, limit: int = UINT256_MAX) -> list[int] | None:
    """As `decode`, for sort keys made of integers between -`limit` and `limit` (BIGINT_MAX where the column is one)."""
    key = decode(cursor, length)
    if key is None:
        return None
    if not all(map(_NUMBER.fullmatch, key)) or any(abs(int(k)) > limit for k in key):
        raise _invalid()
    return [int(k) for k in key]


def page_size(first: int) -> int:
    """Rows of a page: 20 when not given, 100 at most. Raises `InvalidArgument` INVALID_PAGE_SIZE."""
    if first < 0 or first > MAX_PAGE:
        raise InvalidArgument("INVALID_PAGE_SIZE", f"first must be between 1 and {MAX_PAGE}")
    return first or DEFAULT_PAGE


def _invalid() -> InvalidArgument:
    return InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it")
