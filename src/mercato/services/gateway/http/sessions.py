"""Who an access token speaks for: asked of the auth service, remembered for half a second.

Half a second is short enough that a live socket, which asks twice a second, closes within a second of its session's
end, and long enough that a page with ten requests asks once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from mercato.kit.errors import Unauthenticated
from mercato.services.gateway.model.people import Principal
from mercato.services.gateway.rpc.identity import AuthClient

REMEMBERED_SECONDS = 0.5

_MOST_TOKENS = 20_000
_LONGEST_TOKEN = 4096


class SessionChecker:
    """Checks tokens; any number of askers of one token share one call."""

    def __init__(self, auth: AuthClient, clock: Callable[[], float]) -> None:
        self._auth = auth
        self._clock = clock
        self._asked: OrderedDict[str, tuple[float, asyncio.Task[Principal]]] = OrderedDict()

    async def principal(self, access_token: str) -> Principal:
        """Raises `Unauthenticated` with the auth service's reason, `Unavailable` when it does not answer."""
        if not 0 < len(access_token) <= _LONGEST_TOKEN or not access_token.isascii():
            raise Unauthenticated("TOKEN_INVALID", "this is not an access token; sign in")
        now = self._clock()
        known = self._asked.get(access_token)
        if known is None or now - known[0] > REMEMBERED_SECONDS:
            known = (now, asyncio.create_task(self._auth.introspect(access_token)))
            known[1].add_done_callback(_retrieve)
            self._asked[access_token] = known
            self._asked.move_to_end(access_token)
            if len(self._asked) > _MOST_TOKENS:
                self._asked.popitem(last=False)
        # An asker that goes away must not cancel the call of the others.
        return await asyncio.shield(known[1])

    def forget(self, access_token: str) -> None:
        """The next asker asks the auth service."""
        self._asked.pop(access_token, None)


def _retrieve(task: asyncio.Task[Principal]) -> None:
    """A refusal that nobody waited for is no news for asyncio's log."""
    if not task.cancelled():
        task.exception()


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
