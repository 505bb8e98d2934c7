"""Whom to believe when the endpoints of a chain hold different blocks at one height."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """What one endpoint holds at the height that all of them have reached, and what speaks for it."""

    endpoint: str
    hash: bytes
    sound: bool
    """Its neighbouring blocks link to this one: a cache that serves an orphan cannot say so."""

    strikes: int
    """How often it was found out before."""

    rose: bool
    """Its head has risen since the dispute began: a node that is stuck on an old branch cannot say so."""

    faithful: bool
    """It still holds the last block on which all were of one mind."""

    priority: int
    """The registry's: lower is better."""


_EVIDENCE: tuple[Callable[[Statement], bool], ...] = (
    lambda one: one.sound,
    lambda one: not one.strikes,
    lambda one: one.rose,
    lambda one: one.faithful,
)
"""Strongest first."""


def majority(statements: Sequence[Statement]) -> bytes | None:
    """The block that more than half of them hold."""
    hash_, votes = Counter(one.hash for one in statements).most_common(1)[0]
    return hash_ if votes * 2 > len(statements) else None


def believed(statements: Sequence[Statement]) -> bytes | None:
    """The block to believe of a dispute that did not pass by itself: the majority's, else that of those for whom the
    strongest evidence speaks. None when nothing tells them apart: then nobody is believed."""
    found, left = majority(statements), list(statements)
    for speaks_for in _EVIDENCE:
        if found is not None:
            return found
        left = [one for one in left if speaks_for(one)] or left
        found = _agreed(left)
    best = min(one.priority for one in left)
    return found or _agreed([one for one in left if one.priority == best])


def _agreed(statements: Sequence[Statement]) -> bytes | None:
    hashes = {one.hash for one in statements}
    return hashes.pop() if len(hashes) == 1 else None
