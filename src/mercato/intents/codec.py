"""Facts and timelines as JSON that PostgreSQL keeps, and back again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mercato.intents.facts import (
    Claimed,
    Confirmed,
    Dropped,
    Expired,
    Fact,
    Indexed,
    IntentState,
    Mined,
    Orphaned,
    Proven,
    Refused,
    Superseded,
)
from mercato.intents.model import Step
from mercato.kit.ids import TokenId

_KINDS: dict[str, type[Fact]] = {
    kind.__name__: kind
    for kind in (Claimed, Proven, Refused, Mined, Confirmed, Indexed, Orphaned, Superseded, Dropped, Expired)
}
_BYTES = frozenset({"tx_hash", "block_hash", "by"})


def facts_to_json(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """One object a fact with its kind under ``fact``, in a stable order."""
    plain = [{"fact": type(fact).__name__, **_plain(fact)} for fact in facts]
    return sorted(plain, key=lambda row: [str(value) for value in row.values()])


def facts_from_json(rows: Iterable[Mapping[str, Any]]) -> frozenset[Fact]:
    """Raises `KeyError` for a kind of fact that this release does not know."""
    return frozenset(_KINDS[row["fact"]](**_rich(row)) for row in rows)


def timeline_to_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """One object a step, in order."""
    return [_plain(step) for step in steps]


def timeline_from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The steps again."""
    return tuple(Step(**_rich(row) | {"state": IntentState(row["state"])}) for row in rows)


def _plain(record: Fact | Step) -> dict[str, Any]:
    values = ((f.name, getattr(record, f.name)) for f in dataclasses.fields(record))
    return {name: _plain_value(value) for name, value in values if value not in (None, "", ())}


def _plain_value(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case tuple():
            return [str(token_id) for token_id in value]  # JSON numbers end at 2^53
        case _:
            return value


def _rich(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _rich_value(name, value) for name, value in row.items() if name != "fact"}


def _rich_value(name: str, value: Any) -> Any:
    if name in _BYTES:
        return bytes.fromhex(value)
    if name == "at":
        return datetime.fromisoformat(value)
    if name == "token_ids":
        return tuple(TokenId(int(token_id)) for token_id in value)
    return value
