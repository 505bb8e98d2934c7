"""What resolvers see of a request: who asks, the loaders, the services, the live pushes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from mercato.kit.errors import InvalidArgument, PermissionDenied, Unauthenticated
from mercato.services.gateway.graph.loaders import Loaders
from mercato.services.gateway.model.people import Client, Principal, SessionTokens
from mercato.services.gateway.rpc.backends import Backends

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from mercato.services.gateway.consumers import PushHub


_ADMIN = "admin"


class TokenChecker(Protocol):
    """Who a token speaks for (see http/sessions.py)."""

    async def principal(self, access_token: str) -> Principal: ...

    def ended(self, session_ids: Iterable[str]) -> None: ...


class CookieJar(Protocol):
    """The cookies of a browser's session (see http/cookies.py)."""

    def check_origin(self) -> None: ...

    def refresh_token(self) -> str: ...

    def find_refresh_token(self) -> str | None: ...

    def keep(self, tokens: SessionTokens) -> SessionTokens: ...

    def drop(self) -> None: ...


class Context:
    """One operation, or one event of a subscription. `token` is None for anonymous requests."""

    def __init__(
        self,
        backends: Backends,
        hub: PushHub,
        checker: TokenChecker,
        token: str | None,
        client: Client,
        cookies: CookieJar | None = None,
    ) -> None:
        self.backends = backends
        self.hub = hub
        self.client = client
        self.loaders = Loaders(backends)
        self._checker = checker
        self._token = token
        self._cookies = cookies

    @property
    def cookies(self) -> CookieJar:
        """Raises `InvalidArgument` COOKIES_UNAVAILABLE where an answer cannot set any, which is on a WebSocket."""
        if self._cookies is None:
            raise InvalidArgument("COOKIES_UNAVAILABLE", "sign in and refresh by POST")
        return self._cookies

    @property
    def anonymous(self) -> bool:
        return self._token is None

    async def principal(self) -> Principal:
        """Who asks; checked when first needed, so that public reads need no auth service.

        Raises `Unauthenticated` AUTHENTICATION_REQUIRED without a token, and the auth service's reason for a bad one.
        """
        if self._token is None:
            raise Unauthenticated("AUTHENTICATION_REQUIRED", "sign in and send 'Authorization: Bearer <accessToken>'")
        return await self._checker.principal(self._token)

    async def admin(self) -> Principal:
        """Who asks, when that is an admin (MERCATO_ADMIN_ADDRESSES). Raises `PermissionDenied` ADMIN_REQUIRED, and what
        `principal` raises."""
        principal = await self.principal()
        if _ADMIN not in principal.roles:
            raise PermissionDenied("ADMIN_REQUIRED", "only admins of this marketplace may do this")
        return principal

    def ended(self, session_ids: Iterable[str]) -> None:
        """After sessions were ended: no token of theirs is believed here from now on."""
        self._checker.ended(session_ids)

    def for_event(self) -> Context:
        """A context with empty loaders: what one event loaded may be old at the next."""
        return Context(self.backends, self.hub, self._checker, self._token, self.client)


def context_of(info: GraphQLResolveInfo[Context]) -> Context:
    """The typed context of a resolver."""
    return info.context
