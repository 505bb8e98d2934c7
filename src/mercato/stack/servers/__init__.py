"""The servers of the local stack, one module each; `SERVERS` is the list, `child` builds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import cast

from mercato.stack.child import Child
from mercato.stack.site import Site

SERVERS = ("postgres", "rabbitmq", "redis", "mongo", "s3", "anvil")

REPLACED_BY: Mapping[str, str] = {
    "postgres": "MERCATO_POSTGRES_URL",
    "rabbitmq": "MERCATO_AMQP_URL",
    "redis": "MERCATO_REDIS_URL",
    "mongo": "MERCATO_MONGO_URL",
    "s3": "MERCATO_S3_URL",
    "anvil": "MERCATO_CHAIN_URLS",
}
"""The variable that names a server to use instead of a local one."""

TAKES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres",),
    "rabbitmq": ("rabbitmq",),
    "redis": ("redis",),
    "mongo": ("mongo",),
    "s3": ("s3",),
    "anvil": ("chain",),
}
"""The first word of the ports a server listens on."""


async def children_of(server: str, site: Site) -> list[Child]:
    """The processes of one server on this site, its data folder made. Raises `StackMisconfigured`
    when the program is not installed."""
    module = import_module(f"mercato.stack.servers.{server}")
    return await cast("Callable[[Site], Awaitable[list[Child]]]", module.children)(site)
