"""The sandboxed fetcher: the only way this system reads an address that a stranger wrote.

Every address is checked when it is dialled, on every redirect, so that neither a redirect nor a second DNS answer
reaches a private network. Size (after decompression) and time are capped.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import aiohttp

from mercato.kit.dialing import IpAddress, connector, inner
from mercato.kit.errors import InvalidArgument, TooLarge, Unavailable

AddressRule = Callable[[IpAddress], bool]

MAX_REDIRECTS = 5
_CHUNK = 65536


def is_public(address: IpAddress) -> bool:
    """Whether a stranger's URL may lead there: global unicast only, also for IPv4 addresses inside IPv6 ones."""
    found = inner(address)
    return found.is_global and not found.is_multicast


def check_address(address: IpAddress, rule: AddressRule) -> None:
    """Raises `InvalidArgument` URI_ADDRESS_REFUSED for an IP address that breaks the rule."""
    if not rule(address):
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
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return  # a name: what it stands for is checked when it is dialled
        check_address(address, self._rule)


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
    async with aiohttp.ClientSession(
        connector=connector(lambda address: check_address(address, rule), limit=32, limit_per_host=8),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "mercato"},
    ) as session:
        yield Fetcher(session, rule, timeout)
