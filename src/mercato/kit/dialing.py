"""Connections to hosts that somebody else named: each address is held against a rule at the moment it is dialled.

A name that is looked up first and dialled later may mean another address by then (DNS rebinding). So the rule stands
where the connection is made: the answer of the resolver that will be used is checked whole, and so is the address of
every socket, which catches hosts that are written as addresses and are never looked up.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressCheck = Callable[[IpAddress], None]
"""Raises for an address that may not be dialled; no `OSError`, after which another address would be tried."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def inner(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, NAT64, 6to4, Teredo); else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def connector(
    check: AddressCheck,
    *,
    resolver: AbstractResolver | None = None,
    limit: int = 100,
    limit_per_host: int = 0,
    keepalive_timeout: float = 15.0,
) -> aiohttp.TCPConnector:
    """Connects only where `check` raises nothing; what it raises comes out of the request. `resolver` looks names up in
    place of the system's own."""
    return aiohttp.TCPConnector(
        resolver=_CheckedResolver(check, resolver or aiohttp.ThreadedResolver()),
        socket_factory=_checked_sockets(check),
        limit=limit,
        limit_per_host=limit_per_host,
        keepalive_timeout=keepalive_timeout,
    )


class _CheckedResolver(AbstractResolver):
    """Refuses a host when any of its addresses breaks the rule: whoever mixes them is up to something."""

    def __init__(self, check: AddressCheck, resolver: AbstractResolver) -> None:
        self._check = check
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            self._check(_parsed(one["host"]))
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _checked_sockets(check: AddressCheck) -> Callable[[AddrInfoType], socket.socket]:
    def opened(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        check(_parsed(str(address[0])))
        return socket.socket(family=family, type=kind, proto=protocol)

    return opened


def _parsed(text: str) -> IpAddress:
    return ipaddress.ip_address(text.partition("%")[0])
