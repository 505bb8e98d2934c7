"""`mercato verify`: sampled rows of the read model against the chain itself."""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.stack.proof.verification import Verified, verifying

Chain = Annotated[str | None, Parameter(help="Only this chain (`eip155:1`); else all that the catalog knows.")]
Sample = Annotated[
    int, Parameter(validator=Number(gte=1), help="How many owners, balances and blocks to look at, of each chain.")
]
Seed = Annotated[int | None, Parameter(help="Picks the rows; the one of an earlier run picks the same rows again.")]

_out = Console(highlight=False)


def verify(*, chain: Chain = None, sample: Sample = 100, seed: Seed = None) -> None:
    """Compare sampled rows with the chain: ownerOf and balanceOf at the block the rows are true at, and the transfers
    of sampled blocks with their receipts.

    Asks the nodes of the chain registry and changes nothing. Exits with 1 when a row disagrees.
    """
    chosen = None if chain is None else ChainId.parse(chain)
    if not asyncio.run(_run(chosen, sample, secrets.randbelow(2**31) if seed is None else seed)):
        sys.exit(1)


async def _run(chosen: ChainId | None, sample: int, seed: int) -> bool:
    _out.print(f"seed {seed}")
    async with verifying(Settings()) as tool:
        chains, left_out = ([chosen], []) if chosen else await tool.chains()
        results = [await tool.run(chain, sample, seed) for chain in chains]
    if not chains and not left_out:
        _out.print("the catalog has read no chain yet")
    for absent in left_out:
        _out.print(f"left out: {absent.caip2} is switched off, or has no endpoint to ask")
    for result in results:
        show(result)
    return not any(result.disagreements for result in results)


def show(result: Verified) -> None:
    """What was looked at, then each disagreement with both sides."""
    point = result.point
    _out.print(
        f"\n[bold]{point.chain.caip2}[/] at block {point.number} (0x{point.hash.hex()}, {point.finality})",
        soft_wrap=True,
    )
    grid = Table("looked at", "rows", "disagree")
    counts = {"owner of": result.owners, "balance of": result.balances, "transfer": result.transfers}
    names = {"owner of": "owners (ownerOf)", "balance of": "balances (balanceOf)", "transfer": "transfers (receipts)"}
    for kind, rows in counts.items():
        wrong = sum(d.kind == kind for d in result.disagreements)
        grid.add_row(names[kind], str(rows), f"[bold red]{wrong}[/]" if wrong else "0")
    missing = sum(d.kind == "block" for d in result.disagreements)
    grid.add_row("blocks", str(result.blocks), f"[bold red]{missing}[/]" if missing else "0")
    _out.print(grid)
    for disagreement in result.disagreements:
        _out.print(str(disagreement), markup=False, soft_wrap=True)
