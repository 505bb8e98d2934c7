"""How a service of the marketplace runs as a child of the stack: the same command that production uses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from mercato.kit.settings import SERVICES
from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.site import Site
from mercato.stack.supervisor import own_environment

_GRACE = 6.0  # seconds; then it is killed, which no service minds


def service_process(site: Site, services: Sequence[str]) -> Child:
    """One process with these services in it, ready when ``/readyz`` of each answers 200."""
    ports = [site.ports[f"ops.{name}"] for name in services]

    async def ready() -> None:
        await asyncio.gather(*(probes.http_ok(port, "/readyz") for port in ports))

    command = [sys.executable, "-m", "mercato.cli", "run", *services]
    return Child(
        name="services" if set(services) == set(SERVICES) else "+".join(services),
        kind="service",
        command=lambda: command,
        ready=ready,
        env={**own_environment(), **site.env, "PYTHONUNBUFFERED": "1"},
        cwd=site.home,
        port=site.ports["gateway"] if "gateway" in services else site.ports[f"grpc.{services[0]}"],
        stop_grace=_GRACE,
    )
