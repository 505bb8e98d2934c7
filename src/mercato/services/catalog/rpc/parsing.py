"""Requests into filters and cursors; what is wrong with one is told by reason."""

from __future__ import annotations

import re
from typing import Protocol

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, parse_uint256
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.views import (
    MAX_KEYS,
    BalanceCursor,
    BalanceFilter,
    CollectionFilter,
    EventCursor,
    EventFilter,
    Kind,
    Scope,
    TokenCursor,
    TokenFilter,
    TraitFilter,
)

MOVEMENTS = frozenset({Kind.MINT, Kind.TRANSFER, Kind.BURN})

_INT4_MAX = 2**31 - 1
_INT8_MAX = 2**63 - 1
_FLAG = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
_MAX_REASON = 500


class _Scoped(Protocol):
    @property
    def chain_id(self) -> str: ...
    @property
    def contract(self) -> bytes: ...
    @property
    def token_id(self) -> str: ...


def chain(text: str) -> ChainId | None:
    return ChainId.parse(text) if text else None


def address(raw: bytes) -> Address | None:
    return Address(raw) if raw else None


def token_id(text: str) -> str:
    return str(parse_uint256(text, "token_id"))


def collection_key(key: pb.CollectionKey) -> tuple[ChainId, Address]:
    return ChainId.parse(key.chain_id), Address(key.contract)


def token_key(key: pb.TokenKey) -> tuple[ChainId, Address, str]:
    return ChainId.parse(key.chain_id), Address(key.contract), token_id(key.token_id)


def few_enough(keys: int) -> None:
    """Raises `InvalidArgument` TOO_MANY_KEYS."""
    if keys > MAX_KEYS:
        raise InvalidArgument("TOO_MANY_KEYS", f"ask for at most {MAX_KEYS} at once")


def collections(request: pb.ListCollectionsRequest) -> CollectionFilter:
    return CollectionFilter(
        scope=Scope(chain(request.chain_id)),
        creator=address(request.creator),
        owner=address(request.owner),
        standard=_standard(request.standard),
        name_contains=request.name_contains,
    )


def tokens(request: pb.ListTokensRequest) -> TokenFilter:
    return TokenFilter(
        scope=Scope(chain(request.chain_id), address(request.contract)),
        owner=address(request.owner),
        traits=[TraitFilter(_text(t.name), [_text(v) for v in t.values]) for t in request.traits],
    )


def balances(request: pb.ListBalancesRequest) -> BalanceFilter:
    return BalanceFilter(scope=_scope(request), owners=[Address(owner) for owner in request.owners])


def transfers(request: pb.ListTransfersRequest) -> EventFilter:
    return EventFilter(_scope(request), address(request.account), MOVEMENTS)


def activities(request: pb.ListActivitiesRequest) -> EventFilter:
    return EventFilter(_scope(request), address(request.account), frozenset(map(_kind, request.kinds)))


def flag(text: str) -> str:
    """Raises `InvalidArgument` INVALID_FLAG."""
    if _FLAG.fullmatch(text) is None:
        raise InvalidArgument("INVALID_FLAG", "a flag is 2 to 40 characters of A-Z, 0-9 and _, such as 'SPAM'")
    return text


def reason(text: str) -> str:
    """Raises `InvalidArgument` REASON_REQUIRED or REASON_TOO_LONG."""
    if not text.strip():
        raise InvalidArgument("REASON_REQUIRED", "say why the token is flagged")
    if len(text) > _MAX_REASON:
        raise InvalidArgument("REASON_TOO_LONG", f"a reason has at most {_MAX_REASON} characters")
    return _text(text)


def remark(text: str) -> str:
    """A reason that may be left out. Raises `InvalidArgument` REASON_TOO_LONG."""
    return reason(text) if text.strip() else ""


def flagged_by(text: str) -> str:
    """Raises `InvalidArgument` FLAGGED_BY_REQUIRED."""
    if not 0 < len(text) <= _MAX_REASON:
        raise InvalidArgument("FLAGGED_BY_REQUIRED", "say who moderates the token: a user id or a program's name")
    return _text(text)


def collection_cursor(after: str) -> int | None:
    key = cursors.decode_numbers(after, 1)
    return None if key is None else _within(key[0], _INT4_MAX)


def moderation_cursor(after: str) -> int | None:
    key = cursors.decode_numbers(after, 1)
    return None if key is None else _within(key[0])


def token_cursor(after: str) -> TokenCursor | None:
    key = cursors.decode_numbers(after, 2)
    return None if key is None else (_within(key[0], _INT4_MAX), str(_within(key[1])))


def balance_cursor(after: str) -> BalanceCursor | None:
    key = cursors.decode(after, 3)
    if key is None:
        return None
    ref, token = cursors.decode_numbers(cursors.encode(*key[:2]), 2) or (0, 0)
    try:
        owner = bytes.fromhex(key[2])
    except ValueError:
        raise _bad_cursor() from None
    return _within(ref, _INT4_MAX), str(_within(token)), owner


def event_cursor(after: str) -> EventCursor | None:
    key = cursors.decode_numbers(after, 4)
    if key is None:
        return None
    time, block_ref, log_index, batch_index = key
    return (
        _within(time, 253402300799), _within(block_ref, _INT8_MAX), _within(log_index, _INT4_MAX),
        _within(batch_index, _INT4_MAX),
    )  # fmt: skip


def _scope(request: _Scoped) -> Scope:
    wanted = token_id(request.token_id) if request.token_id else None
    return Scope(chain(request.chain_id), address(request.contract), wanted)


def _standard(value: int) -> Standard:
    """An enum value that a newer caller knows and we do not fits no row."""
    try:
        return Standard(value)
    except ValueError:
        raise InvalidArgument("INVALID_STANDARD", "standard must be ERC721 or ERC1155") from None


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        kinds = ", ".join(kind.value for kind in Kind)
        raise InvalidArgument("INVALID_KIND", f"{text[:40]!r} is none of {kinds}") from None


def _within(number: int, limit: int = 2**256 - 1) -> int:
    if not 0 <= number <= limit:
        raise _bad_cursor()
    return number


def _bad_cursor() -> InvalidArgument:
    return InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it")


def _text(text: str) -> str:
    """PostgreSQL text holds every character but NUL."""
    return text.replace("\0", "")
