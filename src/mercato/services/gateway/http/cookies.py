"""Sessions of browsers: tokens in cookies that no script reads, believed only when one of our own pages sent them.

Cookies travel with whatever makes a browser call us, so a request that carries them must show where it comes from: an
`Origin` that may sign in (MERCATO_SIWE_URIS) or, where browsers send none, `Sec-Fetch-Site` saying that nobody else
made it. Neither can be set by a page. With the media types and headers that force a preflight (http/graphql.py,
http/multipart.py), mutations by POST only, and SameSite=Strict, four independent things stand before a forged request.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response

from mercato.kit.errors import PermissionDenied, Unauthenticated
from mercato.services.gateway.model.people import SessionTokens

REFRESH_PATH = "/graphql/session"
"""Where alone the refresh token is sent: the same API under a second path."""

_OWN_SITES = ("same-origin", "none")


class CookiePolicy(NamedTuple):
    """What cookies are called and whose requests may use them.

    `secure` is for HTTPS, as in production: then the access cookie has the ``__Host-`` prefix, which no subdomain can
    set, and the refresh cookie ``__Secure-``, since the first one would not let it be limited to a path (RFC 6265bis
    §4.1.3).
    """

    secure: bool
    origins: Collection[str]
    now: Callable[[], datetime]

    @property
    def access(self) -> str:
        return "__Host-mercato-access" if self.secure else "mercato-access"

    @property
    def refresh(self) -> str:
        return "__Secure-mercato-refresh" if self.secure else "mercato-refresh"


class Cookies:
    """The cookies of one request, and what its answer is to set."""

    def __init__(self, policy: CookiePolicy, connection: HTTPConnection) -> None:
        self._policy = policy
        self._connection = connection
        self._kept: SessionTokens | None = None
        self._dropped = False

    def check_origin(self) -> None:
        """Raises `PermissionDenied` ORIGIN_NOT_ALLOWED when not one of our own pages is seen to ask."""
        if not self._is_own_page():
            raise PermissionDenied(
                "ORIGIN_NOT_ALLOWED", "cookies work from the marketplace's own pages; elsewhere send a bearer token"
            )

    def access_token(self) -> str | None:
        """None without a cookie. Raises `PermissionDenied` ORIGIN_NOT_ALLOWED."""
        return self._find(self._policy.access)

    def refresh_token(self) -> str:
        """Raises `Unauthenticated` REFRESH_MISSING, `PermissionDenied` ORIGIN_NOT_ALLOWED."""
        found = self._find(self._policy.refresh)
        if found is None:
            raise Unauthenticated(
                "REFRESH_MISSING", f"give refreshToken, or post to {REFRESH_PATH} after a sign-in by cookie"
            )
        return found

    def find_refresh_token(self) -> str | None:
        """None without a cookie, and beside a token in the header, which is then who asks. Raises `PermissionDenied`
        ORIGIN_NOT_ALLOWED."""
        return None if "authorization" in self._connection.headers else self._find(self._policy.refresh)

    def keep(self, tokens: SessionTokens) -> SessionTokens:
        """Sends tokens in cookies; what is returned for the body has their ends only."""
        self._kept, self._dropped = tokens, False
        return msgspec.structs.replace(tokens, access_token=None, refresh_token=None)

    def drop(self) -> None:
        """Has the browser forget its tokens: one that came with any, or a page of ours, whose browser may keep one for
        another path."""
        self._kept, self._dropped = None, True

    def write(self, response: Response) -> None:
        """Puts the changes into an answer."""
        policy = self._policy
        if self._kept is not None:
            kept = self._kept
            self._set(response, policy.access, kept.access_token, kept.access_token_expires_at, "/")
            self._set(response, policy.refresh, kept.refresh_token, kept.refresh_token_expires_at, REFRESH_PATH)
        elif self._dropped and (
            self._connection.cookies.keys() & {policy.access, policy.refresh} or self._is_own_page()
        ):
            self._set(response, policy.access, "", policy.now(), "/")
            self._set(response, policy.refresh, "", policy.now(), REFRESH_PATH)

    def _is_own_page(self) -> bool:
        headers = self._connection.headers
        origin = headers.get("origin")
        return headers.get("sec-fetch-site") in _OWN_SITES if origin is None else origin in self._policy.origins

    def _find(self, name: str) -> str | None:
        found = self._connection.cookies.get(name)
        if not found:
            return None
        self.check_origin()
        return found

    def _set(self, response: Response, name: str, value: str | None, ends: datetime, path: str) -> None:
        seconds = max(0, int((ends - self._policy.now()).total_seconds()))
        response.set_cookie(
            name, value or "", max_age=seconds, path=path, secure=self._policy.secure, httponly=True, samesite="strict"
        )
