"""The log of sign-ins as it is read; it is written with what it tells of, in store/sessions.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from mercato.kit.ids import Address, ChainId, UserId
from mercato.kit.postgres import Database
from mercato.services.auth.model.sessions import Client, HeldWallet, LoginEvent, LoginRecord

# A refused sign-in is nobody's yet: it is found by the address it was tried with. Each part ends after a page, so a
# long history costs nothing; an address that is held twice gives each line once.
_OWN = """
SELECT event.*, session.revoked_at, session.revoked_reason
FROM (
    (SELECT * FROM login_events
     WHERE user_id = $1 AND ($5::timestamptz IS NULL OR (at, id) < ($5, $6::uuid))
     ORDER BY at DESC, id DESC LIMIT $7)
    UNION
    (SELECT tried.* FROM unnest($2::bytea[], $3::bigint[], $4::timestamptz[]) held (address, chain_id, since)
     CROSS JOIN LATERAL (
        SELECT * FROM login_events
        WHERE login_events.address = held.address AND login_events.chain_id = held.chain_id AND user_id IS NULL
        AND at >= held.since AND ($5::timestamptz IS NULL OR (at, id) < ($5, $6::uuid))
        ORDER BY at DESC, id DESC LIMIT $7
     ) tried)
) event
LEFT JOIN sessions session ON session.id = event.session_id
ORDER BY event.at DESC, event.id DESC LIMIT $7
"""


class LoginEventStore:
    """Lines of `login_events`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_own(
        self, user_id: UserId, wallets: Sequence[HeldWallet], before: tuple[datetime, UUID] | None, limit: int
    ) -> list[LoginRecord]:
        """What a user did or was refused, and what was refused to whoever came with a wallet of the user; newest first,
        older than `before`, which is a line's time and id."""
        at, event_id = (None, None) if before is None else before
        rows = await self._database.pool.fetch(
            _OWN, user_id, [w.address for w in wallets], [int(w.chain) for w in wallets], [w.since for w in wallets],
            at, event_id, limit,
        )  # fmt: skip
        return [_from_row(row) for row in rows]


def _from_row(row: asyncpg.Record) -> LoginRecord:
    event = LoginEvent(
        id=row["id"],
        at=row["at"],
        reason=row["reason"],
        client=Client(row["ip"], row["user_agent"]),
        user_id=row["user_id"],
        session_id=row["session_id"],
        address=None if row["address"] is None else Address(row["address"]),
        chain=None if row["chain_id"] is None else ChainId(row["chain_id"]),
    )
    return LoginRecord(event, row["revoked_at"], row["revoked_reason"] or "")
