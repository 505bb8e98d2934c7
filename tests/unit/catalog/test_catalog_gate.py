"""What the broker sends ahead waits as it came: few messages are taken apart at a time, of whatever queue."""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.message import Message

from mercato.kit.messages import Incoming
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import handlers

CONNECTIONS = 8


class SlowStore:
    """Notes how many messages are at work; none gets on before it is let."""

    def __init__(self) -> None:
        self.at_work = 0
        self.done = 0
        self.go_on = asyncio.Event()

    async def beside_others(self, *_: Any) -> None:
        self.at_work += 1
        await self.go_on.wait()
        self.at_work -= 1
        self.done += 1


def incoming(message: Message) -> Incoming:
    message.at.chain_id = "eip155:1"  # type: ignore[attr-defined]
    return Incoming("id", message.DESCRIPTOR.full_name, message, {}, 1)


async def test_as_many_messages_are_at_work_as_there_are_connections() -> None:
    store: Any = SlowStore()
    by_queue = handlers(store)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(by_queue["catalog.mints.created"](incoming(pb.TokensMinted())))
            group.create_task(by_queue["catalog.tokens.transferred"](incoming(pb.TokensTransferred())))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (store.at_work, store.done) == (CONNECTIONS, 0)
        store.go_on.set()
    assert (store.at_work, store.done) == (0, 2 * CONNECTIONS)
