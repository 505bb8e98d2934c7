"""Envio HyperIndex 2.32.12 over plain JSON-RPC, which is its slow path: its fast one reads from a hosted service."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from urllib.parse import urlsplit

from bench.backfill import LAST_BLOCK, ReplayNode
from bench.ground import running_stack
from bench.peers.run import INSTALL, Command, PeerRun, check, free_port, prepare, run
from bench.report import console
from bench.workload.expected import RECORDED

_FOLDER = Path(__file__).parent / "envio"
_TOOLS = _FOLDER / "tools"
_NODE = _TOOLS / "node_modules" / f"node-linux-{'arm64' if platform.machine() == 'aarch64' else 'x64'}" / "bin"
_CHECK = """
SELECT (SELECT count(*) FROM bench."TransferEvent"),
       (SELECT md5(string_agg(id || lower(owner), ',' ORDER BY id::numeric)) FROM bench."Token")
"""


class Envio:
    """Its process and PostgreSQL; three tables, no raw data, no Hasura beside it."""

    name = "envio"

    async def prepare(self, node: ReplayNode) -> None:
        """Its packages, with the Node and pnpm it asks for, and the code it generates with the node's URL in it, which
        is no part of what is measured."""
        if not (_TOOLS / "node_modules").exists():
            console.print("installing Envio …")
            await prepare(_TOOLS, *INSTALL, environment={})
        console.print("having Envio generate its code …")
        environment = _environment(node) | {"CI": "true"}
        await prepare(_FOLDER, "pnpm", "install", "--frozen-lockfile", environment=environment)
        await prepare(_FOLDER, "pnpm", "envio", "codegen", environment=environment)

    async def run(self, node: ReplayNode) -> PeerRun:
        """A run on a fresh PostgreSQL. Raises `WrongEnd` when its tables are not as expected."""
        _, expected = RECORDED
        async with running_stack(services=(), servers={"postgres"}, chain_ids=()) as stack:
            database = stack.settings.database_url("indexer_db")
            environment = _environment(node) | _database(database)
            words = ("node_modules/.bin/envio", "start", "-r")
            spent = await run(Command(self.name, words, _FOLDER, environment, b"caught up to end blocks"), stack)
            await check(database, _CHECK, expected.transfers, expected.owners_md5)
        return PeerRun(expected.transfers, spent)


def _environment(node: ReplayNode) -> dict[str, str]:
    return {
        "PATH": f"{_NODE}:{_TOOLS / 'node_modules' / '.bin'}:{os.environ['PATH']}",
        "RPC_URL": node.url,
        "CONTRACT": RECORDED[0],
        "END_BLOCK": str(LAST_BLOCK),
        "ENVIO_HASURA": "false",
        "ENVIO_INDEXER_PORT": str(free_port()),
        "TUI_OFF": "true",
        "LOG_LEVEL": "info",
    }


def _database(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "ENVIO_PG_HOST": parts.hostname or "",
        "ENVIO_PG_PORT": str(parts.port),
        "ENVIO_PG_USER": parts.username or "",
        "ENVIO_PG_PASSWORD": parts.password or "",
        "ENVIO_POSTGRES_PASSWORD": parts.password or "",  # the same, as another part of it calls it
        "ENVIO_PG_DATABASE": parts.path.strip("/"),
        "ENVIO_PG_SSL_MODE": "false",
        "ENVIO_PG_PUBLIC_SCHEMA": "bench",
    }
