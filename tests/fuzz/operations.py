"""Operations made from the schema, every argument a variable, and documents that no client would write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from tests.fuzz.values import DIGITS, Values

_DEPTH = 4
_ENDS_THE_SESSION = re.compile("signOut|revoke.*Session")


class Asked(NamedTuple):
    """A document and its variables, and where a file belongs."""

    query: str
    variables: dict[str, Any]
    files: list[str]


class Operations:
    """Any field of the schema's roots; those that would end the session it is played in are left out."""

    def __init__(self, schema: GraphQLSchema, values: Values) -> None:
        self._schema = schema
        self._values = values
        self._rng = values.rng
        self._roots = {
            kind.name.lower(): [name for name in kind.fields if not _ENDS_THE_SESSION.search(name)]
            for kind in (schema.query_type, schema.mutation_type, schema.subscription_type)
            if kind is not None
        }

    def any(self, *kinds: str) -> Asked:
        """An operation of one of the kinds: query, mutation, subscription."""
        kind = self._rng.choice(kinds)
        name = self._rng.choice(self._roots[kind])
        root = self._schema.type_map[kind.capitalize()]
        assert isinstance(root, GraphQLObjectType)
        writing = _Writing(self._values)
        body = writing.field(name, root.fields[name], 0)
        declared = ", ".join(f"${v}: {kind}" for v, kind in writing.types.items())
        head = f"{kind} Fuzz({declared})" if declared else kind
        variables = writing.variables
        if self._rng.random() < 0.15:
            variables[self._rng.choice(["unused", *variables])] = self._values.odd()
        return Asked(f"{head} {{ {body} }}", variables, writing.files)


class _Writing:
    """One document as it grows."""

    def __init__(self, values: Values) -> None:
        self.types: dict[str, str] = {}
        self.variables: dict[str, Any] = {}
        self.files: list[str] = []
        self._values = values
        self._rng = values.rng

    def field(self, name: str, field: GraphQLField, depth: int) -> str:
        given = []
        for key, argument in field.args.items():
            if is_required_argument(argument) or self._rng.random() < 0.5:
                variable = f"v{len(self.types)}"
                self.types[variable] = str(argument.type)
                self.variables[variable] = self._value(argument.type, f"variables.{variable}")
                given.append(f"{key}: ${variable}")
        arguments = f"({', '.join(given)})" if given else ""
        return f"{name}{arguments} {self._selection(get_named_type(field.type), depth)}"

    def _selection(self, kind: Any, depth: int) -> str:
        if is_leaf_type(kind):
            return ""
        if is_abstract_type(kind):
            return "{ __typename ... on Node { id } }" if kind.name == "Node" else "{ __typename }"
        fields = [
            self.field(name, field, depth + 1)
            for name, field in kind.fields.items()
            if (is_leaf_type(get_named_type(field.type)) or depth < _DEPTH)
            and self._rng.random() < 0.5 / (1 + depth / 2)
        ]
        return "{ __typename " + " ".join(fields) + " }"

    def _value(self, kind: Any, path: str) -> Any:
        if not is_non_null_type(kind) and self._rng.random() < 0.1:
            return None
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            return [self._value(kind.of_type, f"{path}.{i}") for i in range(self._rng.choice((0, 1, 1, 2, 5)))]
        if isinstance(kind, GraphQLEnumType):
            return self._values.odd() if self._rng.random() < 0.05 else self._rng.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self._value(field.type, f"{path}.{name}")
                for name, field in kind.fields.items()
                if is_required_input_field(field) or self._rng.random() < 0.5
            }
        if kind.name == "Upload":
            self.files.append(path)
        return self._values.scalar(kind.name)


def hostile_documents(values: Values) -> Iterator[str]:
    """Documents that mean harm, without end: long chains, endless numbers, escapes, doublings. Each way comes as often
    as every other."""
    while True:
        order = list(range(len(_ways(values))))
        values.rng.shuffle(order)
        yield from (_ways(values)[i] for i in order)


def _ways(values: Values) -> list[str]:
    rng = values.rng
    n, digits = rng.choice((2, 90, 300, 590, 590, 700)), "9" * rng.choice((*DIGITS, 5000, 5000))
    links = " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(n))
    middle = f"...F{n // 2}" if rng.random() < 0.3 else ""
    escape = rng.choice(("\\u0000", "\\u{0}", "\\u0001", "\\ud83d\\ude00", "\\u{10FFFF}", "\\ud800", "\\\\u0000"))
    return [
        f"{{ {middle} ...F0 }} {links} fragment F{n} on Query {{ chains {{ id }} }}",
        f"{{ {middle} ...F0 }} {links} fragment F{n} on Query {{ chains {{ id }} }}",
        f"{{ chains {{ id }} }} {links} fragment F{n} on Query {{ chains {{ id }} }}",
        f"query A {{ __typename }} query B {{ ...F0 }} {links} fragment F{n} on Query {{ __typename }}",
        f"{{ tokens(first: {digits}) {{ nodes {{ id }} }} }}",
        f"{{ tokens(first: -{digits}) {{ nodes {{ id }} }} }}",
        f"query ($n: Int = {digits}) {{ tokens(first: $n) {{ nodes {{ id }} }} }}",
        f"{{ tokens(first: {digits}e{digits}) {{ nodes {{ id }} }} }}",
        f'{{ user(handle: "{escape}") {{ id }} }}',
        f'{{ user(handle: """{escape}""") {{ id }} }}',
        f'query ($h: String = "{escape}") {{ user(handle: $h) {{ id }} }}',
        f'{{ collections(filter: {{nameContains: "{escape}"}}) {{ nodes {{ id }} }} }}',
        "{ nodes(ids: " + "[" * n + "]" * n + ") { id } }",
        "query ($d: " + "[" * n + "Int" + "]" * n + ") { chains { id } }",
        "{ ... on Query " * n + "{ chains { id } }" + " }" * n,
        "mutation { createMetadata(input: {document: " + "{a: " * n + digits + "}" * n + "}) { document { uri } } }",
        "{ " + " ".join(f"a{i}: chains {{ id }}" for i in range(n)) + " }",
        "{ chains " + "@skip(if: false) " * n + "{ id } }",
        "query ($s: Boolean!) { chains @skip(if: $s) { id @include(if: $s) } }",
        "{ __schema { types { fields { type { name } } } } }",
        "{ __type(name: " + f'"{escape}"' + ") { name } }",
        "{" * n, "", " ", "#", "{ a" + values.text(),
    ]  # fmt: skip
