"""Moments as chains tell them: whole seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

_LATEST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def from_seconds(seconds: int) -> datetime | None:
    """Unix seconds with 0 for absent. A contract may state any uint64: what lies after the year 9999 is cut to it."""
    return datetime.fromtimestamp(min(seconds, _LATEST), UTC) if seconds else None
