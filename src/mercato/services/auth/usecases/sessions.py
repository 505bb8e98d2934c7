"""Life of a session after sign-in: refresh, list, revoke, and who its access token speaks for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from mercato.kit.errors import InvalidArgument, NotFound, Unauthenticated
from mercato.kit.ids import SessionId, UserId
from mercato.services.auth.model.sessions import Client, Lifetimes, Link, LoginEvent, Refusal, Session
from mercato.services.auth.model.tokens import (
    Principal,
    key_id,
    new_refresh_token,
    read_access_token,
    refresh_token_hash,
)
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.ports import Clock, Limits, Sessions, Signatures, Wallets
from mercato.services.auth.usecases.tokens import TokenMint, TokenPair

_BY_USER = "BY_USER"
_UNLINKED = "WALLET_UNLINKED"
_TOKEN_LIMIT = 4096
_MOST_ASKED = 5000


class Refresh:
    """Rotates a refresh token; each one works once, and the use of an old one ends the session."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        limits: Limits,
        signatures: Signatures,
        wallets: Wallets,
        mint: TokenMint,
        lifetimes: Lifetimes,
        clock: Clock,
        make_id: Callable[[], UUID],
    ) -> None:
        self._sessions = sessions
        self._limits = limits
        self._signatures = signatures
        self._wallets = wallets
        self._mint = mint
        self._lifetimes = lifetimes
        self._clock = clock
        self._make_id = make_id

    async def run(self, refresh_token: str, client: Client) -> TokenPair:
        """Raises `RateLimited`, or `Unauthenticated` REFRESH_UNKNOWN, REFRESH_REUSED, REFRESH_EXPIRED,
        SIGNATURE_WITHDRAWN or SESSION_REVOKED; `NodeUnavailable` where a contract wallet cannot be asked, which costs
        nothing."""
        await self._limits.charge({"ip": client.network})
        now = self._clock()
        shown, successor = refresh_token_hash(refresh_token), new_refresh_token()

        def refused(refusal: Refusal, session: Session | None) -> LoginEvent:
            event = LoginEvent(self._make_id(), now, refusal.value, client)
            if session is None:
                return event
            return replace(
                event, user_id=session.user_id, session_id=session.id, address=session.address, chain=session.chain
            )

        await self._ask_again(shown, now, refused)
        session = await self._sessions.rotate(
            shown,
            refresh_token_hash(successor),
            now,
            lambda session: self._lifetimes.end(session.proof, session.created_at, now),
            refused,
        )
        if session.wallet_id is not None:
            await self._wallets.saw(session.wallet_id)
        return self._mint.pair(session, successor, now)

    async def _ask_again(
        self, shown: bytes, now: datetime, refused: Callable[[Refusal, Session | None], LoginEvent]
    ) -> None:
        """A contract wallet that changed its signers may not stand by what one of them signed (ERC-1271)."""
        kept = await self._sessions.find_evidence(shown, now)
        if kept is None:
            return
        session, evidence = kept
        if await self._signatures.prove(evidence.message, evidence.signature, session.address, session.chain) is None:
            await self._sessions.withdraw(session.id, now, refused(Refusal.WITHDRAWN, session))
            raise Refusal.WITHDRAWN.error()


class Introspect:
    """Says who an access token speaks for."""

    def __init__(self, keys: KeyRing, sessions: Sessions, issuer: str, clock: Clock) -> None:
        self._keys = keys
        self._sessions = sessions
        self._issuer = issuer
        self._clock = clock

    async def run(self, token: str) -> Principal:
        """Raises `Unauthenticated` TOKEN_INVALID, TOKEN_EXPIRED or SESSION_REVOKED."""
        if len(token) > _TOKEN_LIMIT:
            raise Unauthenticated("TOKEN_INVALID", "this is no access token; sign in")
        key = await self._keys.public(key_id(token))
        principal = read_access_token(token, key, self._issuer, self._clock())
        if await self._sessions.is_revoked(principal.session_id):
            raise Refusal.REVOKED.error()
        return principal


class ManageSessions:
    """A user's own sessions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def list_live(self, user_id: UserId) -> list[Session]:
        """Last used first."""
        return await self._sessions.list_live(user_id, self._clock())

    async def revoke(self, user_id: UserId, session_id: SessionId) -> None:
        """Safe to repeat. Raises `NotFound` SESSION_NOT_FOUND for another user's session as for none."""
        session = await self._sessions.find(session_id)
        if session is None or session.user_id != user_id:
            raise NotFound("SESSION_NOT_FOUND", "you have no such session; list your sessions for their ids")
        await self._sessions.revoke(session_id, self._clock(), _BY_USER)

    async def revoke_all(self, user_id: UserId) -> list[SessionId]:
        """Returns which sessions were ended."""
        return await self._sessions.revoke_all(user_id, self._clock(), _BY_USER)

    async def revoke_of_wallet(self, link: Link) -> list[SessionId]:
        """Ends the sessions that came through a link that is gone; returns all that ended so, also before this call.

        Safe to repeat, at once and at any later time: no session comes through this link again.
        """
        return await self._sessions.revoke_of_wallet(link, self._clock(), _UNLINKED)

    async def find_ended(self, session_ids: Collection[SessionId]) -> set[SessionId]:
        """Those of any users' sessions that are over. Raises `InvalidArgument` TOO_MANY_SESSIONS."""
        if len(session_ids) > _MOST_ASKED:
            raise InvalidArgument("TOO_MANY_SESSIONS", f"ask for at most {_MOST_ASKED} sessions at once")
        return await self._sessions.find_ended(session_ids, self._clock())
