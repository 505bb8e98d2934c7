"""How services of the marketplace run as children of the stack: what `mercato run` does, started quickly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mercato.kit.settings import SERVICES
from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.nursery import Nursery
from mercato.stack.site import Site
from mercato.stack.supervisor import own_environment

_GRACE = 6.0  # seconds; then it is killed, which no service minds


def nursery(site: Site, services: Sequence[str]) -> Nursery:
    """What these services are forked from. They get the stack's settings and nothing else of ours."""
    name, _, value = site.marker.partition("=")
    env = {**own_environment(), **site.env, name: value}
    return Nursery(services, site.logs, env, site.home)


def service_process(site: Site, nursery: Nursery, services: Sequence[str]) -> Child:
    """One process with these services in it, ready when ``/readyz`` of each answers 200."""
    ports = [site.ports[f"ops.{name}"] for name in services]

    async def ready() -> None:
        await asyncio.gather(*(probes.http_ok(port, "/readyz") for port in ports))

    return Child(
        name="services" if set(services) == set(SERVICES) else "+".join(services),
        kind="service",
        command=lambda: ("mercato", "run", *services),
        launch=lambda log: nursery.launch(services, log, site.home),
        ready=ready,
        env=site.env,
        cwd=site.home,
        port=site.ports["gateway"] if "gateway" in services else site.ports[f"grpc.{services[0]}"],
        stop_grace=_GRACE,
    )
