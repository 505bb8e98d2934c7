"""Sessions of browsers: tokens in cookies from sign-in to sign-out, sockets included, on the real services."""

from __future__ import annotations

from identity_parts import ORIGIN, REFRESH, SUBPROTOCOL, WHO, Edge, Wallet, closing

SESSION_PATH = "/graphql/session"
ACCESS, REFRESH_COOKIE = "mercato-access", "mercato-refresh"
SIGN_OUT = "mutation { signOut { revoked } }"
REVOKE = "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessions { id current } } }"


async def test_a_page_signs_in_and_no_script_ever_sees_a_token(edge: Edge, wallet: Wallet) -> None:
    answer = await edge.sign_in(wallet, "COOKIE", Origin=ORIGIN)
    tokens = answer.data["signIn"]["tokens"]
    assert (tokens["accessToken"], tokens["refreshToken"]) == (None, None)
    assert tokens["accessTokenExpiresAt"] < tokens["refreshTokenExpiresAt"]
    access, refresh = answer.cookies[ACCESS], answer.cookies[REFRESH_COOKIE]
    for cookie in (access, refresh):
        assert cookie["httponly"]
        assert cookie["samesite"] == "strict"
        assert not cookie["domain"]
        assert cookie.value not in str(answer.body)
    assert (access["path"], refresh["path"]) == ("/", SESSION_PATH)
    assert 800 < int(access["max-age"]) <= 900
    assert 29 * 86400 < int(refresh["max-age"]) <= 30 * 86400
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_cookie_is_as_good_as_a_token_and_is_renewed_by_the_other(edge: Edge, wallet: Wallet) -> None:
    browser = await edge.browser(wallet)
    assert (await browser.post(WHO)).data["viewer"]["address"] == wallet.address.checksum
    assert REFRESH_COOKIE not in browser.header("/graphql")
    before = dict(browser.cookies)
    renewed = await browser.post(REFRESH, SESSION_PATH, input={})
    assert renewed.data["refreshSession"]["tokens"] == {"accessToken": None, "refreshToken": None}
    assert browser.cookies[REFRESH_COOKIE] != before[REFRESH_COOKIE]
    assert (await browser.post(WHO)).data["viewer"]["address"] == wallet.address.checksum


async def test_a_page_opens_a_socket_by_its_cookie(edge: Edge) -> None:
    browser = await edge.browser()
    async with edge.socket(Origin=ORIGIN, Cookie=browser.header()) as ws:
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
        assert (await browser.post(SIGN_OUT)).data == {"signOut": {"revoked": 1}}
        assert await closing(ws) == (4403, "SESSION_REVOKED")


async def test_signing_out_takes_the_cookies_away_and_ends_the_session(edge: Edge) -> None:
    browser = await edge.browser()
    kept = dict(browser.cookies)
    assert (await browser.post(SIGN_OUT)).data == {"signOut": {"revoked": 1}}
    assert browser.cookies == {}
    assert (await browser.post(WHO)).data == {"viewer": None}
    browser.cookies = kept
    assert (await browser.post(WHO)).reason == "SESSION_REVOKED"
    assert (await browser.post(REFRESH, SESSION_PATH, input={})).reason == "SESSION_REVOKED"
    assert browser.cookies == {}


async def test_signing_out_after_the_access_token_has_expired_ends_the_session_where_the_refresh_cookie_goes(
    edge: Edge,
) -> None:
    """A browser forgets the access cookie at its end; the refresh cookie lives on, on its own path alone."""
    browser = await edge.browser()
    refresh = dict(browser.cookies)
    del browser.cookies[ACCESS]
    async with edge.socket(Origin=ORIGIN, Cookie=f"{ACCESS}={refresh[ACCESS][1]}") as ws:
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
        assert (await browser.post(SIGN_OUT, SESSION_PATH)).data == {"signOut": {"revoked": 1}}
        assert await closing(ws) == (4403, "SESSION_REVOKED")
    assert browser.cookies == {}
    browser.cookies = refresh
    assert (await browser.post(REFRESH, SESSION_PATH, input={})).reason == "SESSION_REVOKED"


async def test_signing_out_of_all_works_by_the_refresh_cookie_too(edge: Edge, wallet: Wallet) -> None:
    browser, other = await edge.browser(wallet), await edge.browser(wallet)
    browser.cookies[ACCESS] = ("/", "no.longer.good")
    everywhere = SIGN_OUT.replace("signOut", "signOut(all: true)")
    assert (await browser.post(everywhere, SESSION_PATH)).data == {"signOut": {"revoked": 2}}
    assert browser.cookies == {}
    assert (await other.post(WHO)).reason == "SESSION_REVOKED"


async def test_a_browser_that_signs_out_of_a_session_that_is_over_forgets_its_cookies(edge: Edge) -> None:
    """Whatever the server can still do for it: nobody is left with a cookie they wanted to be rid of."""
    for path, reason in (("/graphql", "TOKEN_INVALID"), (SESSION_PATH, "REFRESH_UNKNOWN")):
        browser = await edge.browser()
        browser.cookies |= {ACCESS: ("/", "no.longer.good"), REFRESH_COOKIE: (SESSION_PATH, "nor this")}
        assert (await browser.post(SIGN_OUT, path)).reason == reason
        assert browser.cookies == {}
        browser = await edge.browser()
        del browser.cookies[ACCESS]
        await browser.post(SIGN_OUT, path)
        assert browser.cookies == {}


async def test_signing_out_by_the_refresh_cookie_is_for_our_own_pages_alone(edge: Edge) -> None:
    browser = await edge.browser()
    kept = dict(browser.cookies)
    del browser.cookies[ACCESS]
    for origin in ("https://evil.example", None):
        assert (await browser.post(SIGN_OUT, SESSION_PATH, origin)).reason == "ORIGIN_NOT_ALLOWED"
    browser.cookies = kept
    assert (await browser.post(REFRESH, SESSION_PATH, input={})).status == 200


async def test_a_program_that_signs_out_with_an_old_token_gets_its_reason_and_no_cookies(edge: Edge) -> None:
    answer = await edge.post(SIGN_OUT, headers={"Authorization": "Bearer no.longer.good"})
    assert (answer.reason, answer.cookies) == ("TOKEN_INVALID", {})


async def test_a_lost_device_is_signed_out_from_another_and_its_socket_closes(edge: Edge, wallet: Wallet) -> None:
    lost, kept = await edge.browser(wallet), await edge.browser(wallet)
    async with edge.socket(Origin=ORIGIN, Cookie=lost.header()) as ws:
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
        sessions = (await kept.post(WHO)).data["viewer"]["sessions"]
        (own,) = [session for session in sessions if session["current"]]
        (other,) = [session for session in sessions if not session["current"]]
        left = await kept.post(REVOKE, input={"id": other["id"]})
        assert left.data["revokeSession"]["sessions"] == [own]
        assert await closing(ws) == (4403, "SESSION_REVOKED")
    assert (await lost.post(WHO)).reason == "SESSION_REVOKED"
    assert (await kept.post(WHO)).data["viewer"]["address"] == wallet.address.checksum


async def test_a_program_gets_its_tokens_in_the_body_and_no_cookies(edge: Edge, wallet: Wallet) -> None:
    answer = await edge.sign_in(wallet)
    tokens = answer.data["signIn"]["tokens"]
    assert not answer.cookies
    bearer = {"Authorization": f"Bearer {tokens['accessToken']}"}
    assert (await edge.post(WHO, headers=bearer)).data["viewer"]["address"] == wallet.address.checksum
    renewed = await edge.post(REFRESH, input={"refreshToken": tokens["refreshToken"]})
    assert renewed.data["refreshSession"]["tokens"]["refreshToken"] != tokens["refreshToken"]
    assert not renewed.cookies


async def test_a_token_in_the_header_counts_before_a_cookie(edge: Edge, wallet: Wallet) -> None:
    browser, program = await edge.browser(), await edge.sign_in(wallet)
    token = program.data["signIn"]["tokens"]["accessToken"]
    answer = await edge.post(WHO, headers={"Authorization": f"Bearer {token}", "Cookie": browser.header()})
    assert answer.data["viewer"]["address"] == wallet.address.checksum
    url = edge.url.replace("http", "ws") + "/graphql"
    async with edge.session.ws_connect(url, protocols=[SUBPROTOCOL], headers={"Cookie": browser.header()}) as ws:
        await ws.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
