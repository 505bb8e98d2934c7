"""What a plan covers, and what is known of it beyond giving the reference executor's answers."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode, build_schema, parse

from mercato.services.gateway.graph.plan import Plan
from mercato.services.gateway.graph.schema import build_schema as market_schema

SDL = """
type Item { id: Int! name: String next: Item must: Item! slow: Item }
type Query { items: [Item] item: Item }
type Mutation { change: Int }
"""


def find(schema: GraphQLSchema, query: str) -> Plan | None:
    document = parse(query)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return Plan.find(schema, document, operation)


async def run(schema: GraphQLSchema, query: str, root: object = None, **variables: Any) -> ExecutionResult:
    plan = find(schema, query)
    assert plan is not None
    return await plan.execute(root, None, variables)


@pytest.mark.parametrize(
    "query",
    [
        "mutation { change }",
        "{ __schema { types { name } } }",
        '{ item { ...F } } fragment F on Item { t: __type(name: "Item") { name } }',
        "query @experimental_disableErrorPropagation { item { id } }",
        "{ items { id @stream } }",
    ],
)
def test_what_a_plan_does_not_cover_has_none(query: str) -> None:
    assert find(build_schema(SDL), query) is None


def test_types_that_tell_their_own_values_are_not_covered() -> None:
    schema = build_schema(SDL)
    schema.type_map["Item"].is_type_of = lambda *_: True  # type: ignore[attr-defined]
    assert find(schema, "{ item { id } }") is None


def test_the_marketplace_is_covered() -> None:
    schema = market_schema()
    assert find(schema, "query ($n: Int) { tokens(first: $n) { nodes { id collection { name } } } }") is not None
    assert find(schema, "subscription { feed { __typename } }") is not None


async def test_keys_have_the_order_of_the_document_whatever_comes_first() -> None:
    async def slow(*_: object) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"id": 2}

    schema = build_schema(SDL)
    schema.type_map["Item"].fields["slow"].resolve = slow  # type: ignore[attr-defined]
    found = await run(schema, "{ item { slow { id } id __typename name } }", {"item": {"id": 1, "name": "one"}})
    assert repr(found.data) == "{'item': {'slow': {'id': 2}, 'id': 1, '__typename': 'Item', 'name': 'one'}}"


async def test_a_finished_run_holds_nothing() -> None:
    """Without a search for cycles, which would stop every other request."""

    class Asker:
        """Stands for the context, and so for all that a request is made of."""

    asker = Asker()
    gone = weakref.ref(asker)
    plan = find(build_schema(SDL), "{ item { id next { id } } items { id } }")
    assert plan is not None
    gc.disable()
    try:
        found = await plan.execute({"item": {"id": 1}, "items": [{"id": 2}]}, asker, {})
        del asker
        assert found.data == {"item": {"id": 1, "next": None}, "items": [{"id": 2}]}
        assert gone() is None
    finally:
        gc.enable()


async def test_a_run_that_is_cancelled_at_once_drops_no_resolver_unbegun(recwarn: pytest.WarningsRecorder) -> None:
    schema, begun = build_schema(SDL), list[str]()
    for name in ("item", "items"):

        async def resolve(*_: object, name: str = name) -> None:
            begun.append(name)
            await asyncio.sleep(60)

        schema.query_type.fields[name].resolve = resolve  # type: ignore[union-attr]
    plan = find(schema, "{ item { id } items { id } more: item { id } }")
    assert plan is not None
    for turns in range(6):
        running = asyncio.create_task(plan.execute(None, None, {}))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()
        gc.collect()
    assert begun
    assert [str(warning.message) for warning in recwarn if "never awaited" in str(warning.message)] == []


async def test_a_null_that_several_failures_made_has_one_error() -> None:
    found = await run(build_schema(SDL), "{ item { name must { id } id } }", {"item": {"name": object()}})
    assert found.data == {"item": None}
    assert [error.path for error in found.errors or []] == [["item", "must"]]
    assert [error.message for error in found.errors or []] == ["Cannot return null for non-nullable field Item.must."]


async def test_a_field_is_resolved_for_all_objects_before_any_goes_on() -> None:
    seen: list[int] = []
    schema = build_schema(SDL)

    async def follow(source: dict[str, Any], _: object) -> dict[str, Any]:
        seen.append(source["id"])
        await asyncio.sleep(0)
        return {"id": source["id"] + 10}

    schema.type_map["Item"].fields["slow"].resolve = follow  # type: ignore[attr-defined]
    root = {"items": [{"id": 1}, {"id": 2}]}
    found = await run(schema, "{ items { slow { slow { id } } } }", root)
    assert found.data == {"items": [{"slow": {"slow": {"id": 21}}}, {"slow": {"slow": {"id": 22}}}]}
    assert seen == [1, 2, 11, 12]


async def test_a_slow_field_does_not_hold_up_what_is_below_a_quick_one() -> None:
    schema, released = build_schema(SDL), asyncio.Event()

    async def wait(source: dict[str, Any], _: object) -> None:
        await asyncio.wait_for(released.wait(), 5)

    async def quick(source: dict[str, Any], _: object) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"id": 2}

    schema.type_map["Item"].fields["slow"].resolve = wait  # type: ignore[attr-defined]
    schema.type_map["Item"].fields["next"].resolve = quick  # type: ignore[attr-defined]
    schema.type_map["Item"].fields["name"].resolve = lambda *_: released.set()  # type: ignore[attr-defined]
    found = await run(schema, "{ item { slow { id } next { next { name } } } }", {"item": {"id": 1}})
    assert found.data == {"item": {"slow": None, "next": {"next": {"name": None}}}}
    assert found.errors is None


async def test_one_plan_serves_all_variables() -> None:
    plan = find(build_schema(SDL), "query ($no: Boolean!) { item { id name @skip(if: $no) } }")
    assert plan is not None
    root = {"item": {"id": 1, "name": "one"}}
    for no, expected in ((True, {"id": 1}), (False, {"id": 1, "name": "one"}), (True, {"id": 1})):
        found = await plan.execute(root, None, {"no": no})
        assert found.data == {"item": expected}
    refused = await plan.execute(root, None, {})
    assert refused.data is None
    assert [e.message for e in refused.errors or []] == [
        "Variable '$no' has invalid value: Expected a value of non-null type 'Boolean!' to be provided."
    ]


async def test_a_cancelled_query_cancels_its_resolvers() -> None:
    schema, ended = build_schema(SDL), []

    async def forever(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    schema.type_map["Item"].fields["slow"].resolve = forever  # type: ignore[attr-defined]
    root = {"items": [{"id": 1}, {"id": 2}]}
    task = asyncio.ensure_future(run(schema, "{ items { slow { id } } }", root))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert ended == [True, True]
