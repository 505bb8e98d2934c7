"""Runs operations: parse, measure, validate, compile, execute; all but measuring is done once for a document."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    create_source_event_stream,
    execute,
    get_named_type,
    parse,
    validate,
    visit,
)

from mercato.kit.errors import InvalidArgument, MercatoError
from mercato.kit.logging import Logger
from mercato.services.gateway.graph import failures
from mercato.services.gateway.graph.context import Context
from mercato.services.gateway.graph.plan import Plan
from mercato.services.gateway.graph.shared import EventContext, SharedAnswers, key_of
from mercato.services.gateway.model import limits
from mercato.services.gateway.model.limits import Limits

Json = dict[str, Any]

_MOST_TOKENS = 10_000
_LONGEST_QUERY = 100_000
_MOST_KEPT = 1000
_LONGEST_KEPT = 20_000
_MOST_ERRORS = 20
_MOVING = {"ReadPoint", "Finality"}


class Request(NamedTuple):
    """A GraphQL request as any transport carries it; `variables` are raw JSON values. `query` may be empty when
    `sha256` names a document (see documents.py)."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]
    sha256: str = ""


class Operation(NamedTuple):
    """A request that may run: its document is valid and within the limits."""

    document: DocumentNode
    node: OperationDefinitionNode
    request: Request
    plan: Plan | None
    """None for what the reference executor runs: mutations, introspection (see plan/coverage.py)."""

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def label(self) -> str:
        """For traces: ``query Holdings``."""
        name = self.node.name.value if self.node.name else "anonymous"
        return f"{self.kind.value} {name}"


class _Kept(NamedTuple):
    """A valid document and the plans of its operations, by the name they were asked for."""

    document: DocumentNode
    plans: dict[str | None, Plan | None]
    moving: bool
    """Whether it shows what moves on without any row changing: the block that rows are true at."""
    lasting: dict[str | None, bool]


class Engine:
    """One schema and its limits."""

    def __init__(self, schema: GraphQLSchema, most: Limits, logger: Logger) -> None:
        self._schema = schema
        self._limits = most
        self._log = logger
        self._documents: OrderedDict[str, _Kept] = OrderedDict()
        self._shared = SharedAnswers()

    def prepare(self, request: Request) -> Operation:
        """Raises `InvalidArgument` with the first reason why the request cannot run."""
        kept = self._documents.get(request.query)
        document = kept.document if kept is not None else self._parse(request.query)
        node = _operation_of(document, request.operation_name)
        limits.check(self._schema, document, node, request.variables, self._limits)
        if kept is None:
            self._validate(document)
            kept = self._keep(request.query, document)
        else:
            self._documents.move_to_end(request.query)
        return Operation(document, node, request, self._plan(kept, node, request.operation_name))

    def is_lasting(self, request: Request) -> bool:
        """Whether its answer stays as it is until a row changes: no mutation, and nothing that moves by itself.

        Raises what `prepare` raises, for a document that was not seen before.
        """
        kept = self._documents.get(request.query)
        if kept is None:
            self.prepare(request)
            kept = self._documents.get(request.query)
        if kept is None or kept.moving:
            return False
        name = request.operation_name
        if name not in kept.lasting:
            kept.lasting[name] = _operation_of(kept.document, name).operation is OperationType.QUERY
        return kept.lasting[name]

    def _keep(self, query: str, document: DocumentNode) -> _Kept:
        kept = _Kept(document, {}, not _MOVING.isdisjoint(_shown_types(self._schema, document)), {})
        if len(query) <= _LONGEST_KEPT:
            self._documents[query] = kept
        if len(self._documents) > _MOST_KEPT:
            self._documents.popitem(last=False)
        return kept

    def _plan(self, kept: _Kept, node: OperationDefinitionNode, name: str | None) -> Plan | None:
        if name not in kept.plans:
            kept.plans[name] = Plan.find(self._schema, kept.document, node)
        return kept.plans[name]

    async def execute(self, operation: Operation, context: Context) -> Json:
        """The answer of a query or mutation. Never raises."""
        return await self._execute(operation, context, None)

    async def stream(self, operation: Operation, context: Context) -> AsyncGenerator[bytes, None]:
        """The JSON of an answer for each event of a subscription. Raises the `MercatoError` that ends or refuses it."""
        executor = Executor.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(operation.request.variables),
            operation_name=operation.request.operation_name,
        )
        if isinstance(executor, list):
            raise _refused(executor, failures.VARIABLES_INVALID)
        source = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise self._refusal(source)
        async with aclosing(aiter(source)) as events:  # type: ignore[type-var]
            variables = key_of(operation.request.variables)
            async for event in events:
                yield await self._answer(operation, context, event, variables)

    async def _answer(self, operation: Operation, context: Context, event: object, variables: bytes) -> bytes:
        """Rendered once for all who asked the same of this event, where only the event decides it."""
        kept = self._shared.find(operation.plan, event, variables)
        if kept is not None:
            return kept
        of_event = EventContext(context)
        result = await self._execute(operation, of_event, event)
        answer = orjson.dumps(result)
        # An error names the request that met it, and only a plan tells one question from another.
        if operation.plan is not None and not of_event.asked and "errors" not in result:
            self._shared.keep(operation.plan, event, variables, answer)
        return answer

    def _refusal(self, result: ExecutionResult) -> MercatoError:
        error = (result.errors or [GraphQLError("the subscription could not start")])[0]
        if failures.cause_of(error) is None:
            return failures.request_failure(error, failures.VARIABLES_INVALID)
        known, unexpected = failures.field_failure(error)
        if unexpected is not None:
            self._log.error("subscription failed", error=repr(unexpected), exc_info=unexpected)
        return known

    async def _execute(self, operation: Operation, context: Context | EventContext, root: object) -> Json:
        if operation.plan is not None:
            return self._rendered(await operation.plan.execute(root, context, operation.request.variables))
        result = execute(
            self._schema,
            operation.document,
            root_value=root,
            context_value=context,
            variable_values=dict(operation.request.variables),
            operation_name=operation.request.operation_name,
        )
        if isawaitable(result):
            result = await result
        return self._rendered(result)

    def _rendered(self, result: ExecutionResult) -> Json:
        if not result.errors:
            return {"data": result.data}
        if result.data is None and all(error.path is None for error in result.errors):
            # Variables that do not fit: nothing ran, so there is no `data` to speak of.
            return {"errors": _refused(result.errors, failures.VARIABLES_INVALID).entries}
        return {"data": result.data, "errors": [failures.formatted_field(e, self._log) for e in result.errors]}

    def _parse(self, query: str) -> DocumentNode:
        if len(query) > _LONGEST_QUERY:
            raise InvalidArgument("QUERY_TOO_LARGE", f"a query may have {_LONGEST_QUERY} characters")
        try:
            document = parse(query, max_lexical_tokens=_MOST_TOKENS, max_comments=_MOST_TOKENS)
        except GraphQLError as error:
            if error.message.endswith("Parsing aborted."):  # too many tokens, or nested too deeply
                raise InvalidArgument("QUERY_TOO_LARGE", error.message) from None
            raise _refused([error], failures.PARSE_FAILED) from None
        if "\\u" in query:
            _refuse_nul(document)
        return document

    def _validate(self, document: DocumentNode) -> None:
        errors = validate(self._schema, document, max_errors=_MOST_ERRORS)
        if errors:
            raise _refused(errors, failures.VALIDATION_FAILED)


class RequestRefused(InvalidArgument):
    """A document that cannot run; `entries` are its rendered errors, with their places."""

    def __init__(self, first: MercatoError, entries: list[Json]) -> None:
        super().__init__(first.reason, first.message, **first.details)
        self.entries = entries


def _refused(errors: Sequence[GraphQLError], otherwise: str) -> RequestRefused:
    known = [failures.request_failure(error, otherwise) for error in errors]
    return RequestRefused(known[0], [failures.formatted(k, e) for k, e in zip(known, errors, strict=True)])


def entries_of(error: MercatoError) -> list[Json]:
    """The `errors` of an answer that consists of one refusal."""
    return error.entries if isinstance(error, RequestRefused) else [failures.formatted(error)]


def _shown_types(schema: GraphQLSchema, document: DocumentNode) -> set[str]:
    """The types of all fields that a valid document asks for."""
    types, shown = TypeInfo(schema), set[str]()

    class Fields(Visitor):
        def enter_field(self, *_: object) -> None:
            if kind := get_named_type(types.get_type()):
                shown.add(kind.name)

    visit(document, TypeInfoVisitor(types, Fields()))
    return shown


def _refuse_nul(document: DocumentNode) -> None:
    """Holds the document's own texts to the rule of all others (see http/bodies.py): a NUL can be written in them, but
    as an escape only. Raises `InvalidArgument` INVALID_TEXT."""

    class Texts(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: object) -> None:
            if "\0" in node.value:
                raise InvalidArgument("INVALID_TEXT", "text must not contain the NUL character")

    visit(document, Texts())


def _operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is not None:
        found = [d for d in found if d.name is not None and d.name.value == name]
    if not found:
        what = f"no operation {name[:100]!r}" if name is not None else "no operation"
        raise InvalidArgument("OPERATION_UNKNOWN", f"the document has {what}")
    if len(found) > 1:
        raise InvalidArgument("OPERATION_AMBIGUOUS", "the document has several operations; send operationName")
    return found[0]
