"""Rules for what tokens look like: how much of a document is kept, and how requests for documents are grouped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from mercato.services.catalog.model.facts import Resolution, Trait

RESOLVED = "resolved"
PENDING = "pending"

PAGE = 200
"""Tokens in one request for metadata."""

_NAME, _DESCRIPTION, _TRAITS = 500, 8_000, 200
_URI, _IMAGE = 8_000, 32_000
_TRAIT_NAME, _TRAIT_VALUE = 200, 500
"""Characters, and traits of one token: 100 tokens stay below a gRPC message, a trait value below an index entry."""


class TokenRange(NamedTuple):
    """Tokens whose metadata is to be asked for; both ends, decimal text, are part of it. `refresh`: even if known."""

    collection_ref: int
    first: str
    last: str
    refresh: bool


@dataclass(frozen=True)
class MetadataPage:
    """Tokens of one contract to be asked for together."""

    chain_number: int
    contract: bytes
    standard: int
    token_ids: Sequence[str]
    refresh: bool


def bounded(resolution: Resolution) -> Resolution:
    """The part of a document that is kept. Prose is cut; what a program reads (a URI) is left out rather than cut."""
    return replace(
        resolution,
        uri=_whole(resolution.uri, _URI),
        name=_clean(resolution.name)[:_NAME],
        description=_clean(resolution.description)[:_DESCRIPTION],
        image=_whole(resolution.image, _IMAGE),
        animation_url=_whole(resolution.animation_url, _IMAGE),
        external_url=_whole(resolution.external_url, _URI),
        traits=tuple(
            Trait(_clean(t.name)[:_TRAIT_NAME], _clean(t.value)[:_TRAIT_VALUE], _clean(t.kind)[:_TRAIT_NAME])
            for t in resolution.traits[:_TRAITS]
        ),
    )


def merged(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same token ids in as few ranges as can be, ascending."""
    current: tuple[int, int] | None = None
    for first, last in sorted(ranges):
        if current is not None and first <= current[1] + 1:
            current = (current[0], max(current[1], last))
            continue
        if current is not None:
            yield current
        current = (first, last)
    if current is not None:
        yield current


T = TypeVar("T")


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _clean(text: str) -> str:
    """PostgreSQL text holds every character but NUL."""
    return text.replace("\0", "")


def _whole(text: str, limit: int) -> str:
    return text if len(text) <= limit and "\0" not in text else ""
