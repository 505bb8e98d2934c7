"""Cookies of browsers: their names and attributes, and which requests may use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from starlette.requests import Request
from starlette.responses import Response

from mercato.kit.errors import MercatoError, PermissionDenied
from mercato.services.gateway.http.cookies import CookiePolicy, Cookies
from mercato.services.gateway.model.people import SessionTokens

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKENS = SessionTokens("access", NOW + timedelta(minutes=15), "refresh", NOW + timedelta(days=30))
ORIGIN = "https://market.example"


def policy(secure: bool = True) -> CookiePolicy:
    return CookiePolicy(secure, frozenset([ORIGIN]), lambda: NOW)


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/graphql", "headers": raw})


def written(cookies: Cookies) -> dict[str, str]:
    """Set-Cookie lines by cookie name."""
    response = Response()
    cookies.write(response)
    lines = [value.decode() for name, value in response.raw_headers if name == b"set-cookie"]
    return {line.partition("=")[0]: line for line in lines}


def test_in_production_cookies_are_for_https_and_no_subdomain_can_set_the_access_token() -> None:
    cookies = Cookies(policy(), request(origin=ORIGIN))
    shown = cookies.keep(TOKENS)
    assert (shown.access_token, shown.refresh_token) == (None, None)
    assert shown.access_token_expires_at == TOKENS.access_token_expires_at
    attributes = "HttpOnly; Max-Age={}; Path={}; SameSite=strict; Secure"
    assert written(cookies) == {
        "__Host-mercato-access": f"__Host-mercato-access=access; {attributes.format(900, '/')}",
        "__Secure-mercato-refresh":
            f"__Secure-mercato-refresh=refresh; {attributes.format(2592000, '/graphql/session')}",
    }  # fmt: skip


def test_over_http_they_have_neither_prefix_nor_secure() -> None:
    cookies = Cookies(policy(secure=False), request(origin=ORIGIN))
    cookies.keep(TOKENS)
    lines = written(cookies)
    assert set(lines) == {"mercato-access", "mercato-refresh"}
    assert all("Secure" not in line and "HttpOnly" in line for line in lines.values())


def test_dropped_cookies_end_at_once_where_there_were_any() -> None:
    cookies = Cookies(policy(), request(origin=ORIGIN, cookie="__Host-mercato-access=access"))
    cookies.keep(TOKENS)
    cookies.drop()
    for line in written(cookies).values():
        morsel = next(iter(SimpleCookie(line).values()))
        assert (morsel.value, morsel["max-age"]) == ("", "0")
    stranger = Cookies(policy(), request())
    stranger.drop()
    assert written(stranger) == {}


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"origin": ORIGIN}, True),
        ({"origin": ORIGIN, "sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "Same-Origin"}, False),
        ({"origin": "", "sec_fetch_site": "same-origin"}, False),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, False),
        ({"origin": f"{ORIGIN}.evil.example"}, False),
        ({"origin": f"{ORIGIN}:443"}, False),
        ({"origin": f"{ORIGIN}/"}, False),
        ({"origin": f"{ORIGIN}, https://evil.example"}, False),
        ({}, False),
    ],
)
def test_cookies_count_for_our_own_pages_alone(headers: dict[str, str], own: bool) -> None:
    cookies = Cookies(policy(), request(cookie="__Host-mercato-access=access", **headers))
    if own:
        assert cookies.access_token() == "access"
        return
    with pytest.raises(PermissionDenied) as refusal:
        cookies.access_token()
    assert refusal.value.reason == "ORIGIN_NOT_ALLOWED"


@pytest.mark.parametrize(
    "cookie", ["mercato-access=a", "__Host-mercato-access=", "other=1", ";;=", "__host-mercato-access=a"]
)
def test_a_cookie_of_another_name_is_none(cookie: str) -> None:
    """In production the name without its prefix means nothing: any subdomain could have set it."""
    cookies = Cookies(policy(), request(cookie=cookie))
    assert cookies.access_token() is None
    with pytest.raises(MercatoError) as refusal:
        cookies.refresh_token()
    assert refusal.value.reason == "REFRESH_MISSING"
