"""Root fields that are watched. Each yields events; the engine resolves a client's selection on every one."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ariadne import SubscriptionType

from mercato.kit import channels
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.consumers import Interrupted
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import Context, context_of
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.events import MARKET_EVENTS, MY_EVENTS, Gap, IntentChanged
from mercato.services.gateway.model.steps import IntentUpdate, StepFollower
from mercato.services.gateway.usecases import Shown, Watch

subscription = SubscriptionType()

_RECENT_MILLISECONDS = 30_000
"""What a watcher of its own events gets of the past without a cursor: after a sign-in it is always late."""


@subscription.source("intentUpdates")
async def intent_updates(
    _: object, info: Info, *, id: str, after: str | None = None
) -> AsyncGenerator[IntentUpdate, None]:
    """Listens first and reads then, so that no step falls between; what both show is shown once. After a break of
    the pushes it reads again and goes on."""
    context = context_of(info)
    user_id, intent_id = (await context.principal()).user_id, node_ids.parse_intent(id)
    read = context.backends.orchestrator.get_intent
    with context.hub.listening(channels.intent(intent_id)) as mailbox:
        follower, shown = StepFollower.begun(await read(user_id, intent_id), inputs.cursor(after))
        for update in shown:
            yield update
        while True:
            try:
                event = (await mailbox.next()).event
            except Interrupted:
                for update in follower.advance(await read(user_id, intent_id), None):
                    yield update
                continue
            if isinstance(event, IntentChanged):
                for update in follower.advance(event.intent, event.pushed_at):
                    yield update


@subscription.source("myEvents")
async def my_events(_: object, info: Info, *, after: str | None = None) -> Shown:
    context = context_of(info)
    watch = _watch(context, channels.user((await context.principal()).user_id))
    recent = int(time.time() * 1000) - _RECENT_MILLISECONDS
    events = watch.since(recent) if after is None else watch.after(inputs.cursor(after))
    async with aclosing(_only(events, MY_EVENTS)) as mine:
        async for event in mine:
            yield event


@subscription.source("collectionEvents")
def collection_events(
    _: object, info: Info, *, chain_id: ChainId, contract: Address, after: str | None = None
) -> Shown:
    watch = _watch(context_of(info), channels.collection(chain_id, contract))
    return _only(watch.after(inputs.cursor(after)), MARKET_EVENTS)


@subscription.source("feed")
def feed(_: object, info: Info, *, after: str | None = None) -> Shown:
    return _only(_watch(context_of(info), channels.FEED).after(inputs.cursor(after)), MARKET_EVENTS)


def _watch(context: Context, channel: str) -> Watch:
    return Watch(context.hub, channel)


async def _only(events: Shown, kinds: tuple[type, ...]) -> Shown:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, (Gap, *kinds)):
                yield event


@subscription.field("intentUpdates")
@subscription.field("myEvents")
@subscription.field("collectionEvents")
@subscription.field("feed")
def event_itself(event: object, _: Info, **__: object) -> object:
    return event
