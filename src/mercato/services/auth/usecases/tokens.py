"""What a session's tokens look like to the outside, made in one place for sign-in and refresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.services.auth.model.admins import Admins
from mercato.services.auth.model.sessions import Session
from mercato.services.auth.model.tokens import ADMIN, Principal, sign_access_token
from mercato.services.auth.usecases.keys import KeyRing


@dataclass(frozen=True)
class TokenPair:
    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


class TokenMint:
    """Signs access tokens; a session of one of `admins` gets the role `admin`."""

    def __init__(self, keys: KeyRing, issuer: str, access_ttl: timedelta, admins: Admins) -> None:
        self._keys = keys
        self._issuer = issuer
        self._access_ttl = access_ttl
        self._admins = admins

    def pair(self, session: Session, refresh_token: str, now: datetime) -> TokenPair:
        """An access token that ends with the session at the latest, beside the refresh token already kept."""
        expires_at = min(now + self._access_ttl, session.expires_at)
        roles = (ADMIN,) if self._admins.include(session) else ()
        principal = Principal(session.user_id, session.id, session.address, session.chain, roles, expires_at)
        access_token = sign_access_token(self._keys.signing, self._issuer, principal, now)
        return TokenPair(access_token, expires_at, refresh_token, session.expires_at)
