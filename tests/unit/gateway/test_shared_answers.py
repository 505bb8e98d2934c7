"""Answers to an event are rendered once for all who ask the same, unless they depend on who asks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, NamedTuple, cast

import orjson
import pytest
from graphql import GraphQLSchema, build_schema

from mercato.kit.logging import get_logger
from mercato.services.gateway.graph.context import Context
from mercato.services.gateway.graph.engine import Engine, Request
from mercato.services.gateway.model.limits import Limits

SDL = """
type Query { unused: Int }
type Subscription { events: Event }
type Event { name(prefix: String): String, watcher: String, broken: String }
"""


class Event(NamedTuple):
    """What is watched."""

    text: str


class Watcher:
    """As much of a context as the engine and the resolvers use."""

    def __init__(self, who: str) -> None:
        self.who = who

    def for_event(self) -> Watcher:
        return Watcher(self.who)


class World:
    """A schema over one list of events; `rendered` counts how often a name was resolved."""

    def __init__(self) -> None:
        self.events = [Event("one"), Event("two")]
        self.rendered = 0
        self.engine = Engine(self._schema(), Limits(12, 1000, 30, 100), get_logger("test"))

    def _schema(self) -> GraphQLSchema:
        schema = build_schema(SDL)
        kinds: Any = schema.type_map
        kinds["Subscription"].fields["events"].subscribe = self._source
        kinds["Subscription"].fields["events"].resolve = lambda event, _: event
        kinds["Event"].fields["name"].resolve = self._name
        kinds["Event"].fields["watcher"].resolve = lambda _, info: info.context.who
        kinds["Event"].fields["broken"].resolve = self._broken
        return schema

    async def _source(self, *_: object) -> AsyncGenerator[Event, None]:
        for event in self.events:
            yield event

    def _name(self, event: Event, _: object, prefix: str = "") -> str:
        self.rendered += 1
        return prefix + event.text

    def _broken(self, event: Event, _: object) -> str:
        self.rendered += 1
        raise RuntimeError(event.text)

    async def watch(self, who: str, query: str, **variables: object) -> list[Any]:
        operation = self.engine.prepare(Request(query, None, variables))
        context = cast(Context, Watcher(who))
        return [orjson.loads(answer) async for answer in self.engine.stream(operation, context)]


@pytest.fixture
def world() -> World:
    return World()


async def test_what_depends_on_the_event_alone_is_rendered_once_for_all(world: World) -> None:
    answers = [await world.watch(who, "subscription { events { name } }") for who in ("ann", "bob", "cid")]
    assert answers == [[{"data": {"events": {"name": "one"}}}, {"data": {"events": {"name": "two"}}}]] * 3
    assert world.rendered == 2


async def test_what_depends_on_who_asks_is_rendered_for_each(world: World) -> None:
    query = "subscription { events { name watcher } }"
    ann, bob = await world.watch("ann", query), await world.watch("bob", query)
    assert [a["data"]["events"]["watcher"] for a in ann] == ["ann", "ann"]
    assert [b["data"]["events"]["watcher"] for b in bob] == ["bob", "bob"]
    assert world.rendered == 4


async def test_other_variables_and_other_questions_have_other_answers(world: World) -> None:
    query = "subscription ($p: String) { events { name(prefix: $p) } }"
    seen = [
        (await world.watch("ann", query, p="a "))[0],
        (await world.watch("ann", query, p="b "))[0],
        (await world.watch("ann", "subscription { events { called: name } }"))[0],
    ]
    assert [answer["data"]["events"] for answer in seen] == [{"name": "a one"}, {"name": "b one"}, {"called": "one"}]


async def test_a_failure_is_told_to_each_as_its_own(world: World) -> None:
    query = "subscription { events { broken } }"
    for who in ("ann", "bob"):
        first = (await world.watch(who, query))[0]
        assert first["data"] == {"events": {"broken": None}}
        assert len(first["errors"]) == 1
    assert world.rendered == 4
