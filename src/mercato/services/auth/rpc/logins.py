"""The log of sign-ins on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, UserId, parse_id
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.common.v1 import common_pb2
from mercato.services.auth.model.sessions import HeldWallet, LoginRecord

_MOST_WALLETS = 100


class Logins(Protocol):
    """Where the log is read."""

    async def list_own(
        self, user_id: UserId, wallets: Sequence[HeldWallet], before: tuple[datetime, UUID] | None, limit: int
    ) -> list[LoginRecord]: ...


async def list_login_events(logins: Logins, request: pb.ListLoginEventsRequest) -> pb.ListLoginEventsResponse:
    """A page of a user's log. Raises `InvalidArgument` BATCH_TOO_LONG, INVALID_CURSOR, INVALID_PAGE_SIZE."""
    if len(request.wallets) > _MOST_WALLETS:
        raise InvalidArgument("BATCH_TOO_LONG", f"ask for at most {_MOST_WALLETS} wallets at once")
    size = cursors.page_size(request.page.first)
    wallets = [
        HeldWallet(Address(w.address), ChainId.parse(w.chain_id), w.since.ToDatetime(UTC)) for w in request.wallets
    ]
    user_id = UserId(parse_id(request.user_id, "user_id"))
    found = await logins.list_own(user_id, wallets, _before(request.page.after), size + 1)
    page = found[:size]
    places = [cursors.encode(r.event.at.isoformat(), str(r.event.id)) for r in page]
    return pb.ListLoginEventsResponse(
        events=[_event(record) for record in page],
        page=common_pb2.PageInfo(has_next_page=len(found) > size, end_cursor=places[-1] if places else ""),
        cursors=places,
    )


def _before(cursor: str) -> tuple[datetime, UUID] | None:
    key = cursors.decode(cursor, 2)
    if key is None:
        return None
    try:
        return datetime.fromisoformat(key[0]).astimezone(UTC), UUID(key[1])
    except (ValueError, OverflowError):
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it") from None


def _event(record: LoginRecord) -> pb.LoginEvent:
    event = record.event
    return pb.LoginEvent(
        id=str(event.id),
        at=event.at,
        occasion=f"LOGIN_OCCASION_{event.occasion.value}",
        succeeded=event.succeeded,
        reason=event.reason,
        address=event.address or b"",
        chain_id="" if event.chain is None else event.chain.caip2,
        ip=event.client.ip,
        user_agent=event.client.user_agent,
        session_id="" if event.session_id is None else str(event.session_id),
        session_ended_at=record.ended_at,
        session_end_reason=record.end_reason,
    )
