"""Connections (Relay), abstract types, and names that Python reserves."""

from __future__ import annotations

from typing import Any

from ariadne import InterfaceType, ObjectType, SchemaBindable, UnionType

from mercato.services.gateway.graph.fields.types import Info, activity, page_info, token_transferred, transfer
from mercato.services.gateway.model.keys import Page


def page_edges(obj: Page[Any], _: Info) -> list[dict[str, Any]]:
    return [{"node": node, "cursor": cursor} for node, cursor in zip(obj.items, obj.cursors, strict=True)]


def page_nodes(obj: Page[Any], _: Info) -> list[Any]:
    return obj.items


def page_itself(obj: Page[Any], _: Info) -> Page[Any]:
    return obj


@page_info.field("hasPreviousPage")
def has_previous_page(obj: Page[Any], _: Info) -> bool:
    return obj.after is not None


@page_info.field("startCursor")
def start_cursor(obj: Page[Any], _: Info) -> str | None:
    return obj.cursors[0] if obj.cursors else None


def _connection(name: str) -> ObjectType:
    kind = ObjectType(name)
    kind.set_field("edges", page_edges)
    kind.set_field("nodes", page_nodes)
    kind.set_field("pageInfo", page_itself)
    return kind


# `from` is a Python keyword.
for movement in (transfer, activity, token_transferred):
    movement.set_alias("from", "from_account")
    movement.set_alias("to", "to_account")


def type_name(obj: object, *_: object) -> str:
    """Entities and events are called like their types in the schema."""
    return type(obj).__name__


BOUND: list[SchemaBindable] = [
    page_info,
    transfer,
    activity,
    token_transferred,
    *(
        _connection(f"{name}Connection")
        for name in (
            "Collection",
            "Token",
            "Balance",
            "Transfer",
            "Activity",
            "Intent",
            "CollectionImport",
            "Approval",
            "ApprovalChange",
            "SignInRecord",
        )
    ),
    *(InterfaceType(name, type_name) for name in ("Node", "Event")),
    *(UnionType(name, type_name) for name in ("MyEvent", "MarketEvent")),
]
