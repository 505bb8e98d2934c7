"""Pushes as subscriptions sends them, to events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.kit.ids import Address, ChainId
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2
from mercato.rpc.push.v1 import push_pb2
from mercato.services.gateway.model import events
from mercato.services.gateway.model.chains import Position
from mercato.services.gateway.model.keys import CollectionKey, TokenKey
from mercato.services.gateway.rpc import wire
from mercato.services.gateway.rpc.orchestrator import intent

Head = tuple[str, datetime, str]
_TokenEvent = events_pb2.TokenUpserted | events_pb2.TokenTransferred | events_pb2.TokenEnriched


def event_of(push: push_pb2.Push, cursor: str) -> events.Event | None:
    """The event of a push, with the place after it; None for a body that this release does not know."""
    name = push.WhichOneof("body")
    if name is None:
        return None
    return _BODIES[name]((push.id, wire.moment(push.pushed_at), cursor), getattr(push, name))


def _intent(head: Head, i: orchestrator_pb2.Intent) -> events.IntentChanged:
    return events.IntentChanged(*head, intent(i))


def _logged_in(head: Head, e: events_pb2.UserLoggedIn) -> events.UserLoggedIn:
    return events.UserLoggedIn(
        *head,
        user_id=UUID(e.user_id),
        session_id=e.session_id,
        address=Address(e.address),
        chain_id=ChainId.parse(e.chain_id),
        occurred_at=wire.find_moment(e.occurred_at),
    )


def _linked(head: Head, e: events_pb2.WalletLinked) -> events.WalletLinked:
    return events.WalletLinked(
        *head,
        wallet_id=e.wallet_id,
        address=Address(e.address),
        chain_id=ChainId.parse(e.chain_id),
        primary=e.primary,
        occurred_at=wire.find_moment(e.occurred_at),
    )


def _collection(head: Head, e: events_pb2.CollectionUpserted) -> events.CollectionUpserted:
    key = CollectionKey(ChainId.parse(e.chain_id), Address(e.contract))
    return events.CollectionUpserted(*head, key, e.name, _position(e.position))


def _token(head: Head, e: events_pb2.TokenUpserted) -> events.TokenUpserted:
    return events.TokenUpserted(
        *head,
        key=_key(e),
        owner=wire.find_address(e.owner),
        amount=int(e.amount or 1),
        position=_position(e.position),
    )


def _transferred(head: Head, e: events_pb2.TokenTransferred) -> events.TokenTransferred:
    return events.TokenTransferred(
        *head,
        key=_key(e),
        # `from` is a Python keyword, so the generated field is reached by name.
        from_account=wire.find_address(getattr(e, "from")),
        to_account=wire.find_address(e.to),
        amount=int(e.amount or 1),
        position=_position(e.position),
    )


def _enriched(head: Head, e: events_pb2.TokenEnriched) -> events.TokenEnriched:
    return events.TokenEnriched(*head, _key(e), wire.text(e.name))


def _retracted(head: Head, e: push_pb2.Retracted) -> events.Retracted:
    return events.Retracted(*head, ChainId.parse(e.chain_id), e.from_block)


def _key(e: _TokenEvent) -> TokenKey:
    return TokenKey(ChainId.parse(e.chain_id), Address(e.contract), int(e.token_id))


def _position(position: common_pb2.Position) -> Position | None:
    return wire.position(position) if position.tx_hash else None


_BODIES: dict[str, Callable[[Head, Any], events.Event]] = {
    "intent": _intent,
    "user_logged_in": _logged_in,
    "wallet_linked": _linked,
    "collection_upserted": _collection,
    "token_upserted": _token,
    "token_transferred": _transferred,
    "token_enriched": _enriched,
    "retracted": _retracted,
}
