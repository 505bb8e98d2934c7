"""What names a collection, a token, a page of a list."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import msgspec

from mercato.kit.ids import Address, ChainId

T = TypeVar("T")


class CollectionKey(NamedTuple):
    """A contract on a chain."""

    chain_id: ChainId
    contract: Address


class TokenKey(NamedTuple):
    """A token of a contract on a chain."""

    chain_id: ChainId
    contract: Address
    token_id: int


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list: `cursors` has one entry for each of `items`; `after` is what the caller asked from."""

    items: list[T]
    cursors: list[str]
    has_next_page: bool
    end_cursor: str | None
    after: str | None


class PageQuery(NamedTuple):
    """Which page: `first` rows after the cursor `after`."""

    first: int
    after: str | None
