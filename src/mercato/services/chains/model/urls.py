"""The one spelling of a node's URL, so that a node written twice is one endpoint, and what makes a URL one."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from yarl import URL

_LIMIT = 2000
_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SCHEMES_OF_SOCKETS = {"ws": "http", "wss": "https"}


def is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is a URL of one of the schemes with a host that can be looked up (RFC 1123) or is an address, and
    without a fragment, which no server ever sees."""
    if len(text) > _LIMIT or not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and parts.port != 0 and _is_host(parts.hostname or "")
    except ValueError:
        return False


def spelled(url: str) -> str:
    """The URL as it will be requested (RFC 3986, section 6.2.2 and 6.2.3): scheme and host in lower case, addresses in
    their short form, no default port, dot segments or needless escapes, and nothing where there is only a slash.
    ``localhost`` is 127.0.0.1. What is no URL stays as it is."""
    try:
        known = URL(url.partition("#")[0])
        bare = known.with_host(_host(known.raw_host or ""))
    except ValueError:
        return url
    text = str(bare)
    return text.removesuffix("/") if bare.raw_path_qs == "/" else text


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454); a socket's scheme is that of the request it begins with."""
    known = URL(spelled(url))
    return _SCHEMES_OF_SOCKETS.get(known.scheme, known.scheme), known.raw_host or "", known.port


def _host(text: str) -> str:
    name = text.lower().removesuffix(".")
    if name == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_host(text: str) -> bool:
    name = text.lower().removesuffix(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        labels = name.split(".")
        # A name that ends in a number is an address to some readers and a name to others.
        return len(name) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
    return True
