"""`mercato run`: services in this process, as production runs them."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mercato.kit.errors import InvalidArgument
from mercato.kit.settings import SERVICES

Name = Annotated[str, Parameter(help=f"Any of: {', '.join(SERVICES)}.")]


def run(*services: Name) -> None:
    """Run services in this process until SIGTERM or Ctrl-C.

    Production runs one process per service; any set can share one. All settings come from MERCATO_* variables.
    """
    if not services:
        raise InvalidArgument("NO_SERVICE", f"name one service or several of {', '.join(SERVICES)}")
    if unknown := [name for name in services if name not in SERVICES]:
        raise InvalidArgument("NO_SUCH_SERVICE", f"no service {', '.join(unknown)}; there are {', '.join(SERVICES)}")
    from mercato.stack.serving import run_services

    run_services(services)
