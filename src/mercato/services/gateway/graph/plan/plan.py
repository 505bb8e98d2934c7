"""A compiled operation: its selections by what `@skip` and `@include` left of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Self

from graphql import DocumentNode, ExecutionResult, Executor, GraphQLSchema, OperationDefinitionNode, execute
from graphql.execution.collect_fields import collect_fields
from graphql.pyutils import is_awaitable

from mercato.services.gateway.graph.plan.coverage import conditions, covers
from mercato.services.gateway.graph.plan.fields import Selection
from mercato.services.gateway.graph.plan.run import Run

_MOST_VARIANTS = 16


class Plan:
    """One operation of a valid document. Selections are compiled when first run and kept.

    Arguments are coerced anew in each run, so that one plan serves all variables; only those that decide what is
    selected lead to a variant of their own.
    """

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, name: str | None, conditions: Sequence[str]
    ) -> None:
        self._schema = schema
        self._document = document
        self._name = name
        self._conditions = conditions
        self._variants: OrderedDict[tuple[bool, ...], Selection] = OrderedDict()

    @classmethod
    def find(cls, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Self | None:
        """The plan of an operation of a document that passed validation; None for what a plan does not cover."""
        if not covers(schema, document, operation):
            return None
        defined = {definition.variable.name.value for definition in operation.variable_definitions or ()}
        name = operation.name.value if operation.name else None
        return cls(schema, document, name, [c for c in conditions(document) if c in defined])

    async def execute(self, root: object, context: object, variables: Mapping[str, Any]) -> ExecutionResult:
        """Runs the operation as `graphql.execute` would. `variables` are raw JSON values."""
        executor = Executor.build(
            self._schema, self._document, root, context, dict(variables), operation_name=self._name
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        values = executor.variable_values.coerced
        wanted = tuple(values.get(name) for name in self._conditions)
        run = Run(executor)
        selection = self._selection(run, wanted)
        if selection is None:
            return await self._reference(root, context, variables)
        out = selection.template.copy()
        try:
            selection.execute(run, [root], [out], [None])
            await run.rest()
        finally:
            run.close()
            # They hold the executor that holds them, and with it all that the request was made of, until somebody
            # searches for cycles, which stops every other request.
            del executor.async_helpers
        return run.result(out)

    def _selection(self, run: Run, wanted: tuple[Any, ...]) -> Selection | None:
        """None when a condition is no boolean: an operation that was not given a variable it may leave out, whose
        failure is the reference executor's to tell."""
        found = self._variants.get(wanted)
        if found is not None:
            self._variants.move_to_end(wanted)
            return found
        if not all(isinstance(value, bool) for value in wanted):
            return None
        executor = run.executor
        root_type = executor.schema.get_root_type(executor.operation.operation)
        if root_type is None:
            return None
        collected = collect_fields(
            executor.schema, executor.fragments, executor.variable_values, root_type, executor.operation
        )
        found = self._variants[wanted] = Selection(run, root_type, collected.grouped_field_set)
        if len(self._variants) > _MOST_VARIANTS:
            self._variants.popitem(last=False)
        return found

    async def _reference(self, root: object, context: object, variables: Mapping[str, Any]) -> ExecutionResult:
        result = execute(self._schema, self._document, root, context, dict(variables), operation_name=self._name)
        return await result if is_awaitable(result) else result  # type: ignore[return-value]
