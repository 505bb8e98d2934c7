"""The schema's scalars: each parses what a client sends into a typed value and renders it back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ariadne import ScalarType

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, parse_hash, parse_uint256

SAFE_INT_MAX = 2**53 - 1

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})")


def _text(value: object, what: str, reason: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(reason, f"{what} is given as text")
    return value


def parse_chain_id(value: object) -> ChainId:
    return ChainId.parse(_text(value, "a chain id", "INVALID_CHAIN_ID"))


def parse_address(value: object) -> Address:
    return Address.parse(_text(value, "an address", "INVALID_ADDRESS"))


def parse_hash32(value: object) -> bytes:
    return parse_hash(_text(value, "a hash", "INVALID_HASH"))


def parse_bytes(value: object) -> bytes:
    text = _text(value, "a byte string", "INVALID_BYTES")
    if _HEX.fullmatch(text) is None:
        raise InvalidArgument("INVALID_BYTES", "bytes must be 0x followed by an even number of hex digits")
    return bytes.fromhex(text[2:])


def parse_big(value: object) -> int:
    """A uint256 from a decimal string. JSON numbers are refused: a client that sends one has lost digits already."""
    return parse_uint256(_text(value, "a uint256", "INVALID_UINT256"), "a uint256")


def parse_safe_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= SAFE_INT_MAX:
        raise InvalidArgument("INVALID_INTEGER", "a whole number from 0 to 2^53-1 is wanted")
    return value


def parse_datetime(value: object) -> datetime:
    """RFC 3339 with a zone, rendered in UTC; digits after microseconds are cut off."""
    text = _text(value, "a time", "INVALID_DATE_TIME")
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidArgument("INVALID_DATE_TIME", "a time is RFC 3339 with a zone, such as 2026-11-22T09:30:00Z")


@lru_cache(maxsize=65_536)
def render_address(value: bytes) -> str:
    """EIP-55; cached, for a page repeats few addresses and each costs a hash."""
    return Address(value).checksum


def render_hex(value: bytes) -> str:
    return "0x" + value.hex()


def render_datetime(value: datetime) -> str:
    """UTC with milliseconds: ``2026-11-22T09:30:00.000Z``."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def render_safe_int(value: int) -> int:
    if not 0 <= value <= SAFE_INT_MAX:
        raise ValueError(f"{value} cannot be shown as a JSON number")
    return value


def _pass(value: Any) -> Any:
    return value


def _no_upload(_: object) -> Any:
    raise InvalidArgument("UPLOAD_EXPECTED", "send the file as a multipart request and its variable as null")


SCALARS = [
    ScalarType("ChainId", serializer=lambda v: v.caip2, value_parser=parse_chain_id),
    ScalarType("Address", serializer=render_address, value_parser=parse_address),
    ScalarType("Hash", serializer=render_hex, value_parser=parse_hash32),
    ScalarType("Bytes", serializer=render_hex, value_parser=parse_bytes),
    ScalarType("Uint256", serializer=str, value_parser=parse_big),
    ScalarType("SafeInt", serializer=render_safe_int, value_parser=parse_safe_int),
    ScalarType("DateTime", serializer=render_datetime, value_parser=parse_datetime),
    ScalarType("JSON", serializer=_pass, value_parser=_pass),
]
"""All but `Upload`, which only the HTTP side can make (see http/multipart.py)."""
