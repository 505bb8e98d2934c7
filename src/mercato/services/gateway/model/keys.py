"""What names a collection, a token, a page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import ReadPoint

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
    """One page of a list: `cursors` has one entry for each of `items`; `after` is what the caller asked from. `as_of`
    are the blocks it is true at, for what is read of chains."""

    items: list[T]
    cursors: list[str]
    has_next_page: bool
    end_cursor: str | None
    after: str | None
    as_of: Sequence[ReadPoint] = ()


class PageQuery(NamedTuple):
    """Which page: `first` rows after the cursor `after`."""

    first: int
    after: str | None
