"""The envelope: one event as it stands in an outbox row and as AMQP carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError, Message

from mercato.kit import tracing
from mercato.kit.errors import Poison
from mercato.kit.ids import keccak256, new_id
from mercato.rpc.events.v1 import events_pb2

CONTENT_TYPE = "application/x-protobuf"
FURTHER_KEYS = "CC"
"""The header in which RabbitMQ takes further routing keys (its sender-selected distribution)."""

_TYPES: dict[str, type[Message]] = {
    descriptor.full_name: getattr(events_pb2, name)
    for name, descriptor in events_pb2.DESCRIPTOR.message_types_by_name.items()
}


@dataclass(frozen=True)
class Outgoing:
    """A message on its way out. `message_id` is the event's identity: the same event has the same id however often
    it is published; `headers` carry trace and request id. `further_keys` route it as the
    first one does; a queue that several of them reach gets it once."""

    exchange: str
    routing_key: str
    message_id: str
    type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    further_keys: Sequence[str] = ()


@dataclass(frozen=True)
class Incoming:
    """A delivered and decoded message. `attempt` counts from 1 and includes this one."""

    message_id: str
    type: str
    message: Message
    headers: Mapping[str, str]
    attempt: int


def outgoing(
    exchange: str, routing_key: str, message: Message, message_id: str | None = None, further_keys: Sequence[str] = ()
) -> Outgoing:
    """Wraps `message` with the current trace; `message_id` defaults to a new UUIDv7 (made once, in an outbox)."""
    return Outgoing(
        exchange=exchange,
        routing_key=routing_key,
        message_id=message_id or str(new_id()),
        type=message.DESCRIPTOR.full_name,
        body=message.SerializeToString(deterministic=True),
        headers=tracing.inject(),
        further_keys=further_keys,
    )


def content_id(routing_key: str, message: Message) -> str:
    """An id made of the content, for publishers without an outbox: a repeated publish has the same id.

    Facts name their block hash, so the id does too; a re-mined fact is another event.
    """
    return keccak256(routing_key.encode() + b"\0" + message.SerializeToString(deterministic=True)).hex()


def decode(type_name: str, body: bytes) -> Message:
    """The message of a body. Raises `Poison` UNKNOWN_TYPE or UNDECODABLE."""
    kind = _TYPES.get(type_name)
    if kind is None:
        raise Poison("UNKNOWN_TYPE", f"no message type {type_name!r}; was it published by a newer release?")
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise Poison("UNDECODABLE", f"the body is not a {type_name}: {error}") from None
