"""Tells values that are just values from those that must be awaited, called or raised; by type, each looked at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import GeneratorType
from typing import Any

from graphql import GraphQLField
from graphql.pyutils import Undefined, is_awaitable

__all__ = ["are_plain", "attribute_of", "is_awaitable", "reader"]

Reader = Callable[[Sequence[Any]], list[Any]]

_MOST_TYPES = 10_000
_plain: set[type] = set()
_objects: set[type] = set()


def are_plain(values: Sequence[Any]) -> bool:
    """Whether no value is awaitable, callable, an exception or undefined."""
    kinds = set(map(type, values))
    return kinds <= _plain or all([_is_plain(kind) for kind in kinds])


def _is_plain(kind: type) -> bool:
    if kind in _plain:
        return True
    odd = issubclass(kind, BaseException | GeneratorType | type(Undefined)) or any(
        name in base.__dict__ for base in kind.__mro__ for name in ("__await__", "__call__", "__getattr__")
    )
    if not odd:
        _learn(_plain, kind)
    return not odd


def _are_objects(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values))
    if kinds <= _objects:
        return True
    if any(issubclass(kind, Mapping) for kind in kinds):
        return False
    for kind in kinds:
        _learn(_objects, kind)
    return True


def _learn(known: set[type], kind: type) -> None:
    """Bounded, for types can be made at run time."""
    if len(known) >= _MOST_TYPES:
        known.clear()
    known.add(kind)


def attribute_of(name: str, definition: GraphQLField) -> str | None:
    """The attribute that a field without a resolver of its own shows; None when a function must be called.

    Names that the schema converts or aliases have a closure over the attribute's name as resolver.
    """
    if definition.args:
        return None
    resolver = definition.resolve
    if resolver is None:
        return name
    if not getattr(resolver, "_ariadne_alias_resolver", False):
        return None
    found = inspect.getclosurevars(resolver).nonlocals.get("attr_name")
    return found if isinstance(found, str) and "." not in found else None


def reader(attribute: str) -> Reader:
    """Reads the attribute, or the entry of mappings, of many objects. Raises when one does not have it."""
    get = attrgetter(attribute)

    def read(sources: Sequence[Any]) -> list[Any]:
        if _are_objects(sources):
            return list(map(get, sources))
        return [source.get(attribute) if isinstance(source, Mapping) else get(source) for source in sources]

    return read
