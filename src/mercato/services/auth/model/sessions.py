"""Sessions: what a sign-in opens, and what becomes of a refresh token that is shown."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
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


class Proof(Enum):
    """What showed that an address signed: its own key, or the contract that stands there (ERC-1271, ERC-6492)."""

    KEY = "KEY"
    CONTRACT = "CONTRACT"


@dataclass(frozen=True)
class Evidence:
    """What a contract wallet said yes to when it signed in. It may be asked again, and say no."""

    message: str
    signature: bytes


@dataclass(frozen=True)
class Session:
    """One sign-in on one device: the family of all refresh tokens that follow from it."""

    id: SessionId
    user_id: UserId
    address: Address
    chain: ChainId
    proof: Proof
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


class Occasion(Enum):
    """What somebody wanted who is in the log of sign-ins."""

    SIGN_IN = "SIGN_IN"
    LINK = "LINK"
    REFRESH = "REFRESH"


class Refusal(Enum):
    """Why a refresh token is not rotated."""

    UNKNOWN = "REFRESH_UNKNOWN"
    REUSED = "REFRESH_REUSED"
    REVOKED = "SESSION_REVOKED"
    EXPIRED = "REFRESH_EXPIRED"
    WITHDRAWN = "SIGNATURE_WITHDRAWN"

    def error(self) -> Unauthenticated:
        return Unauthenticated(self.value, _REFUSALS[self])


_OF_REFRESHES = {refusal.value for refusal in Refusal}

_REFUSALS = {
    Refusal.UNKNOWN: "this refresh token was not issued here; sign in",
    Refusal.REUSED: "this refresh token was used before; the session is closed, sign in again",
    Refusal.REVOKED: "this session was closed; sign in again",
    Refusal.EXPIRED: "this session has expired; sign in again",
    Refusal.WITHDRAWN: "the contract wallet does not stand by this sign-in any more; sign in again",
}


@dataclass(frozen=True)
class Lifetimes:
    """How long sessions live: `refresh` after each use, those of contract wallets for `contract` in all.

    A key stays who it is. Who may sign for a contract changes, and not every contract takes old signatures back with
    it: what a Safe approved on chain stays approved when its owners leave.
    """

    refresh: timedelta
    contract: timedelta

    def end(self, proof: Proof, created_at: datetime, now: datetime) -> datetime:
        """Until when a session that is used now may live."""
        end = now + self.refresh
        return end if proof is Proof.KEY else min(end, created_at + self.contract)


def judge_refresh(session: Session, used_at: datetime | None, end: datetime, now: datetime) -> Refusal | None:
    """None when the token may be rotated (RFC 9700 §4.14), so that the session lives until `end`.

    A closed session answers that it is closed, whichever of its tokens is shown: only the first re-use is news.
    There is no grace for a repeated use, since a client that lost an answer cannot be told from a thief.
    """
    if session.revoked_at is not None:
        return Refusal.REVOKED
    if used_at is not None:
        return Refusal.REUSED
    return Refusal.EXPIRED if min(session.expires_at, end) <= now else None


@dataclass(frozen=True)
class LoginEvent:
    """One line of the log of sign-ins: `reason` is SIGNED_IN or LINK_PROVEN, or why it was refused."""

    id: UUID
    at: datetime
    reason: str
    client: Client
    user_id: UserId | None = None
    session_id: SessionId | None = None
    address: Address | None = None
    chain: ChainId | None = None

    @property
    def occasion(self) -> Occasion:
        """Only a link is written down for a user without a session of theirs."""
        if self.reason in _OF_REFRESHES:
            return Occasion.REFRESH
        return Occasion.LINK if self.user_id is not None and self.session_id is None else Occasion.SIGN_IN

    @property
    def succeeded(self) -> bool:
        return self.reason in (SIGNED_IN, LINK_PROVEN)


@dataclass(frozen=True)
class LoginRecord:
    """A line as it is read: with the end of the session it tells of, if somebody ended that."""

    event: LoginEvent
    ended_at: datetime | None
    end_reason: str


@dataclass(frozen=True)
class HeldWallet:
    """A wallet that a user has since a time."""

    address: Address
    chain: ChainId
    since: datetime


SIGNED_IN = "SIGNED_IN"
LINK_PROVEN = "LINK_PROVEN"


def _printable(text: str, limit: int) -> str:
    return "".join(c for c in text[:limit] if c.isprintable())
