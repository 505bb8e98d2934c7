"""What the catalog can be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from mercato.kit import read_versions
from mercato.kit.errors import NotFound
from mercato.kit.ids import Address, ChainId
from mercato.services.catalog.model.views import (
    BalanceCursor,
    BalanceFilter,
    BalanceView,
    CollectionFilter,
    CollectionView,
    Event,
    EventCursor,
    EventFilter,
    Found,
    FoundTokens,
    Moderation,
    Page,
    ReadPoint,
    TokenColumns,
    TokenCursor,
    TokenFilter,
    TokenPage,
)

TokenKey = tuple[ChainId, Address, str]


class CollectionReads(Protocol):
    async def batch(self, keys: Sequence[tuple[ChainId, Address]]) -> Found[CollectionView]: ...

    async def list_collections(self, asked: CollectionFilter, size: int, after: int | None) -> Page[CollectionView]: ...


class TokenReads(Protocol):
    async def batch(self, keys: Sequence[TokenKey]) -> FoundTokens: ...

    async def list_tokens(self, asked: TokenFilter, size: int, after: TokenCursor | None) -> TokenPage: ...


class BalanceReads(Protocol):
    async def list_balances(
        self, asked: BalanceFilter, size: int, after: BalanceCursor | None
    ) -> Page[BalanceView]: ...


class EventReads(Protocol):
    async def list_events(self, asked: EventFilter, size: int, after: EventCursor | None) -> Page[Event]: ...

    async def read_points(self) -> Sequence[ReadPoint]: ...


class Flags(Protocol):
    async def put_up(self, token: TokenKey, flag: str, reason: str, flagged_by: str) -> None: ...

    async def take_down(self, token: TokenKey, flag: str, reason: str, unflagged_by: str) -> None: ...

    async def history(self, token: TokenKey, limit: int, before: int | None) -> list[Moderation]: ...


class FlagToken:
    """Marks a token for all who read it. `tell` is given the read versions of what has changed."""

    def __init__(self, flags: Flags, tokens: TokenReads, tell: Callable[[Iterable[str]], Awaitable[None]]) -> None:
        self._flags = flags
        self._tokens = tokens
        self._tell = tell

    async def put_up(self, token: TokenKey, flag: str, reason: str, flagged_by: str) -> TokenColumns:
        """The token as it is shown now. Raises `NotFound` TOKEN_NOT_FOUND."""
        await self._flags.put_up(token, flag, reason, flagged_by)
        return await self._shown(token)

    async def take_down(self, token: TokenKey, flag: str, reason: str, unflagged_by: str) -> TokenColumns:
        """Nothing happens when the flag does not stand. Raises `NotFound` TOKEN_NOT_FOUND."""
        await self._flags.take_down(token, flag, reason, unflagged_by)
        return await self._shown(token)

    async def history(self, token: TokenKey, size: int, before: int | None) -> tuple[list[Moderation], bool]:
        """Who flagged and unflagged it, newest first, and whether there is more; empty for a token nobody flagged."""
        found = await self._flags.history(token, size + 1, before)
        return found[:size], len(found) > size

    async def _shown(self, token: TokenKey) -> TokenColumns:
        await self._tell(read_versions.of_collection(*token[:2]))
        found = await self._tokens.batch([token])
        if found.columns.token_ids:
            return found.columns
        raise NotFound("TOKEN_NOT_FOUND", f"no token {token[2]} of {token[1]} on {token[0].caip2} is known here")
