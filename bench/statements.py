"""Where PostgreSQL's CPU goes when the catalog writes history: seconds by statement, the figures of ADR 14.

The recording's facts, in the messages that the indexer makes of ranges as it reads them, are given to the catalog's own
handlers one after the other, with nothing between them and the database. What a statement costs is the CPU time of its
connection's server process around it, from `/proc`.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import msgspec
import orjson
from asyncpg.connection import Connection

from bench import backfill
from bench.ground import running_stack
from bench.report import Report
from mercato.evm.logs import RawLog, decode
from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.messages import decode as decode_message
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Handler
from mercato.kit.settings import Settings
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.store.writing import CatalogStore
from mercato.services.indexer.messages import Context, FactMessage, fact_messages
from mercato.services.indexer.model.ranges import LOGS_WANTED

_QUEUES = {"minted": "catalog.mints.created", "transferred": "catalog.tokens.transferred"}
_SHOWN = 8
_LONGEST_NAME = 40


class Watched(Connection):
    """A connection that notes what each statement costs the server."""

    seconds: ClassVar[dict[str, float]] = defaultdict(float)

    async def execute(self, query: str, *args: object, **more: Any) -> str:
        with _Watch(self, query):
            return await super().execute(query, *args, **more)

    async def fetch(self, query: str, *args: object, **more: Any) -> Any:
        with _Watch(self, query):
            return await super().fetch(query, *args, **more)

    async def copy_to_table(self, table_name: str, **more: Any) -> str:
        with _Watch(self, f"COPY {table_name}"):
            return await super().copy_to_table(table_name, **more)


class _Watch:
    def __init__(self, connection: Watched, query: str) -> None:
        self._name = _name(query)
        self._server = Path(f"/proc/{connection.get_server_pid()}/schedstat")
        self._before = 0.0

    def __enter__(self) -> None:
        self._before = self._used()

    def __exit__(self, *_: object) -> None:
        Watched.seconds[self._name] += self._used() - self._before

    def _used(self) -> float:
        return int(self._server.read_text().split()[0]) / 1e9


async def measure() -> Report:
    """One pass over the recording."""
    recorded = await backfill.recording()
    messages = await asyncio.to_thread(lambda: list(_messages(recorded)))
    async with running_stack(services=(), servers={"postgres"}, chain_ids=()) as stack:
        await _apply(stack.settings, messages)
    report = Report(f"PostgreSQL's CPU by statement, {len(messages)} messages")
    for name, seconds in sorted(Watched.seconds.items(), key=lambda item: -item[1])[:_SHOWN]:
        report.figure(f"statements.{name}", seconds, "s")
    report.figure("statements.all", sum(Watched.seconds.values()), "s")
    return report


async def _apply(settings: Settings, messages: list[FactMessage]) -> None:
    url = settings.database_url("catalog_db")
    async with asyncpg.create_pool(url, connection_class=Watched, min_size=1, init=_speak_json) as pool:
        by_queue: Mapping[str, Handler] = handlers(CatalogStore(Database(pool)))
        for message in messages:
            out = message.outgoing
            incoming = Incoming(out.message_id, out.type, decode_message(out.type, out.body), {}, 1)
            await by_queue[_QUEUES[message.kind]](incoming)


async def _speak_json(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )


def _messages(recorded: Path) -> Iterator[FactMessage]:
    waiting: list[RawLog] = []
    context = Context(ChainId(31_337), 0, catching_up=True, timestamps={})
    for log in _logs(recorded):
        waiting.append(log)
        if len(waiting) == LOGS_WANTED:
            yield from fact_messages(context, decode(waiting))
            waiting = []
    yield from fact_messages(context, decode(waiting))


def _logs(recorded: Path) -> Iterator[RawLog]:
    with gzip.open(recorded) as lines:
        for line in lines:
            record = orjson.loads(line)
            time = record["block"]["timestamp"]
            for receipt in record["receipts"]:
                for log in receipt["logs"]:
                    yield msgspec.convert(log | {"blockTimestamp": time}, RawLog)


def _name(query: str) -> str:
    """The statement's verb and table as one word."""
    words = query.replace("(", " ").split()
    verb = next((verb for verb in ("INTO", "COPY", "UPDATE", "FROM") if verb in words), None)
    table = words[words.index(verb) + 1] if verb else ""
    return f"{words[0] if words[0] != 'WITH' else 'UPSERT'}_{table}"[:_LONGEST_NAME].strip("_;")


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
