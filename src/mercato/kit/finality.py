"""How much a block may still change, by the newest blocks of each kind that are known."""

from __future__ import annotations

from enum import Enum


class Finality(Enum):
    """Of one block."""

    LATEST = "latest"
    """Too few blocks stand on it, or nothing is known since a fork."""

    SAFE = "safe"
    """It has the confirmations of the chain's policy."""

    FINALIZED = "finalized"
    """No fork that is followed reaches it."""

    @classmethod
    def of(cls, number: int, safe: int | None, finalized: int | None) -> Finality:
        """Of the block `number`, where `safe` and `finalized` are the newest of that kind, or None for unknown."""
        if finalized is not None and number <= finalized:
            return cls.FINALIZED
        if safe is not None and number <= safe:
            return cls.SAFE
        return cls.LATEST
