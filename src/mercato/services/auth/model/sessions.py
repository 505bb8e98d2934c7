"""Sessions: what a sign-in opens, and what becomes of a refresh token that is shown."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from mercato.kit.errors import Unauthenticated
from mercato.kit.ids import Address, ChainId, SessionId, UserId

_IP_LIMIT = 64
_AGENT_LIMIT = 512


@dataclass(frozen=True)
class Client:
    """Where a request came from, as the gateway saw it; both are only ever shown to people."""

    ip: str
    user_agent: str

    @classmethod
    def of(cls, ip: str, user_agent: str) -> Client:
        """Cut to size and free of control characters, which neither logs nor PostgreSQL text take."""
        return cls(_printable(ip, _IP_LIMIT), _printable(user_agent, _AGENT_LIMIT))

    @property
    def network(self) -> str:
        """Whose requests are counted together: one IPv4 address, or the 64 bits of IPv6 that one household or server
        is given."""
        try:
            address = ipaddress.IPv6Address(self.ip)
            return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
        except ValueError:
            return self.ip


@dataclass(frozen=True)
class Session:
    """One sign-in on one device: the family of all refresh tokens that follow from it."""

    id: SessionId
    user_id: UserId
    address: Address
    chain: ChainId
    client: Client
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    wallet_id: UUID | None = None
    """The link it came through; None for sessions that were open before links were noted."""
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now


@dataclass(frozen=True)
class Link:
    """A wallet of a user. The same address, linked again, is another one, with an id of its own."""

    wallet_id: UUID
    user_id: UserId
    address: Address
    chain: ChainId


class Refusal(Enum):
    """Why a refresh token is not rotated."""

    UNKNOWN = "REFRESH_UNKNOWN"
    REUSED = "REFRESH_REUSED"
    REVOKED = "SESSION_REVOKED"
    EXPIRED = "REFRESH_EXPIRED"

    def error(self) -> Unauthenticated:
        return Unauthenticated(self.value, _REFUSALS[self])


_REFUSALS = {
    Refusal.UNKNOWN: "this refresh token was not issued here; sign in",
    Refusal.REUSED: "this refresh token was used before; the session is closed, sign in again",
    Refusal.REVOKED: "this session was closed; sign in again",
    Refusal.EXPIRED: "this session has expired; sign in again",
}


def judge_refresh(session: Session, used_at: datetime | None, now: datetime) -> Refusal | None:
    """None when the token may be rotated (RFC 9700 §4.14).

    A closed session answers that it is closed, whichever of its tokens is shown: only the first re-use is news.
    There is no grace for a repeated use, since a client that lost an answer cannot be told from a thief.
    """
    if session.revoked_at is not None:
        return Refusal.REVOKED
    if used_at is not None:
        return Refusal.REUSED
    return Refusal.EXPIRED if session.expires_at <= now else None


@dataclass(frozen=True)
class LoginEvent:
    """One line of the log of sign-ins: `reason` is SIGNED_IN, or why it was refused."""

    id: UUID
    at: datetime
    reason: str
    client: Client
    user_id: UserId | None = None
    session_id: SessionId | None = None
    address: Address | None = None
    chain: ChainId | None = None

    @property
    def succeeded(self) -> bool:
        return self.reason == SIGNED_IN


SIGNED_IN = "SIGNED_IN"


def _printable(text: str, limit: int) -> str:
    return "".join(c for c in text[:limit] if c.isprintable())
