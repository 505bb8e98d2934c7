"""The sandboxed fetcher: the only way this system reads an address that a stranger wrote.

Every name is resolved here and the connection is pinned to the addresses that were checked, on every redirect, so that
neither a redirect nor a second DNS answer reaches a private network. Size (after decompression) and time are capped.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mercato.kit.errors import InvalidArgument, TooLarge, Unavailable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRule = Callable[[IpAddress], bool]

MAX_REDIRECTS = 5
_CHUNK = 65536
_NUMERIC = socket.AI_NUMERICHOST
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Whether a stranger's URL may lead there: global unicast only, also for IPv4 addresses inside IPv6 ones."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(embedded)
    return address.is_global and not address.is_multicast


class _CheckedResolver(AbstractResolver):
    """Resolves a host and refuses it when any of its addresses breaks the rule."""

    def __init__(self, rule: AddressRule) -> None:
        self._rule = rule

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for kind, _, protocol, _, address in found:
            check_address(str(address[0]), self._rule)
            where = str(address[0])
            results.append(
                ResolveResult(hostname=host, host=where, port=port, family=kind, proto=protocol, flags=_NUMERIC)
            )
        return results

    async def close(self) -> None:
        """Holds nothing."""


def check_address(text: str, rule: AddressRule) -> None:
    """Raises `InvalidArgument` URI_ADDRESS_REFUSED for an IP address that breaks the rule."""
    if not rule(ipaddress.ip_address(text.partition("%")[0])):
        raise InvalidArgument("URI_ADDRESS_REFUSED", "the URI leads to an address that is not public")


class Fetcher:
    """Fetches small documents from the open web."""

    def __init__(self, session: aiohttp.ClientSession, rule: AddressRule, timeout: float) -> None:
        self._session = session
        self._rule = rule
        self._timeout = timeout

    async def fetch(self, url: str, limit: int) -> bytes:
        """The body, at most `limit` bytes after decompression.

        Raises `InvalidArgument` (URI_MALFORMED, URI_SCHEME_REFUSED, URI_ADDRESS_REFUSED, TOO_MANY_REDIRECTS,
        FETCH_REFUSED for 4xx), `TooLarge` METADATA_TOO_LARGE, `Unavailable` FETCH_FAILED (network, time-out, 5xx).
        """
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(MAX_REDIRECTS + 1):
                    self._check_url(url)
                    async with self._session.get(url, allow_redirects=False) as response:
                        if response.status in (301, 302, 303, 307, 308) and "location" in response.headers:
                            url = urljoin(url, response.headers["location"])
                            continue
                        return await _read(response, limit)
        except ValueError:  # a host that IDNA refuses, a Location that is no URL
            raise InvalidArgument("URI_MALFORMED", "the URI, or where it redirects to, cannot be read") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("FETCH_FAILED", f"the metadata source did not answer: {type(error).__name__}") from error
        raise InvalidArgument("TOO_MANY_REDIRECTS", f"the URI redirects more than {MAX_REDIRECTS} times")

    def _check_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise InvalidArgument("URI_MALFORMED", "the URI cannot be read") from None
        if parts.scheme not in ("http", "https") or not host or parts.username or port == 0:
            raise InvalidArgument("URI_SCHEME_REFUSED", "only plain http and https URIs are fetched")
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return  # a name: the resolver checks what it stands for
        check_address(host, self._rule)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status >= 500 or response.status == 429:
        raise Unavailable("FETCH_FAILED", f"the metadata source answered {response.status}")
    if response.status != 200:
        raise InvalidArgument("FETCH_REFUSED", f"the metadata source answered {response.status}")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise TooLarge("METADATA_TOO_LARGE", f"a metadata document may have {limit} bytes", limit=str(limit))
    return bytes(body)


@asynccontextmanager
async def opened(timeout: float, rule: AddressRule = is_public) -> AsyncIterator[Fetcher]:
    """A fetcher with its own connections, closed at the end of the block. `timeout` in seconds covers a whole fetch."""
    connector = aiohttp.TCPConnector(resolver=_CheckedResolver(rule), use_dns_cache=False, limit=32, limit_per_host=8)
    async with aiohttp.ClientSession(
        connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "mercato"}
    ) as session:
        yield Fetcher(session, rule, timeout)
