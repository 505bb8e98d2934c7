"""`mercato drill`: what goes wrong on chains, made to happen on the local one."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from mercato.cli.rebuild import show as show_rebuilt
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.stack.local import CHAINS
from mercato.stack.proof.drill import Drilled, drilling

app = App(name="drill", help="Make happen on the local chain what goes wrong on chains.")

Depth = Annotated[int, Parameter(help="How many blocks the fork takes away; at most the chain's finality depth.")]
Chain = Annotated[str, Parameter(help="A chain of the registry that anvil serves.")]

_FIRST = ChainId(CHAINS[0]).caip2

_out = Console(highlight=False)


@app.command
def reorg(*, depth: Depth = 1, chain: Chain = _FIRST) -> None:
    """Fork the local chain: mine transactions, take them away, mine them again, and show the tables each time.

    A newcomer makes two collections through the public API and sends one transaction for each block of the fork. At
    the end the read model is compared with a clean rebuild. Refuses a chain that is not anvil's. Exits with 1 when
    the tables did not follow.
    """
    result = asyncio.run(_run(ChainId.parse(chain), depth))
    show(result)
    if not result.is_right:
        sys.exit(1)


async def _run(chain: ChainId, depth: int) -> Drilled:
    async with drilling(Settings(), chain, depth, lambda step: _out.print(f"[dim]{step}[/]")) as drill:
        return await drill.run(depth)


def show(result: Drilled) -> None:
    """Every table at every stage: its rows, and its hash where that is worth comparing."""
    headings = [f"{stage.name}\nblock {stage.point.number}, fork {stage.point.generation}" for stage in result.stages]
    grid = Table("table", *headings, title=f"A fork of {result.depth}: rows and hash of each table")
    for table in result.stages[0].tables:
        found = [stage.tables[table] for stage in result.stages]
        grid.add_row(table, *(f"{f.rows} {f.digest[:8]}" for f in found))
    _out.print(grid)
    _out.print(
        "[bold green]Forked away, the tables were as before the transactions.[/]"
        if result.taken_back
        else "[bold red]Forked away, the tables were not as before the transactions.[/]"
    )
    show_rebuilt(result.rebuilt)
