"""How much one query may ask for: size, depth, aliases and cost, measured on the document before anything runs.

Cost counts values and reads: each field is 1, a field that reads from a service on its own is `READ` more, and a
list multiplies what is below it by the rows it may have. Conditions (`@skip`, `@include`) are not looked at, so the
figure is an upper bound. Introspection is left to graphql-core's own rule.

On their own read a root field, and a field with `first`, whose page has a place of its own in each row; `ids` are a
read for each kind of thing they may name. All other relations are loaded for all rows together (graph/loaders.py), or
came with their object: these are values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

from mercato.kit.cursors import DEFAULT_PAGE
from mercato.kit.errors import InvalidArgument

READ = 100
"""Cost of one call to a service."""

_MOST_NESTED = 100
"""Selections inside of one another, fragments counted: validation and execution go down as far as this, level by level
of our own stack, whatever the depth of the fields is."""

_LONGEST_NUMBER = 19
"""Digits of a number that are looked at: more are beyond every limit, and beyond what Python turns into an `int`."""

_SHORT_LIST = 5
"""Rows assumed of a list that has no `first`: traits, roles, timelines."""


class Limits(NamedTuple):
    """What one operation may use at most."""

    depth: int
    cost: int
    aliases: int
    page: int
    selections: int = 600


class Usage(NamedTuple):
    """What one operation uses at most: levels of fields, cost units, aliased fields."""

    depth: int
    cost: int
    aliases: int


class _Measure:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        limits: Limits,
    ) -> None:
        self._schema = schema
        self._variables = variables
        # A default cannot name another variable, so looking one up ends.
        self._defaults = {d.variable.name.value: d.default_value for d in operation.variable_definitions or ()}
        self._limits = limits
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        # None while a fragment is being measured: a cycle counts nothing here and validation names it.
        self._measured: dict[str, Usage | None] = {}
        self._heights: dict[str, int] = {}
        self._nested = self._deepest = 0

    def selection_set(self, node: SelectionSetNode, parent: GraphQLCompositeType | None, level: int) -> Usage:
        if level > self._limits.depth:
            raise _too_deep(self._limits)
        self._reach(1)
        self._nested += 1
        used = self._selections(node, parent, level)
        self._nested -= 1
        return used

    def _reach(self, levels: int) -> None:
        """Notes selections that go so many levels down from here."""
        self._deepest = max(self._deepest, self._nested + levels)
        if self._deepest > _MOST_NESTED:
            raise InvalidArgument(
                "QUERY_TOO_DEEP",
                f"fragments and fields may be nested {_MOST_NESTED} deep; flatten the query",
                limit=str(_MOST_NESTED),
            )

    def _selections(self, node: SelectionSetNode, parent: GraphQLCompositeType | None, level: int) -> Usage:
        depth = cost = aliases = 0
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                used = self._field(selection, parent, level)
            elif isinstance(selection, FragmentSpreadNode):
                used = self._spread(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                used = self.selection_set(selection.selection_set, self._condition(selection, parent), level)
            else:
                continue
            depth = max(depth, used.depth)
            cost += used.cost
            aliases += used.aliases
        return Usage(depth, cost, aliases)

    def _field(self, node: FieldNode, parent: GraphQLCompositeType | None, level: int) -> Usage:
        aliased = int(node.alias is not None)
        if node.name.value.startswith("__"):
            return Usage(1, READ if node.selection_set else 1, aliased)
        definition = _definition(parent, node.name.value)
        own = 1 + READ * self._calls(node, definition, parent)
        if node.selection_set is None:
            return Usage(1, own, aliased)
        kind = get_named_type(definition.type) if definition is not None else None
        below = self.selection_set(node.selection_set, kind if is_composite_type(kind) else None, level + 1)
        rows = self._rows(node, definition, parent)
        return Usage(below.depth + 1, own + rows * below.cost, below.aliases + aliased)

    def _spread(self, name: str) -> Usage:
        if name in self._measured:
            self._reach(self._heights.get(name, 0))
            return self._measured[name] or Usage(0, 0, 0)
        fragment = self._fragments.get(name)
        if fragment is None:
            return Usage(0, 0, 0)
        self._measured[name] = None
        before, self._deepest = self._deepest, self._nested
        kind = self._schema.get_type(fragment.type_condition.name.value)
        used = self.selection_set(fragment.selection_set, kind if is_composite_type(kind) else None, 1)
        self._measured[name] = used
        self._heights[name] = self._deepest - self._nested
        self._deepest = max(before, self._deepest)
        return used

    def _condition(self, node: InlineFragmentNode, parent: GraphQLCompositeType | None) -> GraphQLCompositeType | None:
        if node.type_condition is None:
            return parent
        kind = self._schema.get_type(node.type_condition.name.value)
        return kind if is_composite_type(kind) else None

    def _calls(self, node: FieldNode, definition: GraphQLField | None, parent: GraphQLCompositeType | None) -> int:
        if definition is None:
            return 0
        if "ids" in definition.args:
            kind = get_named_type(definition.type)
            kinds = len(self._schema.get_possible_types(kind)) if is_abstract_type(kind) else 1
            return min(self._rows(node, definition, parent), kinds)
        roots = (self._schema.query_type, self._schema.mutation_type, self._schema.subscription_type)
        return int(parent in roots or "first" in definition.args)

    def _rows(self, node: FieldNode, definition: GraphQLField | None, parent: GraphQLCompositeType | None) -> int:
        if definition is None or (parent is not None and parent.name.endswith("Connection")):
            # The rows of a connection were counted at the field with `first`.
            return 1
        arguments = {a.name.value: a.value for a in node.arguments or ()}
        if "first" in definition.args:
            return min(max(self._number(arguments.get("first")), 1), self._limits.page)
        if "ids" in definition.args:
            return self._length(arguments.get("ids"))
        kind = definition.type.of_type if is_non_null_type(definition.type) else definition.type
        return _SHORT_LIST if is_list_type(kind) else 1

    def _number(self, value: ValueNode | None) -> int:
        given = self._given(value)
        return given if isinstance(given, int) else DEFAULT_PAGE

    def _length(self, value: ValueNode | None) -> int:
        given = self._given(value)
        return max(len(given), 1) if isinstance(given, list | tuple) else 1

    def _given(self, value: ValueNode | None) -> object:
        if isinstance(value, VariableNode):
            name = value.name.value
            return self._variables[name] if name in self._variables else self._given(self._defaults.get(name))
        if isinstance(value, IntValueNode):
            return int(value.value[:_LONGEST_NUMBER])
        return value.values if isinstance(value, ListValueNode) else None


def check(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    limits: Limits,
) -> Usage:
    """What `operation` may use, measured; no variable need have the right type yet.

    Raises `InvalidArgument` TOO_MANY_SELECTIONS, QUERY_TOO_DEEP, TOO_MANY_ALIASES or QUERY_TOO_COSTLY with `limit` and,
    where it was counted to the end, `found`.
    """
    _check_size(document, limits)
    root = schema.get_root_type(operation.operation)
    used = _Measure(schema, document, operation, variables, limits).selection_set(operation.selection_set, root, 1)
    if used.depth > limits.depth:
        raise _too_deep(limits)
    if used.aliases > limits.aliases:
        raise InvalidArgument(
            "TOO_MANY_ALIASES",
            f"the query has {used.aliases} aliases, {limits.aliases} are allowed; split it",
            limit=str(limits.aliases),
            found=str(used.aliases),
        )
    if used.cost > limits.cost:
        raise InvalidArgument(
            "QUERY_TOO_COSTLY",
            f"the query may cost {used.cost}, {limits.cost} is allowed; ask for fewer rows or fields",
            limit=str(limits.cost),
            found=str(used.cost),
        )
    return used


def _check_size(document: DocumentNode, limits: Limits) -> None:
    """Validation compares selections with one another: what a document writes is bounded before it."""
    found = 0
    waiting: list[SelectionSetNode] = [
        d.selection_set for d in document.definitions if isinstance(d, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while waiting:
        selections = waiting.pop().selections
        found += len(selections)
        if found > limits.selections:
            raise InvalidArgument(
                "TOO_MANY_SELECTIONS",
                f"a document may write {limits.selections} fields and fragments; split it",
                limit=str(limits.selections),
            )
        waiting += [
            s.selection_set for s in selections if isinstance(s, FieldNode | InlineFragmentNode) and s.selection_set
        ]


def _definition(parent: GraphQLCompositeType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        found: GraphQLField | None = parent.fields.get(name)
        return found
    return None


def _too_deep(limits: Limits) -> InvalidArgument:
    return InvalidArgument(
        "QUERY_TOO_DEEP", f"fields may be nested {limits.depth} deep; flatten the query", limit=str(limits.depth)
    )
