"""Columns of numbers as statement arguments: one text for each, since a driver's array asks every item what it is and
costs ten times the CPU on our side; the server reads the digits either way."""

from __future__ import annotations

from collections.abc import Iterable


def numerics(values: Iterable[str | int]) -> str:
    """For ``$1::text::numeric[]``, or any other type of number."""
    return "{" + ",".join(map(str, values)) + "}"


def sparse(values: Iterable[int | None]) -> str:
    """As `numerics`, with nulls."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
