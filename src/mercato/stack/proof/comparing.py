"""Two read models side by side: table by table by hash, and where these differ, row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

SHOWN = 5
"""Differing rows that are kept of each table; the others are counted."""


class Fingerprint(Protocol):
    """How many rows a table has, and one hash over all of them."""

    @property
    def rows(self) -> int: ...

    @property
    def digest(self) -> str: ...


class Tables(Protocol):
    """Rows of one side, as one moment sees them."""

    async def fingerprint(self, table: str) -> Fingerprint: ...

    def stream(self, table: str) -> AsyncIterator[tuple[str, str]]:
        """Key and value of each row, by key in the order of its bytes."""


@dataclass(frozen=True)
class Difference:
    """A row that is not the same on both sides; None where a side has no such row."""

    key: str
    live: str | None
    rebuilt: str | None

    def __str__(self) -> str:
        return f"{self.key}: live {self.live or 'has no such row'}, rebuilt {self.rebuilt or 'has no such row'}"


@dataclass(frozen=True)
class TableComparison:
    """One table on both sides; `differing` counts rows, of which `differences` are the first."""

    table: str
    live: Fingerprint
    rebuilt: Fingerprint
    differing: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def is_equal(self) -> bool:
        return self.live == self.rebuilt


async def compare(tables: Iterable[str], live: Tables, rebuilt: Tables) -> tuple[TableComparison, ...]:
    """These tables. Rows are looked at only where the hashes differ."""
    found = []
    for table in tables:
        fingerprints = await live.fingerprint(table), await rebuilt.fingerprint(table)
        if fingerprints[0] == fingerprints[1]:
            found.append(TableComparison(table, *fingerprints))
        else:
            found.append(await _by_row(table, live, rebuilt, *fingerprints))
    return tuple(found)


async def _by_row(table: str, live: Tables, rebuilt: Tables, ours: Fingerprint, anew: Fingerprint) -> TableComparison:
    count = 0
    first: list[Difference] = []
    async for difference in _merged(live.stream(table), rebuilt.stream(table)):
        count += 1
        if len(first) < SHOWN:
            first.append(difference)
    return TableComparison(table, ours, anew, count, tuple(first))


async def _merged(
    live: AsyncIterator[tuple[str, str]], rebuilt: AsyncIterator[tuple[str, str]]
) -> AsyncIterator[Difference]:
    """The rows that are on one side only or differ; both sides come by key."""
    left, right = await anext(live, None), await anext(rebuilt, None)
    while left is not None or right is not None:
        key = min(row[0] for row in (left, right) if row is not None)
        ours = left[1] if left is not None and left[0] == key else None
        anew = right[1] if right is not None and right[0] == key else None
        if ours != anew:
            yield Difference(key, ours, anew)
        if ours is not None:
            left = await anext(live, None)
        if anew is not None:
            right = await anext(rebuilt, None)
