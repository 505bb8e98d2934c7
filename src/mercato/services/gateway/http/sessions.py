"""Who an access token speaks for: asked of the auth service once, believed until the session is heard to have ended.

Auth publishes every revocation (`kit/channels.py`), so while that channel has not been interrupted a verdict stays
true and costs nothing; it is asked for again every `BELIEVED_SECONDS` all the same. Without the channel a verdict is
remembered for half a second only, and auth is asked about all open sockets together, once a second.

While auth does not answer, tokens it has vouched for go on to their own end, since nobody else could revoke them;
tokens not seen before are `Unavailable`, never believed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

from redis.exceptions import RedisError

from mercato.kit import channels, tasks
from mercato.kit.errors import MercatoError, Unauthenticated, Unavailable
from mercato.kit.logging import Logger
from mercato.kit.redis import Redis
from mercato.services.gateway.model.people import Principal

BELIEVED_SECONDS = 30.0
"""How long a verdict stands while revocations are heard."""

REMEMBERED_SECONDS = 0.5
"""How long it stands while they are not, and how long a refusal stands."""

RECHECK_SECONDS = 30.0
"""Between two looks at all open sockets' sessions, for what the channel may have lost."""

_DEAF_RECHECK = 1.0
_DEAF_PAUSE = 0.5
_POLL_SECONDS = 5.0
_MOST_TOKENS = 20_000
_MOST_ENDED = 50_000
_LONGEST_TOKEN = 4096
_BATCH = 5000

Ending = Callable[[str], None]
"""Told the reason, once, when a session ends."""


class Auth(Protocol):
    """What is asked of the auth service."""

    async def introspect(self, access_token: str) -> Principal: ...

    async def find_ended_sessions(self, session_ids: Sequence[str]) -> list[str]: ...


class _Verdict:
    """What auth said, or is about to say, of one token."""

    def __init__(self, asked_at: float, hearing: int, task: asyncio.Task[Principal]) -> None:
        self.asked_at = asked_at
        self.hearing = hearing
        self.task = task

    def principal(self) -> Principal | None:
        """None while it is not known, and for a refusal."""
        task = self.task
        return task.result() if task.done() and not task.cancelled() and task.exception() is None else None


class SessionChecker:
    """Checks tokens and ends what lives on a session; `hear` must be kept going beside it.

    `clock` is monotonic seconds, `now` the time of day in UTC, which tokens end by.
    """

    def __init__(
        self,
        auth: Auth,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        logger: Logger,
        recheck: float = RECHECK_SECONDS,
    ) -> None:
        self._auth = auth
        self._clock = clock
        self._now = now
        self._log = logger
        self._recheck = recheck
        self._verdicts: OrderedDict[str, _Verdict] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._watched: dict[str, set[Ending]] = {}
        # Counts the subscriptions to the channel; a verdict of an earlier one may have missed a revocation.
        self._hearings = 0
        self._hears = False
        self._due = asyncio.Event()

    # --- one token --------------------------------------------------------------------------------

    async def principal(self, access_token: str) -> Principal:
        """Any number of askers of one token share one call.

        Raises `Unauthenticated` with the auth service's reason, `Unavailable` when it does not answer.
        """
        if not 0 < len(access_token) <= _LONGEST_TOKEN or not access_token.isascii():
            raise Unauthenticated("TOKEN_INVALID", "this is not an access token; sign in")
        known = self._verdicts.get(access_token)
        if known is None or not self._stands(known):
            known = self._ask(access_token, known)
        # An asker that goes away must not cancel the call of the others.
        principal = await asyncio.shield(known.task) if (found := known.principal()) is None else found
        if principal.session_id in self._ended:
            raise _revoked()
        if principal.expires_at <= self._now():
            raise Unauthenticated("TOKEN_EXPIRED", "the access token has expired; refresh it")
        return principal

    def _stands(self, verdict: _Verdict) -> bool:
        age = self._clock() - verdict.asked_at
        if not verdict.task.done():
            return age <= BELIEVED_SECONDS
        heard = self._hears and verdict.hearing == self._hearings and verdict.principal() is not None
        return age <= (BELIEVED_SECONDS if heard else REMEMBERED_SECONDS)

    def _ask(self, access_token: str, before: _Verdict | None) -> _Verdict:
        task = asyncio.create_task(self._introspect(access_token, before))
        verdict = _Verdict(self._clock(), self._hearings, task)
        task.add_done_callback(_retrieve)
        self._verdicts[access_token] = verdict
        self._verdicts.move_to_end(access_token)
        if len(self._verdicts) > _MOST_TOKENS:
            self._verdicts.popitem(last=False)
        return verdict

    async def _introspect(self, access_token: str, before: _Verdict | None) -> Principal:
        try:
            return await self._auth.introspect(access_token)
        except Unavailable:
            # Only auth revokes: what it vouched for is as true as when it last answered, if we missed nothing since.
            vouched = before.principal() if before is not None and before.hearing == self._hearings else None
            if vouched is None or not self._hears:
                raise
            return vouched

    # --- sessions that end ------------------------------------------------------------------------

    def ended(self, session_ids: Iterable[str]) -> None:
        """From now on no token of these sessions is believed here, and what watches them is told."""
        for session_id in session_ids:
            self._ended[session_id] = None
            self._ended.move_to_end(session_id)
            if len(self._ended) > _MOST_ENDED:
                self._ended.popitem(last=False)
            for end in tuple(self._watched.get(session_id, ())):
                end("SESSION_REVOKED")

    def subscribed(self) -> None:
        """Revocations are heard from now on; what was believed before may have missed one."""
        self._hearings += 1
        self._hears = True
        self._due.set()

    @contextmanager
    def watching(self, session_id: str, end: Ending) -> Iterator[None]:
        """Calls `end` when the session ends, within milliseconds of its revocation."""
        self._watched.setdefault(session_id, set()).add(end)
        try:
            if session_id in self._ended:
                end("SESSION_REVOKED")
            yield
        finally:
            left = self._watched[session_id]
            left.discard(end)
            if not left:
                del self._watched[session_id]

    async def hear(self, redis: Redis) -> None:
        """Listens for revocations, and looks itself where they may have been missed. Never returns."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            while True:
                try:
                    await self._listen(redis)
                except (RedisError, OSError) as error:
                    self._log.warning("revocations not heard", error=repr(error))
                finally:
                    self._hears = False
                    self._due.set()
                await asyncio.sleep(_DEAF_PAUSE)
        finally:
            await tasks.ended([looking])

    async def _listen(self, redis: Redis) -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(channels.SESSIONS_ENDED)
            while True:
                message = await pubsub.get_message(timeout=_POLL_SECONDS)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    # The client subscribes again by itself after a lost connection: before each time may be a gap.
                    self.subscribed()
                elif message["type"] == "message":
                    self.ended([message["data"].decode("ascii", "replace")])

    async def _keep_looking(self) -> None:
        """Asks auth about all watched sessions: when the channel comes or goes, then slowly; every second while it is
        away or auth did not answer."""
        answered = True
        while True:
            pause = self._recheck if self._hears and answered else min(_DEAF_RECHECK, self._recheck)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._due.wait()
            self._due.clear()
            answered = await self._look()

    async def _look(self) -> bool:
        watched = list(self._watched)
        try:
            for start in range(0, len(watched), _BATCH):
                self.ended(await self._auth.find_ended_sessions(watched[start : start + _BATCH]))
        except MercatoError as error:
            self._log.warning("open sessions not looked at", reason=error.reason)
            return False
        return True


def _retrieve(task: asyncio.Task[Principal]) -> None:
    """A refusal that nobody waited for is no news for asyncio's log."""
    if not task.cancelled():
        task.exception()


def _revoked() -> Unauthenticated:
    return Unauthenticated("SESSION_REVOKED", "this session was closed; sign in again")


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization value (RFC 6750), None when there is none.

    Raises `Unauthenticated` AUTHORIZATION_INVALID for any other scheme.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("AUTHORIZATION_INVALID", "send 'Authorization: Bearer <accessToken>'")
    return token.strip()
