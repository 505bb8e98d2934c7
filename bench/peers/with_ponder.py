"""Ponder 1.0.0: cold, as its documentation says, with its rate limit lifted."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.backfill import LAST_BLOCK, ReplayNode
from bench.ground import running_stack
from bench.peers.run import INSTALL, Command, PeerRun, check, free_port, prepare, run
from bench.report import console
from bench.workload.expected import RECORDED

_FOLDER = Path(__file__).parent / "ponder"
_EVENTS, _OWNERS = 99_334, "d622e8c4"
"""At block 4,971: it takes the last 30 blocks of an unknown chain for not final, and ends its history before them."""

_CHECK = """
SELECT (SELECT count(*) FROM bench.transfer_event),
       (SELECT md5(string_agg(id::text || lower(owner), ',' ORDER BY id::numeric)) FROM bench.token)
"""


class Ponder:
    """Its process and PostgreSQL; it writes three tables by its fastest way and keeps its cache of raw data."""

    name = "ponder"

    async def prepare(self, node: ReplayNode) -> None:
        """Its packages, once."""
        if not (_FOLDER / "node_modules").exists():
            console.print("installing Ponder …")
            await prepare(_FOLDER, *INSTALL, environment={})

    async def run(self, node: ReplayNode) -> PeerRun:
        """A cold run on a fresh PostgreSQL. Raises `WrongEnd` when its tables are not as expected."""
        shutil.rmtree(_FOLDER / ".ponder", ignore_errors=True)
        async with running_stack(services=(), servers={"postgres"}, chain_ids=()) as stack:
            database = stack.settings.database_url("indexer_db")
            environment = {
                "DATABASE_URL": database,
                "RPC_URL": node.url,
                "CONTRACT": RECORDED[0],
                "END_BLOCK": str(LAST_BLOCK),
                "PONDER_TELEMETRY_DISABLED": "1",
            }
            words = (
                *("node", "node_modules/ponder/dist/esm/bin/ponder.js", "start", "--schema", "bench"),
                *("--log-format", "json", "-p", str(free_port()), "-H", "127.0.0.1"),
            )
            command = Command(self.name, words, _FOLDER, environment, b"Completed historical indexing")
            spent = await run(command, stack)
            await check(database, _CHECK, _EVENTS, _OWNERS)
        return PeerRun(_EVENTS, spent)
