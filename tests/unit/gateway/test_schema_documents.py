"""The schema is documented to the last field, and its ids, pages and errors follow one form."""

from __future__ import annotations

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    validate_schema,
)

from mercato.services.gateway.graph.schema import build_schema
from mercato.services.gateway.model import events

SCHEMA = build_schema()
OWN = {name: kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__")}
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


def test_the_schema_is_valid() -> None:
    assert validate_schema(SCHEMA) == []


def test_everything_is_documented() -> None:
    without = [name for name, kind in OWN.items() if not kind.description and name not in BUILT_IN]
    for name, kind in OWN.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                without += [f"{name}.{field}"] if not definition.description else []
                without += [f"{name}.{field}({a})" for a, d in definition.args.items() if not d.description]
        elif isinstance(kind, GraphQLInputObjectType):
            without += [f"{name}.{field}" for field, d in kind.fields.items() if not d.description]
        elif isinstance(kind, GraphQLEnumType):
            without += [f"{name}.{value}" for value, d in kind.values.items() if not d.description]
    assert without == []


# Intents, imports, sign-ins and changes of the registry are no rows of a chain. Approvals are, and each names its
# block, but wallets has no read point.
WITHOUT_READ_POINT = {
    "IntentConnection",
    "CollectionImportConnection",
    "ChainChangeConnection",
    "ModerationConnection",
    "SignInRecordConnection",
}


def test_connections_are_relays() -> None:
    connections = [k for n, k in OWN.items() if n.endswith("Connection") and isinstance(k, GraphQLObjectType)]
    assert len(connections) >= 10
    for kind in connections:
        of_chains = kind.name not in WITHOUT_READ_POINT
        assert set(kind.fields) == {"edges", "nodes", "pageInfo"} | ({"asOf"} if of_chains else set())
        edge = get_named_type(kind.fields["edges"].type)
        assert isinstance(edge, GraphQLObjectType)
        assert set(edge.fields) == {"node", "cursor"}
    for name, owner in OWN.items():
        if isinstance(owner, GraphQLObjectType):
            for field, definition in owner.fields.items():
                if get_named_type(definition.type).name.endswith("Connection"):
                    assert {"first", "after"} <= set(definition.args), f"{name}.{field}"


def test_every_field_that_python_must_compute_has_a_resolver() -> None:
    """A root field without one would silently answer null."""
    for root in (SCHEMA.query_type, SCHEMA.mutation_type):
        assert root is not None
        assert [n for n, f in root.fields.items() if f.resolve is None] == []
    assert SCHEMA.subscription_type is not None
    assert [n for n, f in SCHEMA.subscription_type.fields.items() if f.subscribe is None or f.resolve is None] == []


def test_unions_of_events_have_the_members_that_can_be_pushed() -> None:
    for union, members in (("MyEvent", events.MY_EVENTS), ("MarketEvent", events.MARKET_EVENTS)):
        assert {t.name for t in OWN[union].types} == {m.__name__ for m in (events.Gap, *members)}  # type: ignore[attr-defined]
