"""Access tokens are believed for their signature and algorithm only; refresh tokens work once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument, Unauthenticated
from mercato.kit.ids import Address, ChainId, SessionId, UserId
from mercato.services.auth.model.admins import Admins
from mercato.services.auth.model.sessions import Client, Lifetimes, Proof, Refusal, Session, judge_refresh
from mercato.services.auth.model.tokens import (
    Principal,
    SigningKey,
    jwk,
    key_id,
    new_refresh_token,
    read_access_token,
    refresh_token_hash,
    sign_access_token,
    thumbprint,
)
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.tokens import TokenMint

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
KEY = SigningKey.generate()
PUBLIC = KEY.private.public_key()
PRINCIPAL = Principal(
    UserId(UUID(int=1)), SessionId(UUID(int=2)), Address(bytes(range(20))), ChainId(1), ("admin",),
    NOW + timedelta(minutes=15),
)  # fmt: skip
TOKEN = sign_access_token(KEY, "mercato", PRINCIPAL, NOW)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims() -> dict[str, object]:
    found: dict[str, object] = jwt.decode(TOKEN, options={"verify_signature": False})
    return found


def refused(token: str, now: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        read_access_token(token, PUBLIC, "mercato", now)
    return refusal.value.reason


def test_a_token_tells_who_it_was_signed_for() -> None:
    assert key_id(TOKEN) == KEY.kid
    assert read_access_token(TOKEN, PUBLIC, "mercato", NOW) == PRINCIPAL


def test_a_token_ends_with_its_last_second() -> None:
    assert read_access_token(TOKEN, PUBLIC, "mercato", PRINCIPAL.expires_at - timedelta(seconds=1)) == PRINCIPAL
    assert refused(TOKEN, PRINCIPAL.expires_at) == "TOKEN_EXPIRED"


def test_an_expired_forgery_is_called_a_forgery() -> None:
    assert refused(TOKEN[:-4] + "AAAA", PRINCIPAL.expires_at) == "TOKEN_INVALID"


def test_another_key_of_ours_does_not_vouch() -> None:
    other = sign_access_token(SigningKey.generate(), "mercato", PRINCIPAL, NOW)
    assert refused(other) == "TOKEN_INVALID"


def test_another_issuers_token_is_refused() -> None:
    assert refused(sign_access_token(KEY, "elsewhere", PRINCIPAL, NOW)) == "TOKEN_INVALID"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "EdDSA"])
def test_the_algorithm_is_never_the_tokens_choice(algorithm: str) -> None:
    signed = f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': KEY.kid})}.{part(claims())}"
    public_pem = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert refused(f"{signed}.") == "TOKEN_INVALID"
    for secret in (KEY.public, public_pem):
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert refused(f"{signed}.{part(mac)}") == "TOKEN_INVALID"


@pytest.mark.parametrize("missing", ["iss", "sub", "sid", "addr", "chain", "roles", "exp", "iat"])
def test_a_token_without_one_of_its_claims_is_refused(missing: str) -> None:
    rest = {name: value for name, value in claims().items() if name != missing}
    assert refused(jwt.encode(rest, KEY.private, algorithm="EdDSA")) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("claim", "value"),
    [("sub", "me"), ("sid", 7), ("addr", "0x1"), ("chain", "1"), ("roles", 5), ("exp", "soon"), ("exp", 1e300)],
)
def test_a_claim_of_another_shape_is_refused(claim: str, value: object) -> None:
    assert refused(jwt.encode(claims() | {claim: value}, KEY.private, algorithm="EdDSA")) == "TOKEN_INVALID"


@given(st.one_of(st.text(), st.binary().map(lambda raw: f"{part(raw)}.{part(raw)}.{part(raw)}")))
def test_no_text_gets_further_than_a_refusal(token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        key_id(token)
        read_access_token(token, PUBLIC, "mercato", NOW)
    assert refusal.value.reason == "TOKEN_INVALID"


def test_the_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_published_key_verifies_what_was_signed_with_it() -> None:
    published = jwt.PyJWK(jwk(KEY.kid, KEY.public))
    assert jwt.decode(TOKEN, published, algorithms=["EdDSA"], options={"verify_exp": False})["sub"] == str(UUID(int=1))


def test_a_key_survives_its_written_form_and_hides_its_secret() -> None:
    again = SigningKey.from_pem(KEY.pem)
    assert (again.kid, again.public) == (KEY.kid, KEY.public)
    assert "PRIVATE" not in repr(KEY)


def test_a_configured_key_of_another_kind_is_refused() -> None:
    for key in (rsa.generate_private_key(65537, 2048), None):
        pem = b"no key" if key is None else key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )  # fmt: skip
        with pytest.raises(InvalidArgument) as refusal:
            SigningKey.from_pem(pem)
        assert refusal.value.reason == "SIGNING_KEY_INVALID"
    assert isinstance(KEY.private, ed25519.Ed25519PrivateKey)


def test_several_keys_are_read_in_their_order() -> None:
    other = SigningKey.generate()
    assert [key.kid for key in SigningKey.all_from_pem(KEY.pem + b"\n" + other.pem)] == [KEY.kid, other.kid]
    assert SigningKey.all_from_pem(b"  \n") == []
    for pem in (KEY.pem + b"rest", KEY.pem[:-30]):
        with pytest.raises(InvalidArgument) as refusal:
            SigningKey.all_from_pem(pem)
        assert refusal.value.reason == "SIGNING_KEY_INVALID"


def test_refresh_tokens_hold_256_bits_and_are_kept_as_their_hash() -> None:
    tokens = {new_refresh_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in tokens} == {32}
    token = tokens.pop()
    assert refresh_token_hash(token) == hashlib.sha256(token.encode()).digest()


SESSION = Session(
    SessionId(UUID(int=2)), UserId(UUID(int=1)), Address(bytes(20)), ChainId(1), Proof.KEY, Client("", ""), NOW, NOW,
    NOW + timedelta(days=1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("session", "used_at", "expected"),
    [
        (SESSION, None, None),
        (SESSION, NOW, Refusal.REUSED),
        (replace(SESSION, expires_at=NOW), None, Refusal.EXPIRED),
        (replace(SESSION, expires_at=NOW), NOW, Refusal.REUSED),
        (replace(SESSION, revoked_at=NOW), None, Refusal.REVOKED),
        (replace(SESSION, revoked_at=NOW), NOW, Refusal.REVOKED),
    ],
)
def test_a_refresh_token_is_judged_by_its_session_and_first_use(
    session: Session, used_at: datetime | None, expected: Refusal | None
) -> None:
    assert judge_refresh(session, used_at, NOW + HOUR, NOW) is expected


def test_a_session_that_may_live_no_longer_has_expired() -> None:
    assert judge_refresh(SESSION, None, NOW, NOW) is Refusal.EXPIRED
    assert judge_refresh(SESSION, None, NOW + timedelta(seconds=1), NOW) is None


def test_a_session_of_a_contract_wallet_has_an_end_that_no_refresh_moves() -> None:
    lifetimes = Lifetimes(refresh=timedelta(days=30), contract=timedelta(days=7))
    later = NOW + timedelta(days=6)
    assert lifetimes.end(Proof.KEY, NOW, later) == later + timedelta(days=30)
    assert lifetimes.end(Proof.CONTRACT, NOW, later) == NOW + timedelta(days=7)
    assert Lifetimes(HOUR, timedelta(days=7)).end(Proof.CONTRACT, NOW, later) == later + HOUR


def test_what_a_client_says_of_itself_is_cut_and_cleaned() -> None:
    client = Client.of("127.0.0.1\0", "Mozilla\r\n\x1b[31m" + "x" * 1000)
    assert client.ip == "127.0.0.1"
    assert client.user_agent == "Mozilla[31m" + "x" * 498
    assert client.user_agent.isprintable()


class NoKeys:
    """A store that is never asked."""

    async def touch(self, key: SigningKey, now: datetime) -> None:
        raise AssertionError(key)

    async def shared(self, make: Callable[[], SigningKey], now: datetime) -> SigningKey:
        raise AssertionError(make)

    async def retire(self, now: datetime) -> None:
        raise AssertionError(now)

    async def public_keys(self, used_since: datetime) -> dict[str, bytes]:
        raise AssertionError(used_since)


NAMED = Address(bytes(range(20)))
BY_KEY, BY_CONTRACT = (replace(SESSION, address=NAMED, proof=proof) for proof in Proof)


@pytest.mark.parametrize(
    ("admins", "session", "roles"),
    [
        ([], BY_KEY, ()),
        ([NAMED.checksum], BY_KEY, ("admin",)),
        ([NAMED.text], replace(BY_KEY, chain=ChainId(10)), ("admin",)),
        ([NAMED.checksum], SESSION, ()),
        # Anybody may have put a contract at that address, on this chain or another.
        ([NAMED.checksum], BY_CONTRACT, ()),
        ([f"eip155:1:{NAMED.checksum}"], BY_CONTRACT, ("admin",)),
        ([f"eip155:1:{NAMED.checksum}"], BY_KEY, ("admin",)),
        ([f"eip155:1:{NAMED.checksum}"], replace(BY_CONTRACT, chain=ChainId(10)), ()),
        ([f"eip155:1:{NAMED.checksum}"], replace(BY_KEY, chain=ChainId(10)), ()),
        ([f"eip155:10:{NAMED.text}", SESSION.address.text], replace(BY_CONTRACT, chain=ChainId(10)), ("admin",)),
    ],
)
def test_an_account_of_the_settings_is_an_admin_as_far_as_it_was_proven(
    admins: list[str], session: Session, roles: tuple[str, ...]
) -> None:
    mint = TokenMint(KeyRing(NoKeys(), [KEY], HOUR, lambda: NOW), "mercato", HOUR, Admins.parse(admins))
    pair = mint.pair(session, "refresh", NOW)
    assert read_access_token(pair.access_token, PUBLIC, "mercato", NOW).roles == roles


@pytest.mark.parametrize("text", ["", "0x12", "eip155:1:", "eip155:x:" + NAMED.text, "1:" + NAMED.text, "somebody"])
def test_what_names_no_account_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Admins.parse([text])
    assert refusal.value.reason in ("INVALID_ADDRESS", "INVALID_CHAIN_ID")


def test_an_access_token_never_outlives_its_session() -> None:
    mint = TokenMint(KeyRing(NoKeys(), [KEY], HOUR, lambda: NOW), "mercato", HOUR, Admins.parse([]))
    assert mint.pair(SESSION, "refresh", NOW).access_expires_at == NOW + HOUR
    assert mint.pair(SESSION, "refresh", SESSION.expires_at).access_expires_at == SESSION.expires_at
