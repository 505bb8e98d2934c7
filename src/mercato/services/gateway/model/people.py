"""Users, their wallets and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import Position


class ProfileLink(msgspec.Struct, frozen=True):
    label: str
    url: str


class Profile(msgspec.Struct, frozen=True):
    handle: str | None
    display_name: str | None
    bio: str | None
    avatar_uri: str | None
    links: tuple[ProfileLink, ...] = ()


class User(msgspec.Struct, frozen=True):
    user_id: UUID
    address: Address
    profile: Profile
    created_at: datetime
    last_login_at: datetime | None = None


class Wallet(msgspec.Struct, frozen=True):
    wallet_id: str
    user_id: UUID
    address: Address
    chain_id: ChainId
    primary: bool
    linked_at: datetime | None
    last_seen_at: datetime | None


class Proven(NamedTuple):
    """A wallet that signed a message for linking; `by_key` when its own key did, else its contract."""

    address: Address
    chain_id: ChainId
    by_key: bool


class Approval(msgspec.Struct, frozen=True):
    chain_id: ChainId
    contract: Address
    owner: Address
    operator: Address
    token_id: int | None
    approved: bool
    position: Position


class ApprovalChange(msgspec.Struct, frozen=True):
    chain_id: ChainId
    contract: Address
    owner: Address
    operator: Address
    token_id: int | None
    approved: bool
    position: Position
    ended_by: Position | None


class ApprovalQuery(NamedTuple):
    """Whose approvals, and which of them; None is any."""

    owners: Sequence[Address]
    chain_id: ChainId | None = None
    contract: Address | None = None
    operator: Address | None = None


class Session(msgspec.Struct, frozen=True):
    session_id: str
    address: Address
    chain_id: ChainId
    ip: str | None
    user_agent: str | None
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    current: bool = False


class SignInRecord(msgspec.Struct, frozen=True):
    """A line of the log of sign-ins."""

    record_id: str
    at: datetime
    occasion: str
    succeeded: bool
    reason: str
    address: Address | None
    chain_id: ChainId | None
    ip: str | None
    user_agent: str | None
    session: str | None
    session_ended_at: datetime | None
    session_end_reason: str | None


class Principal(msgspec.Struct, frozen=True):
    """Who an access token speaks for."""

    user_id: UUID
    session_id: str
    address: Address
    chain_id: ChainId
    roles: tuple[str, ...]
    expires_at: datetime


class Client(NamedTuple):
    """Where a request comes from, for the sign-in log and its limits."""

    ip: str
    user_agent: str


class Nonce(msgspec.Struct, frozen=True):
    nonce: str
    message: str
    expires_at: datetime


class SessionTokens(msgspec.Struct, frozen=True):
    """The tokens are None where they travel in cookies."""

    access_token: str | None
    access_token_expires_at: datetime
    refresh_token: str | None
    refresh_token_expires_at: datetime


class SignIn(msgspec.Struct, frozen=True):
    tokens: SessionTokens
    user_id: UUID
    address: Address
    chain_id: ChainId
    new_user: bool
