"""From what resolvers give to what the answer holds: one closure for each field, made from its type.

A closure takes as many values as a level has, where each belongs (the holder and its key there), and the places of
the objects around them.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.pyutils import Undefined, is_iterable

from mercato.services.gateway.graph.plan.run import Key, Place, Run, absence, arrived
from mercato.services.gateway.graph.plan.values import are_plain, is_awaitable

if TYPE_CHECKING:
    from mercato.services.gateway.graph.plan.fields import Field

Complete = Callable[[Run, Sequence[Any], Sequence[Any], Iterable[Key], Sequence[Place | None]], None]
Enter = Callable[[Run, list[Any], list[Place]], None]

_AS_THEY_ARE: dict[object, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Scalars that render values of one type as themselves."""


def settle(
    run: Run,
    complete: Complete,
    values: Sequence[Any],
    holders: Sequence[Any],
    keys: Iterable[Key],
    around: Sequence[Place | None],
) -> None:
    """Completes values at once, and those that are awaitable when all of them have come."""
    if not values:
        return
    if are_plain(values):
        complete(run, values, holders, keys, around)
        return
    waiting = [is_awaitable(value) for value in values]
    if not any(waiting):
        complete(run, values, holders, keys, around)
        return
    slots = list(zip(values, holders, keys, around, waiting, strict=False))
    run.expect(slot[0] for slot in slots if slot[4])
    run.later.append(_settle_later(run, complete, [slot for slot in slots if slot[4]]))
    if ready := [slot for slot in slots if not slot[4]]:
        given, held, named, outer, _ = zip(*ready, strict=True)
        complete(run, given, held, named, outer)


async def _settle_later(run: Run, complete: Complete, slots: Sequence[tuple[Any, Any, Key, Any, bool]]) -> None:
    awaitables, holders, keys, around, _ = zip(*slots, strict=True)
    run.take(awaitables)
    values = await arrived(awaitables)
    complete(run, values, holders, keys, around)
    await run.rest()


def compiled(kind: GraphQLOutputType, field: Field) -> Complete:
    """What completes values of a type for a field."""
    if is_non_null_type(kind):
        return _of(kind.of_type, field, required=True)
    return _of(kind, field, required=False)


def _of(kind: Any, field: Field, *, required: bool) -> Complete:
    if is_leaf_type(kind):
        return _leaves(kind, field, required=required)
    if is_list_type(kind):
        return _composites(_lists(compiled(kind.of_type, field), field), field, required=required)
    if is_abstract_type(kind):
        return _composites(_abstract(kind, field), field, required=required)
    return _composites(_objects(kind, field), field, required=required)


def _leaves(kind: GraphQLLeafType, field: Field, *, required: bool) -> Complete:
    render, as_is = kind.coerce_output_value, {_AS_THEY_ARE.get(kind)}

    def complete(
        run: Run, values: Sequence[Any], holders: Sequence[Any], keys: Iterable[Key], around: Sequence[Place | None]
    ) -> None:
        if set(map(type, values)) == as_is:
            for value, holder, key in zip(values, holders, keys, strict=False):
                holder[key] = value
            return
        for value, holder, key, outer in zip(values, holders, keys, around, strict=False):
            if value is None and not required:
                continue
            if absence(value):
                _absent(run, field, value, (outer, key, holder, not required))
                continue
            try:
                rendered = render(value)
                if rendered is None or rendered is Undefined:
                    rendered = run.executor.complete_leaf_value(kind, value)  # which says what is wrong
                holder[key] = rendered
            except Exception as error:
                run.fail(error, field.nodes, (outer, key, holder, not required))

    return complete


def _composites(enter: Enter, field: Field, *, required: bool) -> Complete:
    def complete(
        run: Run, values: Sequence[Any], holders: Sequence[Any], keys: Iterable[Key], around: Sequence[Place | None]
    ) -> None:
        present, places = [], []
        for value, holder, key, outer in zip(values, holders, keys, around, strict=False):
            place = (outer, key, holder, not required)
            if absence(value):
                _absent(run, field, value, place)
            else:
                present.append(value)
                places.append(place)
        if present:
            enter(run, present, places)

    return complete


def _absent(run: Run, field: Field, value: object, place: Place) -> None:
    if isinstance(value, Exception):
        run.fail(value, field.nodes, place)
    elif not place[3]:
        name = f"{field.kind}.{field.nodes[0].name.value}"
        run.fail(TypeError(f"Cannot return null for non-nullable field {name}."), field.nodes, place)


def _objects(kind: GraphQLObjectType, field: Field) -> Enter:
    def enter(run: Run, values: list[Any], places: list[Place]) -> None:
        _entered(run, field, kind, values, places)

    return enter


def _entered(run: Run, field: Field, kind: GraphQLObjectType, values: list[Any], places: list[Place]) -> None:
    """Puts an answer in the place of each object and goes on with its fields."""
    selection = field.selection(run, kind)
    copy = selection.template.copy
    outs = [copy() for _ in values]
    for out, (_, key, holder, _) in zip(outs, places, strict=True):
        holder[key] = out
    selection.execute(run, values, outs, places)


def _abstract(kind: GraphQLAbstractType, field: Field) -> Enter:
    def enter(run: Run, values: list[Any], places: list[Place]) -> None:
        info, resolve = field.info(run), kind.resolve_type or run.executor.type_resolver
        names: list[Any] = []
        for value in values:
            try:
                names.append(resolve(value, info, kind))
            except Exception as error:
                names.append(error)
        if any(map(is_awaitable, names)):
            run.later.append(_grouped_later(run, kind, field, names, values, places))
        else:
            _grouped(run, kind, field, names, values, places)

    return enter


async def _grouped_later(
    run: Run, kind: GraphQLAbstractType, field: Field, names: list[Any], values: list[Any], places: list[Place]
) -> None:
    found = await arrived(map(_awaited, names))
    _grouped(run, kind, field, found, values, places)
    await run.rest()


def _grouped(
    run: Run, kind: GraphQLAbstractType, field: Field, names: list[Any], values: list[Any], places: list[Place]
) -> None:
    """Goes on with the values of each object type together."""
    info = field.info(run)
    by_type: dict[GraphQLObjectType, tuple[list[Any], list[Place]]] = {}
    for name, value, place in zip(names, values, places, strict=True):
        try:
            if isinstance(name, Exception):
                raise name
            found = run.executor.ensure_valid_runtime_type(name, kind, field.details, info, value)
        except Exception as error:
            run.fail(error, field.nodes, place)
            continue
        same_values, same_places = by_type.setdefault(found, ([], []))
        same_values.append(value)
        same_places.append(place)
    for found, (same_values, same_places) in by_type.items():
        _entered(run, field, found, same_values, same_places)


async def _awaited(name: Any) -> Any:
    return await name if is_awaitable(name) else name


def _lists(complete: Complete, field: Field) -> Enter:
    flatten = _flattening(complete, field)

    async def flatten_later(run: Run, value: AsyncIterable[Any], place: Place) -> None:
        try:
            found = [item async for item in value]
        except Exception as error:
            run.fail(error, field.nodes, place)
            return
        flatten(run, [found], [place])
        await run.rest()

    def enter(run: Run, values: list[Any], places: list[Place]) -> None:
        if not any(hasattr(value, "__aiter__") for value in values):
            flatten(run, values, places)
            return
        now = []
        for slot in zip(values, places, strict=True):
            if hasattr(slot[0], "__aiter__"):
                run.later.append(flatten_later(run, *slot))
            else:
                now.append(slot)
        flatten(run, [value for value, _ in now], [place for _, place in now])

    return enter


def _flattening(complete: Complete, field: Field) -> Callable[[Run, Iterable[Any], Iterable[Place]], None]:
    """What completes the items of many lists as one level."""

    def flatten(run: Run, values: Iterable[Any], places: Iterable[Place]) -> None:
        items: list[Any] = []
        holders: list[list[Any]] = []
        keys: list[int] = []
        around: list[Place] = []
        for value, place in zip(values, places, strict=True):
            try:
                found = value if type(value) is list else list(_iterable(value, field))
            except Exception as error:
                run.fail(error, field.nodes, place)
                continue
            out = place[2][place[1]] = [None] * len(found)
            items += found
            holders += [out] * len(found)
            keys += range(len(found))
            around += [place] * len(found)
        settle(run, complete, items, holders, keys, around)

    return flatten


def _iterable(value: Any, field: Field) -> Iterable[Any]:
    if not is_iterable(value):
        name = f"{field.kind}.{field.nodes[0].name.value}"
        raise GraphQLError(f"Expected Iterable, but did not find one for field '{name}'.")
    return value
