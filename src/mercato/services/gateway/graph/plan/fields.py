"""The steps of a plan: a selection on one type, and each of its fields, for all objects of a level at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from graphql.execution.collect_fields import FieldDetails, collect_subfields
from graphql.execution.values import get_argument_values

from mercato.services.gateway.graph.plan import completion
from mercato.services.gateway.graph.plan.run import Place, Run
from mercato.services.gateway.graph.plan.values import are_plain, attribute_of, reader

Grouped = dict[str, list[FieldDetails]]


class Selection:
    """The fields asked of one object type."""

    __slots__ = ("fields", "template")

    def __init__(self, run: Run, kind: GraphQLObjectType, grouped: Grouped) -> None:
        self.template: dict[str, Any] = {}
        """An answer without its values: names in the order of the document."""
        self.fields: list[Field] = []
        for name, details in grouped.items():
            if details[0].node.name.value == "__typename":
                self.template[name] = kind.name
                continue
            definition = run.executor.schema.get_field(kind, details[0].node.name.value)
            if definition is not None:
                self.template[name] = None
                self.fields.append(Field(name, kind, definition, details))

    def execute(
        self, run: Run, sources: Sequence[Any], outs: Sequence[dict[str, Any]], places: Sequence[Place | None]
    ) -> None:
        """Fills `outs`, made from the template, as far as it goes without waiting; the rest is in `run.later`."""
        for field in self.fields:
            field.execute(run, sources, outs, places)


class Field:
    """One field of a selection; merged from all nodes that ask for it."""

    __slots__ = ("_complete", "_kinds", "_read", "_resolve", "definition", "details", "kind", "name", "nodes")

    def __init__(
        self, name: str, kind: GraphQLObjectType, definition: GraphQLField, details: list[FieldDetails]
    ) -> None:
        self.name = name
        self.kind = kind
        self.definition = definition
        self.nodes: list[FieldNode] = [d.node for d in details]
        self.details = details
        attribute = attribute_of(self.nodes[0].name.value, definition)
        self._read = reader(attribute) if attribute is not None else None
        self._resolve = definition.resolve
        self._kinds: dict[GraphQLObjectType, Selection] = {}
        self._complete = completion.compiled(definition.type, self)

    def execute(
        self, run: Run, sources: Sequence[Any], outs: Sequence[dict[str, Any]], places: Sequence[Place | None]
    ) -> None:
        """Resolves the field on every source and completes what needs no waiting."""
        completion.settle(run, self._complete, self._values(run, sources), outs, repeat(self.name), places)

    def selection(self, run: Run, kind: GraphQLObjectType) -> Selection:
        """What is asked of the field's values of a type; compiled when the first one comes."""
        found = self._kinds.get(kind)
        if found is None:
            executor = run.executor
            collected = collect_subfields(
                executor.schema, executor.fragments, executor.variable_values, executor.operation, kind, self.details
            )
            found = self._kinds[kind] = Selection(run, kind, collected.grouped_field_set)
        return found

    def info(self, run: Run) -> Any:
        """What resolvers see. It has no `path`: one call of this serves all objects of a level."""
        return run.executor.build_resolve_info(self.definition, self.nodes, self.kind, None)  # type: ignore[arg-type]

    def _values(self, run: Run, sources: Sequence[Any]) -> list[Any]:
        """What the resolver gave for each source; what it raised stands in the place of a value."""
        if self._read is not None:
            # When it raises, the resolver, asked for one object after the other, tells which and why.
            with suppress(Exception):
                values = self._read(sources)
                if are_plain(values):
                    return values
        return self._resolved(run, sources)

    def _resolved(self, run: Run, sources: Sequence[Any]) -> list[Any]:
        resolve = self._resolve or run.executor.field_resolver
        info = self.info(run)
        values: list[Any] = []
        try:
            arguments = self._arguments(run)
        except Exception as error:
            return [error] * len(sources)
        for source in sources:
            try:
                values.append(resolve(source, info, **arguments))
            except Exception as error:
                values.append(error)
        return values

    def _arguments(self, run: Run) -> dict[str, Any]:
        if not self.definition.args:
            return {}
        return get_argument_values(self.definition, self.nodes[0], run.executor.variable_values)
