"""What users hears: sign-ins, so that a user exists and is dated even where the direct call was lost."""

from __future__ import annotations

from datetime import UTC

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, UserId, parse_id
from mercato.kit.messages import Incoming
from mercato.rpc.events.v1.events_pb2 import UserLoggedIn
from mercato.services.users.usecases import RecordLogin


class OnUserLoggedIn:
    """Handler of `users.auth.logged_in`."""

    def __init__(self, record_login: RecordLogin) -> None:
        self._record_login = record_login

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, UserLoggedIn):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        await self._record_login.run(
            incoming.message_id,
            UserId(parse_id(event.user_id, "user_id")),
            Address(event.address),
            event.occurred_at.ToDatetime(UTC),
        )
