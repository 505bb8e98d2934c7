"""Checks of arguments that scalars cannot make: sizes of pages, lists and texts, ranges, and what needs what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ariadne import convert_camel_case_to_snake

from mercato.kit.cursors import DEFAULT_PAGE, MAX_PAGE
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address
from mercato.services.gateway.model.keys import PageQuery
from mercato.services.gateway.model.people import ApprovalQuery
from mercato.services.gateway.rpc.catalog import Place, TraitQuery

T = TypeVar("T")

_LONGEST_CURSOR = 1024


def page(first: int | None, after: str | None) -> PageQuery:
    """Raises `InvalidArgument` INVALID_PAGE_SIZE or INVALID_CURSOR."""
    size = DEFAULT_PAGE if first is None else first
    if not 1 <= size <= MAX_PAGE:
        raise InvalidArgument("INVALID_PAGE_SIZE", f"first must be between 1 and {MAX_PAGE}", field="first")
    if after is not None and not 0 < len(after) <= _LONGEST_CURSOR:
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it", field="after")
    return PageQuery(size, after)


def cursor(value: str | None) -> str | None:
    """A place to go on after. Raises `InvalidArgument` INVALID_CURSOR for what is too long to be one."""
    if value is not None and len(value) > _LONGEST_CURSOR:
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an event gave it", field="after")
    return value


def text(value: str, field: str, most: int, least: int = 0) -> str:
    """Raises `InvalidArgument` INVALID_{FIELD}; lengths are characters."""
    if not least <= len(value) <= most:
        raise wrong(field, f"must have {least} to {most} characters")
    return value


def number(value: int, field: str, least: int, most: int) -> int:
    """Raises `InvalidArgument` INVALID_{FIELD}."""
    if not least <= value <= most:
        raise wrong(field, f"must be between {least} and {most}")
    return value


def items(value: Sequence[T] | None, field: str, most: int, least: int = 0) -> Sequence[T]:
    """Raises `InvalidArgument` INVALID_{FIELD}."""
    found = value or ()
    if not least <= len(found) <= most:
        raise wrong(field, f"must have {least} to {most} entries")
    return found


def wrong(field: str, rule: str) -> InvalidArgument:
    """A field that breaks a rule; the reason names it: ``baseUri`` gives INVALID_BASE_URI."""
    name = convert_camel_case_to_snake(field).upper()
    return InvalidArgument(f"INVALID_{name}", f"{field} {rule}", field=field)


def place(conditions: Mapping[str, Any]) -> Place:
    """A part of the market. Raises `InvalidArgument` FILTER_INCOMPLETE: a contract needs its chain, a token its
    contract."""
    found = Place(conditions.get("chain_id"), conditions.get("contract"), conditions.get("token_id"))
    if found.contract is not None and found.chain_id is None:
        raise InvalidArgument("FILTER_INCOMPLETE", "contract needs chainId beside it", field="chainId")
    if found.token_id is not None and found.contract is None:
        raise InvalidArgument("FILTER_INCOMPLETE", "tokenId needs contract beside it", field="contract")
    return found


def approvals(owners: Sequence[Address], conditions: Mapping[str, Any] | None) -> ApprovalQuery:
    """Approvals of these owners; a contract need not name its chain, for there is nothing to look it up by."""
    given = conditions or {}
    return ApprovalQuery(owners, given.get("chain_id"), given.get("contract"), given.get("operator"))


def traits(conditions: Sequence[Mapping[str, Any]] | None, where: Place) -> list[TraitQuery]:
    """Raises `InvalidArgument` FILTER_INCOMPLETE without a contract, INVALID_TRAITS, INVALID_TRAIT_NAME,
    INVALID_TRAIT_VALUES."""
    wanted = items(conditions, "traits", 20)
    if wanted and where.contract is None:
        raise InvalidArgument("FILTER_INCOMPLETE", "traits needs contract beside it", field="contract")
    return [
        TraitQuery(
            text(trait["name"], "traitName", 500, 1),
            [text(value, "traitValues", 500) for value in items(trait["values"], "traitValues", 50, 1)],
        )
        for trait in wanted
    ]
