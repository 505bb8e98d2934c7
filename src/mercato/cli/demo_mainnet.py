"""`mercato demo-mainnet`: real mainnet blocks through indexer and catalog, compared with an independent decoder."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table

from mercato.kit.errors import Unavailable
from mercato.kit.settings import Settings
from mercato.stack import LocalStack
from mercato.story import mainnet
from mercato.story.mainnet import Comparison

app = App(name="demo-mainnet", help="Index 67 recorded mainnet blocks and compare every row.")

_out = Console(highlight=False)
_PATIENCE = 120.0


@app.default
def demo_mainnet() -> None:
    """Index 67 recorded mainnet blocks on a scratch stack, print the comparison, and stop everything again.

    Exit code 1 when a single row differs.
    """
    comparisons = asyncio.run(play())
    table = Table("rows", "expected", "found", "missing", "unexpected", title="Against an independent decoder")
    for c in comparisons:
        table.add_row(c.what, str(c.expected), str(c.found), str(c.missing), str(c.unexpected))
    _out.print(table)
    if not all(c.is_equal for c in comparisons):
        sys.exit(1)
    _out.print("[bold]Equal, row by row.[/]")


async def play() -> list[Comparison]:
    """Runs it on servers of its own in a scratch folder."""
    with tempfile.TemporaryDirectory(prefix="mercato-mainnet-") as folder:
        async with (
            LocalStack(
                Path(folder),
                services=["chains", "indexer", "catalog"],
                chain_ids=(),
                report=lambda line: _out.print(f"[dim]{line}[/]"),
            ) as stack,
            recorded_node() as url,
        ):
            return await indexed(stack.settings, url)


async def indexed(settings: Settings, url: str) -> list[Comparison]:
    """Registers the recorded node, waits for the catalog to reach its last block, and compares."""
    await mainnet.register(settings, url)
    started, last = time.monotonic(), mainnet.last_block()
    async with asyncio.timeout(_PATIENCE):
        while await mainnet.catalogued(settings) < last:
            await asyncio.sleep(0.1)
    _out.print(f"67 blocks up to {last} are indexed and catalogued after {time.monotonic() - started:.1f} s")
    return await mainnet.compare(settings)


@asynccontextmanager
async def recorded_node() -> AsyncIterator[str]:
    """The recording as a JSON-RPC node of its own process; yields its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mercato.evm.recorded", str(mainnet.DATA), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        if " on http" not in line:
            raise Unavailable("RECORDED_NODE_FAILED", f"the recorded node did not start: {line}")
        _out.print(f"recorded node: {line}", soft_wrap=True)
        yield line.rpartition(" on ")[2]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
