"""What a query may ask for is measured before it runs."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLObjectType, OperationDefinitionNode, parse

from mercato.kit.errors import InvalidArgument
from mercato.services.gateway.graph.schema import build_schema
from mercato.services.gateway.model import limits
from mercato.services.gateway.model.limits import READ, Limits, Usage

SCHEMA = build_schema()
ROOMY = Limits(depth=50, cost=10**12, aliases=10**6, page=100, selections=10**6)


def used(query: str, variables: Mapping[str, Any] | None = None, most: Limits = ROOMY) -> Usage:
    document = parse(query)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return limits.check(SCHEMA, document, operation, variables or {}, most)


def test_a_field_costs_one_and_a_read_more() -> None:
    assert used("{ __typename }") == Usage(1, 1, 0)
    assert used('{ chain(chainId: "eip155:1") { name number } }') == Usage(2, 1 + READ + 2, 0)


@pytest.mark.parametrize(
    ("arguments", "variables", "rows"),
    [
        ("", {}, 20),
        ("(first: 50)", {}, 50),
        ("(first: $n)", {"n": 7}, 7),
        ("(first: $n)", {}, 20),
        ("(first: $n)", {"n": "many"}, 20),
        ("(first: $m)", {}, 90),
        ("(first: $m)", {"m": 3}, 3),
        ("(first: $m)", {"m": None}, 20),
        ("(first: 100000)", {}, 100),
        ("(first: -5)", {}, 1),
    ],
)
def test_a_list_multiplies_what_is_below_it_by_its_rows(arguments: str, variables: dict[str, Any], rows: int) -> None:
    query = f"query ($n: Int, $m: Int = 90) {{ tokens{arguments} {{ nodes {{ tokenId name }} }} }}"
    assert used(query, variables) == Usage(3, 1 + READ + rows * (1 + 2), 0)


def test_nested_lists_multiply() -> None:
    query = "{ collections(first: 10) { nodes { tokens(first: 5) { nodes { tokenId } } } } }"
    inner = 1 + READ + 5 * (1 + 1)
    assert used(query).cost == 1 + READ + 10 * (1 + inner)


def test_lists_without_pages_count_as_short_and_ids_by_their_number() -> None:
    assert used("{ chains { name } }").cost == 1 + READ + 5
    assert used('{ nodes(ids: ["a", "b", "c"]) { id } }').cost == 1 + 3 * READ + 3


def test_ids_are_a_read_for_each_kind_of_thing_they_may_name() -> None:
    assert used('{ node(id: "a") { id } }').cost == 1 + READ + 1
    assert used("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"]}).cost == 1 + READ + 1
    assert used("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 40}).cost == 1 + 5 * READ + 40


def test_what_calls_a_service_by_itself_below_the_root_is_charged_as_a_read() -> None:
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    fields = {
        (kind.name, name): field
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and kind not in roots
        for name, field in kind.fields.items()
        if field.resolve is not None
    }
    calling = {at for at, field in fields.items() if {"backends", "_registry"} & _names_in(field.resolve)}
    assert ("Token", "holders") in calling
    assert calling == {at for at, field in fields.items() if "first" in field.args}


def _names_in(function: Any) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)} | {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name)
    }


def test_fragments_count_where_they_are_spread() -> None:
    plain = "{ chains { name number } }"
    spread = "{ chains { ...F } } fragment F on Chain { name ... on Chain { number } }"
    assert used(spread) == used(plain)


def test_doubling_fragments_are_measured_without_being_expanded() -> None:
    names = [f"F{i}" for i in range(95)]
    doubling = " ".join(f"fragment {a} on Query {{ ...{b} ...{b} }}" for a, b in itertools.pairwise(names))
    query = f"{{ ...F0 }} {doubling} fragment {names[-1]} on Query {{ x: chains {{ name }} }}"
    assert used(query, most=ROOMY._replace(cost=10**80, aliases=10**80)).aliases == 2**94


@pytest.mark.parametrize("first", ["", "...F50", "...F90 ...F50 ...F10", "...F0 ...F0"])
def test_a_chain_of_fragments_may_be_so_long_however_its_links_are_named(first: str) -> None:
    def chain(length: int) -> str:
        links = " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(length))
        return f"{{ {first} ...F0 }} {links} fragment F{length} on Query {{ __typename }}"

    assert used(chain(98)).depth == 1
    for length in (99, 590):
        with pytest.raises(InvalidArgument) as caught:
            used(chain(length))
        assert (caught.value.reason, caught.value.details) == ("QUERY_TOO_DEEP", {"limit": "100"})


def test_a_number_of_any_length_is_more_than_any_limit() -> None:
    plain = used("{ tokens(first: 100) { nodes { id } } }")
    assert used(f"{{ tokens(first: {'9' * 5000}) {{ nodes {{ id }} }} }}") == plain
    assert used(f"query ($n: Int = {'9' * 5000}) {{ tokens(first: $n) {{ nodes {{ id }} }} }}") == plain
    assert used(f"{{ tokens(first: -{'9' * 5000}) {{ nodes {{ id }} }} }}").cost == 1 + READ + 1 + 1


def test_a_cycle_of_fragments_ends() -> None:
    assert used("{ ...A } fragment A on Query { chains { name } ...B } fragment B on Query { ...A }").depth == 2


def test_what_validation_will_refuse_is_measured_without_failing() -> None:
    assert used("{ nothing { at { all } } ...Missing ... on Nowhere { x } }").depth == 3


def test_introspection_is_not_a_deep_query() -> None:
    query = "{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } } }"
    assert used(query, most=Limits(depth=3, cost=1000, aliases=0, page=100)).depth == 1


@pytest.mark.parametrize(
    ("query", "reason", "details"),
    [
        ("{ a { b { c { d } } } }", "QUERY_TOO_DEEP", {"limit": "3"}),
        ("{ ...F } fragment F on Query { a { b { c { d } } } }", "QUERY_TOO_DEEP", {"limit": "3"}),
        ("{ a { ...F } } fragment F on Query { b { c { d } } }", "QUERY_TOO_DEEP", {"limit": "3"}),
        ("{ " + "a { " * 60 + "b" + " }" * 61, "QUERY_TOO_DEEP", {"limit": "3"}),
        ("{ a: x b: x c: x }", "TOO_MANY_ALIASES", {"limit": "2", "found": "3"}),
        ("{ tokens { nodes { id } } }", "QUERY_TOO_COSTLY", {"limit": "100", "found": "141"}),
        ("{ " + "a " * 101 + "}", "TOO_MANY_SELECTIONS", {"limit": "100"}),
        ("{ " + "... { a } " * 51 + "}", "TOO_MANY_SELECTIONS", {"limit": "100"}),
        ("{ a } fragment Unused on Query { " + "b " * 100 + "}", "TOO_MANY_SELECTIONS", {"limit": "100"}),
    ],
)
def test_more_than_allowed_is_refused_with_the_limit(query: str, reason: str, details: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        used(query, most=Limits(depth=3, cost=100, aliases=2, page=100, selections=100))
    assert (caught.value.reason, caught.value.details) == (reason, details)
