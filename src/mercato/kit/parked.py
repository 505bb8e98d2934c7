"""Parked messages: what the retry ladder gave up on, to be read, replayed to its own queue, or dropped.

A parked message is taken from ``dlx.parked`` without an ack and given back when the look is over, so a crash in
the middle leaves every message parked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from mercato.kit import messages, rabbit, topology
from mercato.kit.errors import MercatoError
from mercato.kit.settings import Settings

_PARKED_PREFIX = topology.parked_key("")
_OWN_HEADERS = (
    rabbit.ATTEMPT_HEADER, rabbit.CAUSE_HEADER, rabbit.QUEUE_HEADER, rabbit.FAILED_AT_HEADER, messages.FURTHER_KEYS,
)  # fmt: skip


@dataclass(frozen=True)
class ParkedMessage:
    """One parked message; `queue` is the only queue a replay puts it back on."""

    message_id: str
    type: str
    queue: str
    attempts: int
    cause: str
    failed_at: str
    body: bytes
    raw: AbstractIncomingMessage

    def content(self) -> dict[str, object]:
        """The decoded body for people; for an undecodable one its hex and the reason."""
        try:
            decoded: Message = messages.decode(self.type, self.body)
        except MercatoError as error:
            return {"undecodable": error.message, "hex": self.body.hex()}
        shown: dict[str, object] = MessageToDict(decoded, preserving_proto_field_name=True)
        return shown


class ParkedMessages:
    """An open look at the parked messages; no other look sees them meanwhile."""

    def __init__(self, channel: AbstractChannel, held: list[ParkedMessage]) -> None:
        self._channel = channel
        self.all = held

    def select(self, ids: Iterable[str], queue: str | None) -> list[ParkedMessage]:
        """Those with one of `ids` (all when empty) that came from `queue` (any when None)."""
        wanted = set(ids)
        return [m for m in self.all if (not wanted or m.message_id in wanted) and queue in (None, m.queue)]

    async def replay(self, chosen: Iterable[ParkedMessage]) -> int:
        """Puts each back on its own queue as a first try; acked here only after the broker's confirm."""
        count = 0
        for message in chosen:
            headers = {k: v for k, v in message.raw.headers.items() if _is_kept(k)}
            fresh = aio_pika.Message(
                message.body,
                message_id=message.message_id,
                type=message.type,
                content_type=messages.CONTENT_TYPE,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                headers=headers,
            )
            await self._channel.default_exchange.publish(fresh, message.queue, mandatory=True)
            await message.raw.ack()
            count += 1
        return count

    async def drop(self, chosen: Iterable[ParkedMessage]) -> int:
        """Deletes for good."""
        count = 0
        for message in chosen:
            await message.raw.ack()
            count += 1
        return count


@asynccontextmanager
async def opened(settings: Settings, limit: int = 10_000) -> AsyncIterator[ParkedMessages]:
    """Takes up to `limit` parked messages, oldest first; what is neither replayed nor dropped goes back."""
    connection = await rabbit.connect(settings, "dlq")
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await rabbit.declare(channel, settings)
        source = await channel.get_queue(topology.PARKED, ensure=False)
        held: list[ParkedMessage] = []
        while len(held) < limit and (raw := await source.get(fail=False)) is not None:
            held.append(_describe(raw))
        yield ParkedMessages(channel, held)
        # Closing the channel returns everything unacknowledged, in its order.
        await channel.close()


def _describe(raw: AbstractIncomingMessage) -> ParkedMessage:
    def header(name: str, default: str) -> str:
        return str(raw.headers.get(name, default))

    deaths = raw.headers.get("x-death")
    reason = str(deaths[0].get("reason", "")) if isinstance(deaths, list) and isinstance(deaths[0], dict) else ""
    return ParkedMessage(
        message_id=raw.message_id or "",
        type=raw.type or "",
        queue=(raw.routing_key or "").removeprefix(_PARKED_PREFIX),
        attempts=int(header(rabbit.ATTEMPT_HEADER, "1")),
        cause=header(rabbit.CAUSE_HEADER, reason and f"dead-lettered by the broker: {reason}"),
        failed_at=header(rabbit.FAILED_AT_HEADER, ""),
        body=raw.body,
        raw=raw,
    )


def _is_kept(header: str) -> bool:
    return header not in _OWN_HEADERS and not header.startswith(("x-death", "x-first-death", "x-last-death"))
