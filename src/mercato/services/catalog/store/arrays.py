"""Columns of numbers as statement arguments."""

from __future__ import annotations

from collections.abc import Iterable


def numerics(values: Iterable[str | int]) -> str:
    """A numeric[] as text, for ``$1::text::numeric[]``. A driver's array of texts or Decimals costs ten times the CPU
    on our side, and the server reads the digits either way."""
    return "{" + ",".join(map(str, values)) + "}"
