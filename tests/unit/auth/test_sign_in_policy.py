"""The server's own rules for a message, each with its own reason, and the nonce's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mercato.kit.errors import InvalidArgument, Unauthenticated
from mercato.kit.ids import Address, ChainId
from mercato.services.auth.model.nonces import Nonce, check_nonce, new_nonce
from mercato.services.auth.model.policy import SignInPolicy
from mercato.services.auth.model.siwe import SiweMessage, parse, render

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
ADDRESS = Address(bytes(range(20)))
CHAIN = ChainId(31337)
POLICY = SignInPolicy(
    domains=("market.example", "localhost:8080"),
    origins=("https://market.example", "http://localhost:8080"),
    skew=timedelta(seconds=30),
)


def drafted(**fields: object) -> SiweMessage:
    draft = POLICY.draft(
        domain="", address=ADDRESS, chain=CHAIN, nonce="abcdefgh", now=NOW, expires_at=NOW + timedelta(minutes=5)
    )
    return SiweMessage(**(vars(draft) | fields))


def reason(message: SiweMessage, now: datetime = NOW) -> str:
    try:
        POLICY.check(message, {CHAIN}, now)
    except Unauthenticated as refusal:
        return refusal.reason
    return "accepted"


def test_the_drafted_message_is_the_template_filled_in() -> None:
    assert render(drafted()) == (
        "market.example wants you to sign in with your Ethereum account:\n"
        f"{ADDRESS.checksum}\n"
        "\n"
        "Sign in to Mercato. This signature costs nothing and moves no assets.\n"
        "\n"
        "URI: https://market.example\n"
        "Version: 1\n"
        "Chain ID: 31337\n"
        "Nonce: abcdefgh\n"
        "Issued At: 2026-11-22T12:00:00Z\n"
        "Expiration Time: 2026-11-22T12:05:00Z"
    )


def test_the_drafted_message_is_accepted_as_read_back() -> None:
    assert reason(parse(render(drafted()))) == "accepted"


def test_a_draft_for_a_second_domain_names_that_domains_origin() -> None:
    draft = POLICY.draft(
        domain="localhost:8080", address=ADDRESS, chain=CHAIN, nonce="abcdefgh", now=NOW, expires_at=NOW
    )
    assert (draft.domain, draft.uri) == ("localhost:8080", "http://localhost:8080")


def test_a_domain_without_an_origin_of_its_own_takes_the_first_one_alone() -> None:
    policy = replace(POLICY, domains=("shop.example",))
    draft = policy.draft(domain="", address=ADDRESS, chain=CHAIN, nonce="abcdefgh", now=NOW, expires_at=NOW)
    assert (draft.domain, draft.uri) == ("shop.example", "https://market.example")
    policy.check(replace(draft, expiration_time=None), {CHAIN}, NOW)
    with pytest.raises(Unauthenticated, match="SIWE_URI_NOT_ALLOWED"):
        policy.check(replace(draft, uri="http://localhost:8080", expiration_time=None), {CHAIN}, NOW)


def test_a_draft_for_a_domain_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        POLICY.draft(domain="evil.example", address=ADDRESS, chain=CHAIN, nonce="abcdefgh", now=NOW, expires_at=NOW)
    assert refusal.value.reason == "SIWE_DOMAIN_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"domain": "evil.example"}, "SIWE_DOMAIN_NOT_ALLOWED"),
        ({"domain": "market.example:8443"}, "SIWE_DOMAIN_NOT_ALLOWED"),
        ({"domain": "user@market.example"}, "SIWE_DOMAIN_NOT_ALLOWED"),
        ({"domain": "MARKET.example"}, "SIWE_DOMAIN_NOT_ALLOWED"),
        ({"scheme": "http"}, "SIWE_DOMAIN_NOT_ALLOWED"),
        ({"scheme": "https"}, "accepted"),
        ({"uri": "https://market.example/login?x#y"}, "accepted"),
        ({"uri": "https://market.example#y"}, "accepted"),
        ({"uri": "https://market.example.evil.example"}, "SIWE_URI_NOT_ALLOWED"),
        ({"uri": "https://market.example@evil.example"}, "SIWE_URI_NOT_ALLOWED"),
        ({"uri": "https://market.example:1"}, "SIWE_URI_NOT_ALLOWED"),
        ({"uri": "http://market.example/"}, "SIWE_URI_NOT_ALLOWED"),
        ({"uri": "http://localhost:8080"}, "SIWE_URI_NOT_ALLOWED"),
        ({"domain": "localhost:8080", "uri": "http://localhost:8080/login"}, "accepted"),
        ({"chain": ChainId(1)}, "SIWE_CHAIN_UNKNOWN"),
        ({"issued_at": "2026-11-22T12:00:30Z"}, "accepted"),
        ({"issued_at": "2026-11-22T12:00:31Z"}, "SIWE_ISSUED_IN_FUTURE"),
        ({"expiration_time": None}, "accepted"),
        ({"expiration_time": "2026-11-22T11:59:31Z"}, "accepted"),
        ({"expiration_time": "2026-11-22T11:59:30Z"}, "SIWE_EXPIRED"),
        ({"not_before": "2026-11-22T12:00:30Z"}, "accepted"),
        ({"not_before": "2026-11-22T12:00:31Z"}, "SIWE_NOT_YET_VALID"),
        ({"not_before": "2026-11-22T14:00:31+02:00"}, "SIWE_NOT_YET_VALID"),
    ],
)
def test_each_rule_refuses_with_its_own_reason(fields: dict[str, object], expected: str) -> None:
    assert reason(drafted(**fields)) == expected


NONCE = Nonce("abcdefgh", ADDRESS, CHAIN, "market.example", NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("nonce", "expected"),
    [
        (None, "NONCE_UNKNOWN"),
        (replace(NONCE, address=Address(bytes(20))), "SIWE_ADDRESS_MISMATCH"),
        (replace(NONCE, chain=ChainId(1)), "SIWE_CHAIN_MISMATCH"),
        (replace(NONCE, domain="localhost:8080"), "SIWE_DOMAIN_MISMATCH"),
        (replace(NONCE, used_at=NOW), "NONCE_USED"),
        (replace(NONCE, used_at=NOW, expires_at=NOW), "NONCE_USED"),
        (replace(NONCE, expires_at=NOW), "NONCE_EXPIRED"),
    ],
)
def test_a_nonce_that_does_not_fit_says_why(nonce: Nonce | None, expected: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        check_nonce(drafted(), nonce, NOW)
    assert refusal.value.reason == expected


def test_a_nonce_that_fits_is_accepted() -> None:
    check_nonce(drafted(), NONCE, NOW)


def test_nonces_are_of_the_standards_alphabet_and_never_the_same() -> None:
    nonces = {new_nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(len(nonce) == 32 and nonce.isalnum() and nonce.isascii() for nonce in nonces)
