"""CPU time of a page of tokens by the compiled plan, beside graphql-core on the same schema, resolvers and loader.

    python -m bench.plan

50 tokens with 8 fields each, one of them an owner with 3 fields by a batching loader: 550 values. In process, parsed
and validated before; the executors take turns, and the best of the rounds counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode, build_schema, execute, parse
from graphql.pyutils import is_awaitable

from mercato.services.gateway.graph.loaders import Loader
from mercato.services.gateway.graph.plan import Plan

_SDL = """
type Owner { id: ID! handle: String name: String }
type Token {
  id: ID! number: String! name: String image: String standard: String! supply: Int! burned: Boolean! owner: Owner
}
type Query { tokens(first: Int!): [Token!]! }
"""
_QUERY = parse(
    "query ($n: Int!) { tokens(first: $n) { id number name image standard supply burned owner { id handle name } } }"
)
_VARIABLES = {"n": 50}
_ROUNDS, _RUNS = 15, 20

Run = Callable[[Any], Awaitable[ExecutionResult]]


class _Owner(msgspec.Struct):
    id: str
    handle: str
    name: str


class _Token(msgspec.Struct):
    id: str
    number: str
    name: str | None
    image: str
    standard: str
    supply: int
    burned: bool
    owner_id: int


_OWNERS = {i: _Owner(f"user:{i}", f"handle{i}", f"Name {i}") for i in range(20)}
_TOKENS = [
    _Token(f"token:{i}", str(10**20 + i), f"Token {i}", f"/media/{i}", "ERC721", 1, False, i % 20) for i in range(50)
]


async def _fetch(keys: Sequence[int]) -> Mapping[int, _Owner]:
    return {key: _OWNERS[key] for key in keys}


def _schema() -> GraphQLSchema:
    schema = build_schema(_SDL)

    async def tokens(_: object, _info: Any, first: int) -> list[_Token]:
        return _TOKENS[:first]

    async def owner(obj: _Token, info: Any) -> _Owner | None:
        found: _Owner | None = await info.context.find(obj.owner_id)
        return found

    schema.type_map["Query"].fields["tokens"].resolve = tokens  # type: ignore[attr-defined]
    schema.type_map["Token"].fields["owner"].resolve = owner  # type: ignore[attr-defined]
    return schema


def _executors() -> tuple[Run, Run]:
    schema = _schema()
    operation = _QUERY.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    plan = Plan.find(schema, _QUERY, operation)
    assert plan is not None

    async def compiled(loader: object) -> ExecutionResult:
        return await plan.execute(None, loader, _VARIABLES)

    async def reference(loader: object) -> ExecutionResult:
        result = execute(schema, _QUERY, None, loader, _VARIABLES)
        found = await result if is_awaitable(result) else result
        assert isinstance(found, ExecutionResult)
        return found

    return compiled, reference


async def _cpu_microseconds(run: Run) -> float:
    started = time.process_time()
    for _ in range(_RUNS):
        await run(Loader(_fetch))
    return (time.process_time() - started) / _RUNS * 1e6


async def main() -> None:
    """The command."""
    compiled, reference = _executors()
    ours, theirs = await compiled(Loader(_fetch)), await reference(Loader(_fetch))
    if ours != theirs or ours.errors:
        raise RuntimeError("the executors do not answer the same")
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        best = [min(b, await _cpu_microseconds(run)) for b, run in zip(best, (compiled, reference), strict=True)]
    print(f"FIGURE plan {best[0]:.0f} cpu-µs/query")
    print(f"FIGURE graphql_core {best[1]:.0f} cpu-µs/query")
    print(f"RATIO plan_vs_graphql_core {best[1] / best[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
