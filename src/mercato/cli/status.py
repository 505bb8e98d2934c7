"""`mercato status`: each server and service with its state, pid, port and health, and how far each chain is."""

from __future__ import annotations

import asyncio
import json
import sys

from rich.console import Console
from rich.table import Table

from mercato.stack import probes
from mercato.stack.environment import settings_of
from mercato.stack.errors import NotReady
from mercato.stack.site import default_home
from mercato.stack.state import ProcessRecord, StackRecord, read

_COLOURS = {"ready": "green", "starting": "yellow", "restarting": "yellow", "stopping": "yellow"}


def status() -> None:
    """Show each server and service: state, pid, port, uptime, restarts, and what its readiness check says; and for each
    chain its newest block at the node (head), in the reader (seen), published (indexed), in the read model (catalogued)
    and told to subscribers (pushed; a block without events pushes none).

    Exits with 1 when the stack is down or a part of it is not ready.
    """
    out = Console(highlight=False)
    record = read(default_home())
    if record is None or not record.running:
        alive = [p.name for p in record.processes if p.alive] if record else []
        out.print("the stack is down" + (f", but still alive: {', '.join(alive)}; run `mercato down`" if alive else ""))
        if record and record.error:
            out.print(f"it failed last time: {record.error}", markup=False)
        sys.exit(1)
    health = asyncio.run(_health(record))
    out.print(table(record, health))
    if any("indexer" in settings_services(name) for name, words in health.items() if words == "ok"):
        _print_lag(out, record)
    if record.phase != "ready" or any(words != "ok" for words in health.values()):
        sys.exit(1)


def _print_lag(out: Console, record: StackRecord) -> None:
    from mercato.cli import lag  # what talks to services is slow to load
    from mercato.kit.errors import MercatoError

    try:
        rows = asyncio.run(lag.look(settings_of(record.env)))
    except MercatoError as error:
        out.print(f"how far the chains are cannot be told: {error.message}", markup=False)
        return
    if rows:
        out.print(lag.table(rows))
    for row in rows:
        if row.reason:
            out.print(f"{row.chain}: {row.reason}", markup=False)


def table(record: StackRecord, health: dict[str, str] | None = None) -> Table:
    """The stack as a table; `health` adds what each part answered."""
    grid = Table("name", "kind", "state", "pid", "port", "up", "restarts", *(["health"] if health else []))
    for part in record.processes:
        state = part.state if part.alive else "dead" if part.state == "ready" else part.state
        cells = [
            part.name,
            part.kind,
            f"[{_COLOURS.get(state, 'red')}]{state}[/]",
            str(part.pid or "-"),
            str(part.port),
        ]
        cells += [_duration(part), str(part.restarts)]
        grid.add_row(*cells, *([health.get(part.name, "")] if health else []))
    return grid


async def _health(record: StackRecord) -> dict[str, str]:
    settings = settings_of(record.env)

    async def look(part: ProcessRecord) -> tuple[str, str]:
        if not part.alive:
            return part.name, part.note or "not running"
        if part.kind != "service":
            return part.name, "ok" if part.state == "ready" else part.note or part.state
        names = settings_services(part.name)
        answers = await asyncio.gather(*(_readyz(settings.ops_port(name)) for name in names))
        problems = [f"{n}: {a}" if len(names) > 1 else a for n, a in zip(names, answers, strict=True) if a != "ok"]
        return part.name, "; ".join(problems) or "ok"

    return dict(await asyncio.gather(*map(look, record.processes)))


def settings_services(process: str) -> list[str]:
    """The services in a process, by the process's name."""
    from mercato.kit.settings import SERVICES

    return list(SERVICES) if process == "services" else process.split("+")


async def _readyz(port: int) -> str:
    try:
        code, body = await probes.http(port, "GET", "/readyz", patience=3.0)
    except (OSError, EOFError, NotReady, TimeoutError) as error:
        return f"no answer on port {port} ({type(error).__name__})"
    if code == 200:
        return "ok"
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        return f"status {code}"
    return ", ".join(f"{name} {words}" for name, words in checks.items() if words != "ok")


def _duration(part: ProcessRecord) -> str:
    if not part.alive:
        return "-"
    seconds = int(part.process.uptime())
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
