"""What auth hears: wallets that were unlinked, whose sessions end wherever the unlinking was asked for."""

from __future__ import annotations

from mercato.kit.errors import Poison
from mercato.kit.ids import Address, ChainId, UserId, parse_id
from mercato.kit.messages import Incoming
from mercato.rpc.events.v1.events_pb2 import WalletUnlinked
from mercato.services.auth.model.sessions import Link
from mercato.services.auth.usecases.sessions import ManageSessions

UNLINKED_CONSUMER = "auth.wallets.unlinked"


class OnWalletUnlinked:
    """Handler of `auth.wallets.unlinked`. It needs no inbox: sessions of a link end once, and none come after it."""

    def __init__(self, sessions: ManageSessions) -> None:
        self._sessions = sessions

    async def __call__(self, incoming: Incoming) -> None:
        """Raises `Poison` or `InvalidArgument` for what no retry can mend."""
        event = incoming.message
        if not isinstance(event, WalletUnlinked):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong in this queue")
        await self._sessions.revoke_of_wallet(
            Link(
                wallet_id=parse_id(event.wallet_id, "wallet_id"),
                user_id=UserId(parse_id(event.user_id, "user_id")),
                address=Address(event.address),
                chain=ChainId.parse(event.chain_id),
            )
        )
