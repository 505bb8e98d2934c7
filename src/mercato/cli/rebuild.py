"""`mercato rebuild`: the read model made anew from raw events and compared with the live one, row by row."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.stack.proof.rebuilding import Rebuilding, Rebuilt, rebuilding

Chain = Annotated[str | None, Parameter(help="Only this chain (`eip155:1`); else all that the catalog knows.")]
Keep = Annotated[bool, Parameter(negative="", help="Leave the rebuilt databases there, to look into them.")]

_out = Console(highlight=False)


def rebuild(*, chain: Chain = None, keep: Keep = False) -> None:
    """Make the read model anew from raw events in a database beside the live one, and compare every table.

    Nothing of the live one is touched, and no node is asked. Both are compared at one block, which is named.
    Exits with 1 when a row differs.
    """
    if not asyncio.run(_run(None if chain is None else ChainId.parse(chain), keep)):
        sys.exit(1)


async def _run(chosen: ChainId | None, keep: bool) -> bool:
    async with rebuilding(Settings()) as tool:
        chains = [chosen] if chosen else await tool.chains()
        if not chains:
            _out.print("the catalog has read no chain yet")
        results = [await rebuilt_with_bar(tool, chain, keep=keep) for chain in chains]
    for result in results:
        show(result)
        if keep:
            for name in result.scratch:
                _out.print(f"kept as database {name}; `DROP DATABASE {name}` when done")
    return all(result.is_equal for result in results)


async def rebuilt_with_bar(tool: Rebuilding, chain: ChainId, *, keep: bool) -> Rebuilt:
    """Rebuilds one chain under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_out, transient=True) as progress:
        bar = progress.add_task(f"facts of {chain.caip2}", total=None)
        return await tool.run(chain, lambda done, total: progress.update(bar, completed=done, total=total), keep=keep)


def show(result: Rebuilt) -> None:
    """The tables side by side, then the first rows that differ in each."""
    point = result.point
    _out.print(
        f"\n[bold]{point.chain.caip2}[/] at block {point.number} (0x{point.hash.hex()}, {point.finality})",
        soft_wrap=True,
    )
    grid = Table("table", "rows live", "rows rebuilt", "hash live", "hash rebuilt", "equal")
    for t in result.tables:
        verdict = "[green]yes[/]" if t.is_equal else f"[bold red]no[/], {t.differing} rows"
        grid.add_row(t.table, str(t.live.rows), str(t.rebuilt.rows), t.live.digest, t.rebuilt.digest, verdict)
    _out.print(grid)
    for t in result.tables:
        for difference in t.differences:
            _out.print(f"{t.table}: {difference}", markup=False, soft_wrap=True)
    _out.print("[bold green]Equal, row by row.[/]" if result.is_equal else "[bold red]Not equal.[/]")
