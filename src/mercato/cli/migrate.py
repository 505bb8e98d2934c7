"""`mercato migrate`: the schemas of the seven databases."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from mercato.kit.errors import InvalidArgument
from mercato.kit.settings import Settings
from mercato.stack import migrations

Down = Annotated[bool, Parameter(negative="", help="Undo every applied migration instead. The data is lost.")]
Check = Annotated[
    bool, Parameter(negative="", help="Touch no database of yours: up, down and up again on a server made for it.")
]


def migrate(*databases: str, down: Down = False, check: Check = False) -> None:
    """Bring the databases to the newest schema: all seven, or those named (`catalog_db`).

    Connects as the role that owns each database, at MERCATO_POSTGRES_URL or to the running local stack.
    """
    if unknown := [name for name in databases if name not in migrations.FOLDERS]:
        raise InvalidArgument(
            "NO_SUCH_DATABASE", f"no database {', '.join(unknown)}; there are {', '.join(migrations.FOLDERS)}"
        )
    chosen = databases or tuple(migrations.FOLDERS)
    begin = time.monotonic()
    if check:
        asyncio.run(migrations.check())
        done = "migrations go up, down without a trace, and up again"
    elif down:
        asyncio.run(migrations.roll_back(Settings(), chosen))
        done = f"{len(chosen)} database(s) back to empty"
    else:
        asyncio.run(migrations.migrate(Settings(), chosen))
        done = f"{len(chosen)} database(s) at the newest schema"
    Console(highlight=False).print(f"{done} [dim]({time.monotonic() - begin:.1f} s)[/]")
