"""Headers at rest: unreadable with a key, bound to their endpoint, and readable through a change of keys."""

from __future__ import annotations

import base64

import pytest

from mercato.kit.errors import FailedPrecondition
from mercato.services.chains.store.vault import Vault

HEADERS = {"Authorization": "Bearer s3cret"}
OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def test_sealed_headers_open_at_their_own_endpoint_only() -> None:
    vault = Vault.parse(OLD)
    sealed = vault.seal(HEADERS, "1 https://a")
    assert "s3cret" not in str(sealed)
    assert "Authorization" not in str(sealed)
    assert vault.open(sealed, "1 https://a") == HEADERS
    with pytest.raises(FailedPrecondition) as elsewhere:
        vault.open(sealed, "1 https://b")
    assert elsewhere.value.reason == "CHAIN_SECRETS_KEY_WRONG"


def test_a_new_key_is_added_before_the_old_one() -> None:
    sealed = Vault.parse(OLD).seal(HEADERS, "x")
    both = Vault.parse(f"{NEW}, {OLD}")
    assert both.open(sealed, "x") == HEADERS
    assert Vault.parse(NEW).open(both.seal(HEADERS, "x"), "x") == HEADERS
    with pytest.raises(FailedPrecondition):
        Vault.parse(NEW).open(sealed, "x")
    with pytest.raises(FailedPrecondition):
        Vault.parse("").open(sealed, "x")


def test_headers_stored_before_there_was_a_key_still_open() -> None:
    plain = Vault.parse("").seal(HEADERS, "x")
    assert plain == HEADERS
    assert Vault.parse(OLD).open(plain, "x") == HEADERS


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 31).decode(), "*" * 44])
def test_a_malformed_key_is_refused_at_start(text: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        Vault.parse(text)
    assert caught.value.reason == "CHAIN_SECRETS_KEY_INVALID"
