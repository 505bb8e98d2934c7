"""`mercato dlq`: the messages that the retry ladder gave up on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from mercato.kit.errors import NotFound
from mercato.kit.parked import ParkedMessage, ParkedMessages, opened
from mercato.kit.settings import Settings

app = App(name="dlq", help="List, show, replay or drop parked messages.")

Ids = Annotated[tuple[str, ...], Parameter(help="Message ids; none with --queue or --everything.")]
Queue = Annotated[str | None, Parameter(help="Only messages that came from this queue.")]
Everything = Annotated[bool, Parameter(negative="", help="All of them; needed when no id and no queue is given.")]
DryRun = Annotated[bool, Parameter(negative="", help="Say what would happen and change nothing.")]

_out = Console()


@app.command(name="list")
def list_parked(*, queue: Queue = None) -> None:
    """Show what is parked, oldest first: id, queue, type, tries, time and cause."""

    async def look(parked: ParkedMessages) -> None:
        table = Table("id", "queue", "type", "tries", "failed at", "cause")
        for m in parked.select((), queue):
            table.add_row(m.message_id, m.queue, m.type.rpartition(".")[2], str(m.attempts), m.failed_at, m.cause)
        _out.print(table if table.rows else "nothing is parked")

    _with_parked(look)


@app.command
def show(message_id: str) -> None:
    """Print one parked message whole: headers, cause and decoded content."""

    async def look(parked: ParkedMessages) -> None:
        for m in parked.select([message_id], None):
            heading = {"id": m.message_id, "queue": m.queue, "type": m.type, "tries": m.attempts, "cause": m.cause}
            _out.print_json(data={**heading, "failed_at": m.failed_at, "content": m.content()})
            return
        raise NotFound("NOT_PARKED", f"no parked message has the id {message_id}; see `mercato dlq list`")

    _with_parked(look)


@app.command
def replay(*ids: str, queue: Queue = None, everything: Everything = False, dry_run: DryRun = False) -> None:
    """Put messages back on the one queue they came from, as a first try."""

    async def act(parked: ParkedMessages) -> None:
        await _act("replay", parked.replay, _chosen(parked, ids, queue, everything), dry_run)

    _with_parked(act)


@app.command
def drop(*ids: str, queue: Queue = None, everything: Everything = False, dry_run: DryRun = False) -> None:
    """Delete messages for good."""

    async def act(parked: ParkedMessages) -> None:
        await _act("drop", parked.drop, _chosen(parked, ids, queue, everything), dry_run)

    _with_parked(act)


def _chosen(parked: ParkedMessages, ids: tuple[str, ...], queue: str | None, everything: bool) -> list[ParkedMessage]:
    if not (ids or queue or everything):
        raise NotFound("NOTHING_CHOSEN", "name message ids, a --queue, or --everything")
    chosen = parked.select(ids, queue)
    if missing := set(ids) - {m.message_id for m in chosen}:
        raise NotFound("NOT_PARKED", f"not parked: {', '.join(sorted(missing))}; nothing was changed")
    return chosen


async def _act(
    verb: str, act: Callable[[list[ParkedMessage]], Awaitable[int]], chosen: list[ParkedMessage], dry_run: bool
) -> None:
    for m in chosen:
        _out.print(f"{verb} {m.message_id} ({m.queue}: {m.cause[:80]})", markup=False)
    count = 0 if dry_run else await act(chosen)
    _out.print(f"dry run: {len(chosen)} would be chosen, nothing changed" if dry_run else f"{count} done")


def _with_parked(look: Callable[[ParkedMessages], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(Settings()) as parked:
            await look(parked)

    asyncio.run(run())
