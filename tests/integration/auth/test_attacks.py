"""Attacks on sign-in and sessions through the public API, on the real services; docs/security.md is their table."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from identity_parts import (
    ADDRESS_LIMIT,
    CHAIN,
    NONCE,
    ORIGIN,
    REFRESH,
    SIGN_IN,
    WHO,
    Answer,
    Edge,
    Wallet,
    closing,
    new_client,
)

from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

EVIL = "https://evil.example"
SESSION_PATH = "/graphql/session"
SIGN_OUT = "mutation { signOut { revoked } }"
JSON_BODY = json.dumps({"query": SIGN_OUT}).encode()


async def alive(edge: Edge, token: str) -> bool:
    answer = await edge.post(WHO, headers={"Authorization": f"Bearer {token}"})
    return answer.status == 200 and "errors" not in answer.body


async def token_of(edge: Edge, wallet: Wallet) -> str:
    token: str = (await edge.sign_in(wallet)).data["signIn"]["tokens"]["accessToken"]
    return token


async def submit(edge: Edge, message: str, signature: bytes, **headers: str) -> Answer:
    return await edge.post(SIGN_IN, headers=headers, input={"message": message, "signature": "0x" + signature.hex()})


# --- forged requests of browsers (CSRF) -----------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080.evil.example"},
        {"Origin": "http://localhost:8081"},
        {"Origin": "https://localhost:8080"},
        {"Origin": "HTTP://LOCALHOST:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
        {"Referer": ORIGIN + "/"},
        {},
    ],
)
async def test_a_cookie_does_nothing_for_a_request_that_does_not_come_from_our_own_page(
    edge: Edge, headers: dict[str, str]
) -> None:
    browser = await edge.browser()
    forged = await edge.post(SIGN_OUT, headers={"Cookie": browser.header(), **headers})
    assert (forged.status, forged.reason) == (403, "ORIGIN_NOT_ALLOWED")
    assert not forged.cookies
    stolen = await edge.post(REFRESH, SESSION_PATH, {"Cookie": browser.header(SESSION_PATH), **headers}, input={})
    assert stolen.status == 403
    assert not stolen.cookies
    assert (await browser.post(WHO)).data["viewer"]
    assert (await browser.post(REFRESH, SESSION_PATH, input={})).data


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "text/plain; application/json"]
)
async def test_a_form_of_another_page_can_send_nothing_that_is_read(edge: Edge, content_type: str) -> None:
    """The media types that a browser sends without asking first."""
    browser = await edge.browser()
    headers = {"Cookie": browser.header(), "Origin": ORIGIN, "Content-Type": content_type}
    for path in ("/graphql", SESSION_PATH):
        assert (await edge.send("POST", path, JSON_BODY, headers)).status == 415
    form = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n' + JSON_BODY + b"\r\n--x--\r\n"
    answer = await edge.send("POST", "/graphql", form, {**headers, "Content-Type": "multipart/form-data; boundary=x"})
    assert answer.reason == "PREFLIGHT_HEADER_REQUIRED"
    assert (await browser.post(WHO)).data["viewer"]


async def test_no_link_and_no_image_changes_anything(edge: Edge) -> None:
    browser = await edge.browser()
    for path in ("/graphql", SESSION_PATH):
        answer = await edge.send(
            "GET", f"{path}?query={SIGN_OUT.replace(' ', '+')}", headers={"Cookie": browser.header(), "Origin": ORIGIN}
        )
        assert answer.status == 405
    image = {"Cookie": browser.header(), "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
    assert (await edge.send("GET", "/graphql?query={viewer{address}}", headers=image)).status == 403
    assert (await browser.post(WHO)).data["viewer"]


async def test_another_page_cannot_sign_its_visitor_in_to_an_account_of_its_choice(edge: Edge) -> None:
    thief = Wallet.fresh()
    for headers in ({"Origin": EVIL}, {}):
        message = await edge.message(thief)
        signed = {"message": message, "signature": "0x" + thief.sign(message).hex(), "transport": "COOKIE"}
        answer = await edge.post(SIGN_IN, headers=headers, input=signed)
        assert answer.reason == "ORIGIN_NOT_ALLOWED"
        assert not answer.cookies
        # The refusal came before the nonce was used.
        assert (await edge.post(SIGN_IN, headers={"Origin": ORIGIN}, input=signed)).cookies


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:8080.evil.example", None])
async def test_a_socket_of_another_page_is_not_signed_in_by_the_cookie(edge: Edge, origin: str | None) -> None:
    browser = await edge.browser()
    headers = {"Cookie": browser.header()} | ({} if origin is None else {"Origin": origin})
    async with edge.socket(**headers) as ws:
        assert await closing(ws) == (4403, "ORIGIN_NOT_ALLOWED")


async def test_only_our_own_pages_may_read_answers_with_cookies(edge: Edge) -> None:
    browser = await edge.browser()
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, granted in ((ORIGIN, "true"), (EVIL, None), ("null", None)):
        answers = [
            await edge.send("OPTIONS", "/graphql", headers={"Origin": origin, **preflight}),
            await edge.send("GET", "/graphql?query={__typename}", headers={"Origin": origin}),
        ]
        for answer in answers:
            assert answer.headers.get("Access-Control-Allow-Credentials") == granted
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if granted else None)
    assert (await browser.post(WHO)).headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_refresh_token_is_taken_from_its_cookie_on_its_own_path_alone(edge: Edge) -> None:
    browser = await edge.browser()
    everything = "; ".join(f"{name}={value}" for name, (_, value) in browser.cookies.items())
    as_access = everything.replace("mercato-access=", "ignored=").replace("mercato-refresh=", "mercato-access=")
    answer = await edge.post(WHO, headers={"Cookie": as_access, "Origin": ORIGIN})
    assert answer.reason == "TOKEN_INVALID"
    answer = await browser.post(REFRESH, input={})
    assert answer.reason == "REFRESH_MISSING"
    assert (await browser.post(WHO)).data["viewer"], "asking in the wrong place costs nothing"


# --- forged and stolen tokens ---------------------------------------------------------------------


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def forgeries(edge: Edge, genuine: str) -> dict[str, str]:
    """A token for the same session in every way that verifiers were fooled by."""
    (key, *_) = (await edge.send("GET", "/.well-known/jwks.json")).body["keys"]
    header, claims = jwt.get_unverified_header(genuine), jwt.decode(genuine, options={"verify_signature": False})
    public = base64.urlsafe_b64decode(key["x"] + "=")
    pem = Ed25519PublicKey.from_public_bytes(public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    own = Ed25519PrivateKey.generate()
    own_jwk = {"kty": "OKP", "crv": "Ed25519", "x": part(own.public_key().public_bytes_raw()), "kid": header["kid"]}

    def unsigned(algorithm: str) -> str:
        return f"{part(header | {'alg': algorithm})}.{part(claims)}"

    def with_mac(secret: bytes) -> str:
        return f"{unsigned('HS256')}.{part(hmac.new(secret, unsigned('HS256').encode(), hashlib.sha256).digest())}"

    def by_own_key(**changes: Any) -> str:
        return jwt.encode(claims, own, algorithm="EdDSA", headers=header | changes)

    admin = part(claims | {"roles": ["admin"]})
    first, _, signature = genuine.split(".")
    return {
        "no signature": unsigned("none") + ".",
        "None in capitals": unsigned("NONE") + ".",
        "the algorithm kept, the signature left out": unsigned("EdDSA") + ".",
        "the public key as HMAC secret": with_mac(public),
        "its PEM as HMAC secret": with_mac(pem),
        "its JWK as HMAC secret": with_mac(json.dumps(key).encode()),
        "another key under our key id": by_own_key(),
        "a key of its own in the header": by_own_key(jwk=own_jwk),
        "a key set of its own": by_own_key(jku=EVIL + "/jwks.json", x5u=EVIL),
        "a key id that is a path": by_own_key(kid="../../../../dev/null"),
        "a key id that is SQL": by_own_key(kid="x' UNION SELECT 'a"),
        "a key id that nobody has": by_own_key(kid="nobody"),
        "a key id that is empty": by_own_key(kid=""),
        "more claims under an old signature": f"{first}.{admin}.{signature}",
        "a critical header that is not understood": by_own_key(crit=["b64"], b64=False),
    }


async def test_no_forged_token_is_believed(edge: Edge, wallet: Wallet) -> None:
    genuine = await token_of(edge, wallet)
    outcomes = {}
    for name, forged in (await forgeries(edge, genuine)).items():
        answer = await edge.post(WHO, headers={"Authorization": f"Bearer {forged}"})
        outcomes[name] = answer.reason
        async with edge.socket({"authorization": f"Bearer {forged}"}) as ws:
            assert await closing(ws) == (4403, "TOKEN_INVALID"), name
    assert outcomes == dict.fromkeys(outcomes, "TOKEN_INVALID")
    assert len(outcomes) == 15
    assert await alive(edge, genuine)


async def test_a_key_is_rotated_under_open_sessions(edge: Edge, auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    async def published() -> set[str]:
        return {key["kid"] for key in (await edge.send("GET", "/.well-known/jwks.json")).body["keys"]}

    old = await token_of(edge, wallet)
    kid = (await auth.RotateKey(pb.RotateKeyRequest())).kid
    new = await token_of(edge, wallet)
    assert jwt.get_unverified_header(new)["kid"] == kid != jwt.get_unverified_header(old)["kid"]
    assert {kid, jwt.get_unverified_header(old)["kid"]} <= await published()
    assert await alive(edge, old)
    assert await alive(edge, new)
    # The signature of one key under the id of the other.
    header, claims, signature = new.split(".")
    assert not await alive(edge, f"{old.split('.')[0]}.{claims}.{signature}")
    assert not await alive(edge, f"{header}.{old.split('.')[1]}.{old.split('.')[2]}")


async def test_a_stolen_refresh_token_ends_the_session_for_thief_and_owner(
    edge: Edge, wallet: Wallet, database: Database
) -> None:
    browser = await edge.browser(wallet)
    stolen = browser.cookies["mercato-refresh"][1]
    async with edge.socket(Origin=ORIGIN, Cookie=browser.header()) as ws:
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
        thief = await edge.post(REFRESH, input={"refreshToken": stolen})
        loot = thief.data["refreshSession"]["tokens"]
        assert (await browser.post(REFRESH, SESSION_PATH, input={})).reason == "REFRESH_REUSED"
        assert await closing(ws) == (4403, "SESSION_REVOKED")
    assert not await alive(edge, loot["accessToken"])
    assert (await edge.post(REFRESH, input={"refreshToken": loot["refreshToken"]})).reason == "SESSION_REVOKED"
    rows = await database.pool.fetch("SELECT reason FROM login_events WHERE address = $1 ORDER BY at", wallet.address)
    assert [row["reason"] for row in rows] == ["SIGNED_IN", "REFRESH_REUSED", "SESSION_REVOKED"]


# --- messages -------------------------------------------------------------------------------------


async def test_a_message_that_signed_in_is_worth_nothing_to_whoever_saw_it(edge: Edge, wallet: Wallet) -> None:
    message = await edge.message(wallet)
    signature = wallet.sign(message)
    assert (await submit(edge, message, signature)).data
    again = await submit(edge, message, signature)
    assert (again.reason, again.cookies) == ("NONCE_USED", {})


async def test_of_fifty_sign_ins_with_one_nonce_at_once_one_gets_in(edge: Edge, wallet: Wallet) -> None:
    message = await edge.message(wallet)
    signature = wallet.sign(message)
    answers = await asyncio.gather(*(submit(edge, message, signature) for _ in range(50)))
    refused = [answer for answer in answers if "errors" in answer.body]
    assert [answer.reason for answer in refused] == ["NONCE_USED"] * 49


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Sign in to", "Sign in\n\nURI: https://evil.example\nto"),
        ("Sign in to", "Sign in\r\nURI: https://evil.example\r\nto"),
        ("Sign in to", "Sign in\u2028URI: https://evil.example\u2028to"),
        ("localhost:8080 wants", "localhost:8080\nevil.example wants"),
        ("localhost:8080 wants", "localhost:8080@evil.example wants"),
        ("localhost:8080 wants", "evil.example#localhost:8080 wants"),
        ("URI: http://localhost:8080", "URI: http://localhost:8080\nResources:\n- https://evil.example"),
        ("URI: http://localhost:8080", "URI: http://localhost:8080.evil.example"),
        ("Nonce: ", "Nonce: a\nNonce: "),
        ("Version: 1", "Version: 1\nVersion: 1"),
        ("\nExpiration Time: 2", "\nRequest ID: x\nExpiration Time: 2"),
        ("Issued At: ", "Issued At:  "),
    ],
)
async def test_no_field_of_a_message_smuggles_in_another(edge: Edge, wallet: Wallet, old: str, new: str) -> None:
    message = await edge.message(wallet)
    assert old in message
    changed = message.replace(old, new, 1)
    answer = await submit(edge, changed, wallet.sign(changed))
    assert answer.reason in ("SIWE_MALFORMED", "SIWE_DOMAIN_NOT_ALLOWED", "SIWE_URI_NOT_ALLOWED")
    assert (await submit(edge, message, wallet.sign(message))).data


async def test_what_a_client_says_of_itself_reaches_the_log_on_one_line(
    edge: Edge, wallet: Wallet, database: Database
) -> None:
    ip = new_client().ip
    message = await edge.message(wallet)
    agent = 'x\' OR 1=1 --\t{"level":"error"}' + "y" * 4000
    assert (await submit(edge, message, wallet.sign(message), **{"User-Agent": agent, "X-Forwarded-For": ip})).data
    row = await database.pool.fetchrow("SELECT ip, user_agent FROM login_events WHERE address = $1", wallet.address)
    assert row is not None
    assert row["ip"] == ip
    assert row["user_agent"] == agent.replace("\t", "")[: len(row["user_agent"])]
    assert len(row["user_agent"]) <= 512


# --- too much -------------------------------------------------------------------------------------


async def test_oversized_bodies_tokens_and_messages_are_refused_before_they_cost_anything(
    edge: Edge, wallet: Wallet
) -> None:
    assert (await edge.send("POST", "/graphql", b"x" * (5 * 2**20), {"Content-Type": "application/json"})).status == 413
    assert (await submit(edge, "x" * 200_000, b"")).reason == "SIWE_MALFORMED"
    assert (await submit(edge, await edge.message(wallet), b"\1" * 100_000)).reason == "SIGNATURE_INVALID"
    assert (await edge.post(REFRESH, input={"refreshToken": "x" * 10_000})).reason == "INVALID_REFRESH_TOKEN"
    for bearer in ("x" * 5000, "a.b.c"):
        assert (await edge.post(WHO, headers={"Authorization": f"Bearer {bearer}"})).reason == "TOKEN_INVALID"
    assert await token_of(edge, wallet)


async def asked_until_limited(edge: Edge, limit: int, ask: Any) -> Answer:
    """The answer after `limit` requests that got in, a few at a time: what a busy machine gives up does not count."""
    few = asyncio.Semaphore(16)

    async def one() -> Answer:
        async with few:
            return await ask()  # type: ignore[no-any-return]

    answers = await asyncio.gather(*(one() for _ in range(limit)))
    reasons = {answer.reason for answer in answers if "errors" in answer.body}
    assert reasons.isdisjoint({"TOO_MANY_ATTEMPTS", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"})
    return await ask()  # type: ignore[no-any-return]


@pytest.mark.parametrize("by", ["ip", "ipv6 network", "address", "nonce"])
async def test_guessing_is_slowed_down_by_origin_address_and_nonce(
    edge: Edge, settings: Settings, wallet: Wallet, by: str
) -> None:
    numbers = iter(range(1, 10_000))
    ip, network = new_client().ip, f"2001:db8:{new_client().ip.rpartition('.')[2]}:1"
    message = await edge.message(wallet)

    async def ask() -> Answer:
        number = next(numbers)
        if by == "nonce":
            return await submit(edge, message.replace(wallet.address.checksum, Wallet.fresh().address.checksum), b"\1")
        headers = {
            "ip": {"X-Forwarded-For": ip},
            "ipv6 network": {"X-Forwarded-For": f"{network}::{number:x}"},
            "address": {},
        }[by]
        who = wallet if by == "address" else Wallet.fresh()
        return await edge.post(NONCE, headers=headers, input={"address": who.address.checksum, "chainId": CHAIN})

    # The message above was asked for already.
    limit = ADDRESS_LIMIT - 1 if by == "address" else settings.auth_rate_limit
    refused = await asked_until_limited(edge, limit, ask)
    assert refused.reason == "TOO_MANY_ATTEMPTS"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Everybody else goes on.
    assert (await edge.sign_in(Wallet.fresh())).data
