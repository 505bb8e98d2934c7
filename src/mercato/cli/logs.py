"""`mercato logs`: what servers and services write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mercato.kit.errors import NotFound
from mercato.stack.logs import tail
from mercato.stack.site import default_home

_LOOK_EVERY = 0.2

Follow = Annotated[bool, Parameter(name=["--follow", "-f"], negative="", help="Go on printing until Ctrl-C.")]
Lines = Annotated[int, Parameter(name=["--lines", "-n"], help="How many of the last lines of each log.")]


def logs(*names: str, follow: Follow = False, lines: Lines = 20) -> None:
    """Print the last lines of the logs, of all or of those named (`supervisor` tells of starts and deaths).

    The files lie in `.mercato/logs/`.
    """
    folder = default_home() / "logs"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if missing := [name for name in names if name not in known]:
        raise NotFound("NO_SUCH_LOG", f"no log of {', '.join(missing)}; there are: {', '.join(known) or 'none yet'}")
    chosen = list(names) or known
    width = max((len(name) for name in chosen), default=0) if len(chosen) > 1 else 0
    for name in chosen:
        for line in tail(folder / f"{name}.log", lines):
            _print(name, line, width)
    if follow:
        _follow(folder, chosen, width)


def _follow(folder: Path, names: list[str], width: int) -> None:
    paths = {name: folder / f"{name}.log" for name in names}
    seen = {name: _size(path) for name, path in paths.items()}
    while True:
        for name, path in paths.items():
            size = _size(path)
            if size < seen[name]:  # cut or rotated: begin anew
                seen[name] = 0
            if size > seen[name]:
                with path.open("rb") as log:
                    log.seek(seen[name])
                    whole = log.read().rpartition(b"\n")[0]
                seen[name] += len(whole) + 1 if whole else 0
                for line in whole.decode(errors="replace").splitlines():
                    _print(name, line, width)
        time.sleep(_LOOK_EVERY)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _print(name: str, line: str, width: int) -> None:
    print(f"{name:<{width}}  {line}" if width else line, flush=True)
