"""The MongoDB-protocol server: SecantusDB as a separate process, each commit synced before it is acknowledged."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.site import Site
from mercato.stack.supervisor import own_environment


async def children(site: Site) -> list[Child]:
    """One server. Without ``--sync-on-commit`` it loses acknowledged writes when killed."""
    data, port = site.data("mongo"), site.ports["mongo"]
    config = data / "secantusd.toml"
    config.touch()  # named, so that no file of the user's home or working directory is found instead
    command = [
        *(str(locate()), "--config", str(config), "--standalone", "--sync-on-commit"),
        *("--host", HOST, "--port", str(port), "--storage-path", str(data / "db")),
        *("--cache-size", "256M", "--log-level", "WARNING"),
    ]
    return [
        Child(
            name="mongo",
            kind="server",
            command=lambda: command,
            ready=lambda: probes.mongo(port),
            env=own_environment(),
            cwd=data,
            port=port,
        )
    ]


def locate() -> Path:
    """The server's launcher, beside this Python's."""
    beside = Path(sys.executable).with_name("secantusd-py")
    if beside.is_file():
        return beside
    if found := shutil.which("secantusd-py"):
        return Path(found)
    raise StackMisconfigured("MONGO_MISSING", "no secantusd-py here; run `make setup`, or set MERCATO_MONGO_URL")
