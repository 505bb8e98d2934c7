"""Names that mean what a test says, each time they are looked up; no DNS."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult


class NameService(AbstractResolver):
    """Each name has its answers in order, of one or more addresses each; the last one stays."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self._answers:
            raise OSError(f"{host} has no address")
        left = self._answers[host]
        found = left.pop(0) if len(left) > 1 else left[0]
        return [_result(host, address, port) for address in found.split()]

    async def close(self) -> None:
        """Holds nothing."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
