"""A small schema with data of all kinds of trouble, and random documents for it; both executors run on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from graphql import (
    ExecutionResult,
    GraphQLEnumType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute,
    parse,
    validate,
)
from graphql.pyutils import Undefined, is_awaitable
from hypothesis import strategies as st

from mercato.services.gateway.graph.plan import Plan

SDL = """
interface Node { id: ID! name: String child: Node required: Leaf! }
type Leaf implements Node {
  id: ID! name: String child: Node required: Leaf! size: Int! ratio: Float kind: Kind tags: [String!]! odd: Odd
}
type Branch implements Node {
  id: ID! name: String! child: Node required: Leaf! leaf: Leaf leaves: [Leaf!] grid: [[Leaf]!] numbers: [[Int!]]
  any: Any! echo(text: String = "none", times: Int!, odd: Odd): String kinds: [Kind] nodes: [Node!]!
}
union Any = Leaf | Branch
enum Kind { RED GREEN }
scalar Odd
type Query {
  id: ID! name: String child: Node required: Leaf! leaf: Leaf leaves: [Leaf!] grid: [[Leaf]!] numbers: [[Int!]]
  any: Any echo(text: String = "none", times: Int!, odd: Odd): String kinds: [Kind] nodes: [Node] branch: Branch
}
"""


class Refused(Exception):
    """What a resolver raises."""


class Fate(NamedTuple):
    """How a resolver gives what it gives: at once or later, raised or returned."""

    value: Any
    turns: int
    raises: bool


class Late(NamedTuple):
    """An item of a list that must be awaited."""

    fate: Fate


class Streamed(NamedTuple):
    """A list that comes bit by bit, and may break off."""

    items: list[Any]
    raises: bool


class Thing:
    """An object whose fields have fates that its seed decides; made when looked at, the same each time."""

    def __init__(self, kind: str, seed: str, depth: int = 0) -> None:
        self.kind = kind
        self._seed = seed
        self._depth = depth

    def fate(self, name: str) -> Fate:
        seed = f"{self._seed}.{name}"
        chance = Random(seed)
        value = _value(chance, FIELDS[_FIELDS_OF.get(self.kind, self.kind)][name], seed, self._depth + 1)
        return Fate(value, chance.choice([0, 0, 0, 1, 2]), chance.random() < 0.08)


_FIELDS_OF = {"Slow": "Leaf", "Unknown": "Leaf", "Kind": "Leaf"}


def _render_odd(value: object) -> object:
    if value == 4:
        return None
    if not isinstance(value, int) or value % 2 == 0:
        raise Refused(f"{value!r} is not odd")
    return value


def _parse_odd(value: object) -> object:
    if not isinstance(value, int) or value % 2 == 0:
        raise Refused(f"{value!r} is not odd")
    return value


def _resolver(name: str) -> Callable[..., Any]:
    def resolve(source: Thing, info: Any, **arguments: Any) -> Any:
        fate = source.fate(name)
        value = fate.value if not arguments or fate.value is None else f"{fate.value} {sorted(arguments.items())}"
        if fate.turns:
            return _later(fate._replace(value=_fresh(value)))
        if fate.raises:
            raise Refused(f"no {name} for {info.context}")
        return _fresh(value)

    return resolve


async def _later(fate: Fate) -> Any:
    for _ in range(fate.turns):
        await asyncio.sleep(0)
    if fate.raises:
        raise Refused("not after waiting")
    return fate.value


def _type_of(value: object, *_: object) -> Any:
    if not isinstance(value, Thing):
        raise Refused("that is no thing")
    if value.kind == "Slow":
        return _later(Fate("Leaf", 1, False))
    return value.kind


def _fresh(value: Any) -> Any:
    """What can be used once only, made anew for each execution."""
    if isinstance(value, Late):
        return _later(value.fate)
    if isinstance(value, Streamed):
        return _stream(value)
    return [_fresh(item) for item in value] if isinstance(value, list) else value


async def _stream(value: Streamed) -> AsyncIterator[Any]:
    for item in value.items:
        await asyncio.sleep(0)
        yield item
    if value.raises:
        raise Refused("broke off")


def a_schema() -> GraphQLSchema:
    """The schema, with a resolver for each field."""
    schema = build_schema(SDL)
    for kind in ("Leaf", "Branch", "Query"):
        for name, definition in schema.type_map[kind].fields.items():  # type: ignore[attr-defined]
            definition.resolve = _resolver(name)
    for abstract in ("Node", "Any"):
        schema.type_map[abstract].resolve_type = _type_of  # type: ignore[attr-defined]
    odd: Any = schema.type_map["Odd"]
    odd.coerce_output_value = _render_odd
    odd.coerce_input_value = _parse_odd
    colours = schema.type_map["Kind"]
    assert isinstance(colours, GraphQLEnumType)
    return schema


SCHEMA = a_schema()
FIELDS: dict[str, dict[str, str]] = {
    kind: {name: str(d.type) for name, d in SCHEMA.type_map[kind].fields.items()}  # type: ignore[attr-defined]
    for kind in ("Node", "Leaf", "Branch", "Query")
}

_BROKEN = [
    None, Undefined, Refused("returned"), 4, "RED", [None], [[None]], [[1, None]], {"id": 1}, object, [Refused("in")],
]  # fmt: skip


_LEAVES: dict[str, list[Any]] = {
    "ID": ["a", 7],
    "String": ["text", "", 5, True],
    "Int": [0, 1, 2, 3, 2**31, 1.0, "x"],
    "Float": [0.5, 3, 2.0, float("nan")],
    "Kind": ["RED", "GREEN", "RED", "BLUE"],
    "Odd": [1, 3, 5, 7, 4, 6],
}
_KINDS = {
    "Leaf": ["Leaf"],
    "Branch": ["Branch"],
    "Node": ["Leaf", "Branch", "Branch", "Leaf", "Branch", "Slow", "Unknown", "Kind"],
    "Any": ["Leaf", "Branch", "Branch", "Leaf", "Branch", "Slow", "Unknown", "Kind"],
}


def _value(chance: Random, type_name: str, seed: str, depth: int) -> Any:
    """Mostly a value that fits the type, sometimes null or something that cannot be shown."""
    die = chance.random()
    if die < 0.04:
        return chance.choice(_BROKEN)
    if die < (0.05 if type_name.endswith("!") else 0.15):
        return None
    kind = type_name.removesuffix("!")
    if kind.startswith("["):
        return _list(chance, kind[1:-1], seed, depth)
    if kind in _LEAVES:
        return chance.choice(_LEAVES[kind])
    return Thing(chance.choice(_KINDS[kind]), seed, depth)


def _list(chance: Random, item: str, seed: str, depth: int) -> Any:
    items = [_value(chance, item, f"{seed}.{i}", depth) for i in range(chance.choice([0, 1, 2, 3]))]
    form = chance.randrange(5)
    if form == 0:
        return tuple(items)
    if form == 1:
        return Streamed(items, chance.random() < 0.3)
    if form == 2:
        return [Late(Fate(v, 1, chance.random() < 0.2)) if chance.random() < 0.5 else v for v in items]
    return items


ROOTS = st.integers(0, 10**9).map(lambda seed: Thing("Query", str(seed)))


class Asked(NamedTuple):
    """A document with the variables for it."""

    query: str
    variables: dict[str, Any]


_HEAD = "query Q($yes: Boolean!, $no: Boolean = false, $n: Int!, $text: String, $odd: Odd)"
_UNBOUND = " @experimental_disableErrorPropagation"
_FRAGMENTS = {"F0": "Node", "F1": "Leaf", "F2": "Branch", "F3": "Any"}
_CONDITIONS = ["", "", "", "", " @skip(if: $no)", " @include(if: $yes)", " @skip(if: $yes) @include(if: $no)"]
_ARGUMENTS = ["(times: $n)", "(times: 1, text: $text)", "(times: 2, text: null, odd: $odd)", "(times: 3, odd: 5)"]
_OBJECTS = {"Node", "Leaf", "Branch", "Any"}


def _selections(chance: Random, kind: str, depth: int, spread: Sequence[str]) -> str:
    """A selection set on a type that spreads some of the fragments."""
    parts = []
    for _ in range(chance.randint(1, 4)):
        condition = chance.choice(_CONDITIONS)
        form = chance.randrange(10)
        if kind == "Any" or form == 0:
            on = chance.choice(["Node", "Leaf", "Branch"]) if kind in ("Any", "Node") else kind
            parts.append(f"... on {on}{condition} {_selections(chance, on, depth, spread)}")
        elif form == 1 and (names := [n for n in spread if kind != "Query" and _overlap(kind, _FRAGMENTS[n])]):
            parts.append(f"...{chance.choice(names)}{condition}")
        elif form == 2:
            parts.append(f"__typename{condition}")
        else:
            parts.append(_field(chance, kind, condition, depth, spread))
    return "{ " + " ".join(parts) + " }"


def _field(chance: Random, kind: str, condition: str, depth: int, spread: Sequence[str]) -> str:
    fields = FIELDS[kind]
    simple = [n for n, t in fields.items() if t.strip("[]!") not in _OBJECTS]
    name = chance.choice(list(fields) if depth > 0 else simple)
    # The alias says what it stands for, so that merged fields can always be merged.
    arguments = chance.choice(_ARGUMENTS) if name == "echo" else ""
    named = f"{kind}_{name}{_ARGUMENTS.index(arguments) if arguments else ''}"
    alias = f"{named}: " if arguments or kind != "Query" or chance.random() < 0.5 else ""
    below = fields[name].strip("[]!")
    chosen = _selections(chance, below, depth - 1, spread) if below in _OBJECTS else ""
    return f"{alias}{name}{arguments}{condition} {chosen}"


def _asked(seed: int) -> Asked:
    chance = Random(seed)
    fragments = "".join(f" fragment {n} on {on} {_selections(chance, on, 1, ())}" for n, on in _FRAGMENTS.items())
    variables: dict[str, Any] = {"yes": chance.random() < 0.8, "n": chance.choice([1, 2, 2, 2, 2, 2, 2, 2, "x"])}
    variables |= chance.choice([{}, {"no": True}, {"no": False}, {"no": None}])
    variables |= chance.choice([{}, {"text": "t"}, {"text": None}, {"odd": 3}, {"odd": 3}, {"odd": 2}])
    return Asked(f"{_HEAD} {_selections(chance, 'Query', 3, list(_FRAGMENTS))}{fragments}", variables)


def _overlap(kind: str, other: str) -> bool:
    return {kind, other} != {"Leaf", "Branch"}


ASKED = st.integers(0, 10**9).map(_asked)
"""Documents that pass validation, with variables that mostly fit."""


class Answers(NamedTuple):
    """One request as each executor answers it, and every failure it could tell of."""

    plan: ExecutionResult
    reference: ExecutionResult
    every_failure: list[tuple[Any, ...]]


def is_valid(query: str) -> bool:
    """Unused definitions apart, whether the document may run."""
    return not [e for e in validate(SCHEMA, parse(query)) if "never used" not in e.message]


async def answers(question: Asked, root: Thing) -> Answers:
    """Asks both."""
    document = parse(question.query)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    plan = Plan.find(SCHEMA, document, operation)
    assert plan is not None
    unbound = parse(question.query.replace(_HEAD, f"{_HEAD}{_UNBOUND}"))
    every = await reference(unbound, question, root)
    # What other variables select is compiled too and must not be mixed up.
    await plan.execute(root, "context", {**question.variables, "yes": not question.variables["yes"], "no": True})
    # Twice, for the second run finds everything compiled.
    first = await plan.execute(root, "context", question.variables)
    second = await plan.execute(root, "context", question.variables)
    assert list(map(entry, first.errors or [])) == list(map(entry, second.errors or []))
    every_failure = [entry(e, len(_UNBOUND)) for e in every.errors or []]
    return Answers(second, await reference(document, question, root), every_failure)


async def reference(document: Any, question: Asked, root: Thing) -> ExecutionResult:
    """What graphql-core answers."""
    result = execute(SCHEMA, document, root, "context", question.variables)
    found = await result if is_awaitable(result) else result
    assert isinstance(found, ExecutionResult)
    return found


def entry(error: Any, shift: int = 0) -> tuple[Any, ...]:
    """Everything a client sees of an error; `shift` is by how much the first line was moved to the right."""
    places = tuple((at.line, at.column - shift) for at in error.locations or ())
    return tuple(error.path or ()), error.message, places, repr(error.extensions), type(error.original_error).__name__
