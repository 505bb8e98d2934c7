"""Which operations a plan may run; all others are the reference executor's."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    VariableNode,
)

_KNOWN_DIRECTIVES = {"skip", "include"}
_CONDITIONS = ("skip", "include")


def covers(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Whether a plan gives what the reference executor would.

    Not covered: mutations, whose root fields run one after the other; introspection; directives other than `@skip`
    and `@include` (`@defer`, `@stream`, switched-off error propagation); fragments with variables; and schemas whose
    object types tell their values with `is_type_of`.
    """
    if operation.operation is OperationType.MUTATION or operation.directives:
        return False
    if any(isinstance(kind, GraphQLObjectType) and kind.is_type_of for kind in schema.type_map.values()):
        return False
    if any(isinstance(d, FragmentDefinitionNode) and d.variable_definitions for d in document.definitions):
        return False
    return all(map(_is_plain, _selections(document)))


def conditions(document: DocumentNode) -> list[str]:
    """The names of the variables that decide what is selected."""
    names = {
        argument.value.name.value
        for selection in _selections(document)
        for directive in _directives(selection)
        if directive.name.value in _CONDITIONS
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return sorted(names)


def _is_plain(selection: SelectionNode) -> bool:
    if any(directive.name.value not in _KNOWN_DIRECTIVES for directive in _directives(selection)):
        return False
    if not isinstance(selection, FieldNode):
        return True
    name = selection.name.value
    return name == "__typename" or not name.startswith("__")


def _directives(selection: SelectionNode) -> tuple[DirectiveNode, ...]:
    if isinstance(selection, FieldNode | FragmentSpreadNode | InlineFragmentNode):
        return tuple(selection.directives or ())
    return ()


def _selections(document: DocumentNode) -> Iterator[SelectionNode]:
    """Every selection of the document, each once: fragments are visited where they are defined."""
    below = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while below:
        for selection in below.pop().selections:
            yield selection
            if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                below.append(selection.selection_set)
