"""What EIP-4361 takes from RFC 3986 and RFC 3339: which texts are a scheme, an authority, a URI, a time."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta, timezone

_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMS = r"!$&'()*+,;="
_PERCENT = r"%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}:@]|{_PERCENT})"
_USERINFO = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}:]|{_PERCENT})*"
_REG_NAME = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}]|{_PERCENT})*"
_IPV_FUTURE = rf"v[0-9A-Fa-f]+\.[{_UNRESERVED}{_SUB_DELIMS}:]+"
_HOST = rf"(?P<host>\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|{_IPV_FUTURE})\]|{_REG_NAME})"
_AUTHORITY = rf"(?:{_USERINFO}@)?{_HOST}(?::[0-9]*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*"
_HIERARCHY = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*)?"
_TAIL = rf"(?:{_PCHAR}|[/?])*"

_SCHEME_TEXT = re.compile(_SCHEME)
_AUTHORITY_TEXT = re.compile(_AUTHORITY)
_URI_TEXT = re.compile(rf"{_SCHEME}:{_HIERARCHY}(?:\?{_TAIL})?(?:#{_TAIL})?")
_PCHARS_TEXT = re.compile(rf"{_PCHAR}*")
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_PADDED_OCTET = re.compile(r"(?<![0-9A-Fa-f])0{1,2}(?=[0-9]{1,2}(?:\.|$))")


def is_scheme(text: str) -> bool:
    """RFC 3986 §3.1."""
    return _SCHEME_TEXT.fullmatch(text) is not None


def is_authority(text: str) -> bool:
    """RFC 3986 §3.2, with a host that is not empty: nobody signs in to nowhere."""
    match = _AUTHORITY_TEXT.fullmatch(text)
    return match is not None and match["host"] != "" and _is_ipv6(match["ipv6"])


def is_uri(text: str) -> bool:
    """RFC 3986 §3: with a scheme, so no relative reference."""
    match = _URI_TEXT.fullmatch(text)
    return match is not None and _is_ipv6(match["ipv6"])


def is_pchars(text: str) -> bool:
    """Any number of `pchar` (RFC 3986 §3.3)."""
    return _PCHARS_TEXT.fullmatch(text) is not None


def _is_ipv6(literal: str | None) -> bool:
    if literal is None:
        return True
    dotted = "." in literal
    try:
        # RFC 3986 has no zero-padded octets; other parsers of EIP-4361 take them, and here no host is ever called.
        ipaddress.IPv6Address(_PADDED_OCTET.sub("", literal) if dotted else literal)
    except ValueError:
        return False
    return True


def parse_date_time(text: str) -> datetime | None:
    """The moment of an RFC 3339 date-time in UTC, to the microsecond; None when it is none or no such day exists.

    A leap second (``:60``) counts as the last microsecond before it, since `datetime` has none.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    if second == 60:
        second, fraction = 59, 999_999
    offset_hour, offset_minute = int(match[9] or 0), int(match[10] or 0)
    if offset_hour > 23 or offset_minute > 59:
        return None
    offset = timedelta(hours=offset_hour, minutes=offset_minute)
    try:
        local = datetime(
            year, month, day, hour, minute, second, fraction, timezone(-offset if match[8] == "-" else offset)
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
