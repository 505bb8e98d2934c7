"""Root fields that are watched. Each yields events; the engine resolves a client's selection on every one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ariadne import SubscriptionType

from mercato.kit import channels
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.consumers import Interrupted, Mailbox
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.events import MARKET_EVENTS, MY_EVENTS, Event, IntentChanged
from mercato.services.gateway.model.steps import IntentUpdate, StepFollower

subscription = SubscriptionType()

Events = AsyncGenerator[Event, None]


@subscription.source("intentUpdates")
async def intent_updates(_: object, info: Info, *, id: str) -> AsyncGenerator[IntentUpdate, None]:
    """Listens first and reads then, so that no step falls between; what both show is shown once. After a break of
    the pushes it reads again and goes on."""
    context = context_of(info)
    user_id, intent_id = (await context.principal()).user_id, node_ids.parse_intent(id)
    read = context.backends.orchestrator.get_intent
    with context.hub.listening(channels.intent(intent_id)) as mailbox:
        follower = StepFollower(await read(user_id, intent_id))
        yield follower.first
        while True:
            try:
                event = await mailbox.next()
            except Interrupted:
                for update in follower.advance(await read(user_id, intent_id), None):
                    yield update
                continue
            if isinstance(event, IntentChanged):
                for update in follower.advance(event.intent, event.pushed_at):
                    yield update


@subscription.source("myEvents")
async def my_events(_: object, info: Info) -> Events:
    """Begins with the last half minute: who has just signed in cannot have listened before."""
    context = context_of(info)
    user_id = (await context.principal()).user_id
    with context.hub.catching_up(channels.user(user_id)) as mailbox:
        async for event in _only(mailbox, MY_EVENTS):
            yield event


@subscription.source("collectionEvents")
async def collection_events(_: object, info: Info, *, chain_id: ChainId, contract: Address) -> Events:
    with context_of(info).hub.listening(channels.collection(chain_id, contract)) as mailbox:
        async for event in _only(mailbox, MARKET_EVENTS):
            yield event


@subscription.source("feed")
async def feed(_: object, info: Info) -> Events:
    with context_of(info).hub.listening(channels.FEED) as mailbox:
        async for event in _only(mailbox, MARKET_EVENTS):
            yield event


async def _only(mailbox: Mailbox, kinds: tuple[type[Event], ...]) -> Events:
    while True:
        event = await mailbox.next()
        if isinstance(event, kinds):
            yield event


@subscription.field("intentUpdates")
@subscription.field("myEvents")
@subscription.field("collectionEvents")
@subscription.field("feed")
def event_itself(event: object, _: Info, **__: object) -> object:
    return event
