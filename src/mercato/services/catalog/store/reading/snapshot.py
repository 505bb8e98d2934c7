"""Rows with the read points they are true at, from one statement and so from one snapshot of the database.

A read point moves, and goes back with a fork, in the transaction that makes the rows so. Asked for by a statement of
its own it would be of another moment than the rows; here it cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg
import orjson

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.views import Found, ReadPoint
from mercato.services.catalog.store.reading.arguments import Arguments

R = TypeVar("R")

# One row of read points, with as many rows beside it as there are; the points travel with the first of them only. A
# nested loop over one row keeps the order of what is inside.
_BESIDE = """
SELECT rows.*, CASE WHEN row_number() OVER () = 1 THEN points.points END AS read_points
FROM ({points}) points LEFT JOIN LATERAL (SELECT true AS there, found.* FROM ({statement}) found) rows ON true
"""
_POINTS = """
SELECT coalesce(json_agg(json_build_array(
    chain_number, block_number, encode(block_hash, 'hex'), observed_at, mined_at, safe, finalized
) ORDER BY chain_number), '[]')::text AS points
FROM sync_state WHERE block_number IS NOT NULL AND {chains}
"""


async def fetch(
    pool: Pool, statement: str, arguments: Arguments, chains: Collection[ChainId], view: Callable[[asyncpg.Record], R]
) -> Found[R]:
    """The rows of a statement, seen through `view`, at the read points of `chains`; no chains: of all there are."""
    beside = _BESIDE.format(points=points(chains, arguments), statement=statement)
    records = await pool.fetch(beside, *arguments.values)
    rows = [view(record) for record in records if record["there"]]
    return Found(rows, read_points_of(records[0]["read_points"]))


async def read_points(pool: Pool, chains: Collection[ChainId] = ()) -> Sequence[ReadPoint]:
    """Of `chains` that have one, by number; no chains: of all there are."""
    arguments = Arguments()
    statement = points(chains, arguments)
    return read_points_of(await pool.fetchval(statement, *arguments.values))


def points(chains: Collection[ChainId], arguments: Arguments) -> str:
    """A statement that gives all read points of `chains` as one text, for `read_points_of`; a part of any other."""
    among = f"chain_number = ANY({arguments(list(chains), 'bigint[]')})" if chains else "true"
    return _POINTS.format(chains=among)


def read_points_of(text: str) -> Sequence[ReadPoint]:
    """What `points` selected."""
    return [
        ReadPoint(
            ChainId(chain), number, bytes.fromhex(hash_), _time(observed), None if mined is None else _time(mined),
            safe, finalized,
        )
        for chain, number, hash_, observed, mined, safe, finalized in orjson.loads(text)
    ]  # fmt: skip


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
