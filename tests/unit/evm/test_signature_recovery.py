"""Recovery of plain accounts, against known vectors and our own signing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm import signatures
from mercato.evm.signatures import personal_message_hash, recover
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, keccak256

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = PrivateKey(b"\x46" * 32)
SIGNER = Address(keccak256(KEY.public_key.format(compressed=False)[1:])[12:])
DIGEST = personal_message_hash("hello")


def sign(digest: bytes, v_base: int = 27) -> bytes:
    raw = KEY.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([raw[64] + v_base])


def compact(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:64]) | (signature[64] % 27) << 255
    return signature[:32] + s.to_bytes(32)


def test_message_hash_is_the_known_one() -> None:
    # EIP-191 vector of the Ethereum wallets: personal_sign of "Hello World".
    assert personal_message_hash("Hello World").hex() == (
        "a1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    )


def test_length_in_the_message_hash_counts_bytes() -> None:
    assert personal_message_hash("é") == keccak256(b"\x19Ethereum Signed Message:\n2\xc3\xa9")


def test_signature_of_another_library_is_recovered() -> None:
    account = Account.from_key(b"\x07" * 32)
    signed = account.sign_message(encode_defunct(text="sign in, please\n✓"))

    assert recover(personal_message_hash("sign in, please\n✓"), bytes(signed.signature)).checksum == account.address


@pytest.mark.parametrize("v_base", [0, 27])
def test_both_ways_to_write_v_are_taken(v_base: int) -> None:
    assert recover(DIGEST, sign(DIGEST, v_base)) == SIGNER


@given(st.binary(min_size=32, max_size=32))
def test_compact_form_recovers_the_same_account(digest: bytes) -> None:
    assert recover(digest, compact(sign(digest))) == recover(digest, sign(digest)) == SIGNER


def test_other_message_recovers_another_account() -> None:
    assert recover(personal_message_hash("bye"), sign(DIGEST)) != SIGNER


def test_high_s_is_refused_though_it_is_mathematically_right() -> None:
    signature = sign(DIGEST)
    s = ORDER - int.from_bytes(signature[32:64])
    twin = signature[:32] + s.to_bytes(32) + bytes([27 + 28 - signature[64]])

    with pytest.raises(InvalidArgument) as refused:
        recover(DIGEST, twin)
    assert refused.value.reason == "INVALID_SIGNATURE"


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        sign(DIGEST)[:-2],
        sign(DIGEST) + b"\0",
        sign(DIGEST)[:64] + b"\x02",
        sign(DIGEST)[:64] + b"\x25",  # v of EIP-155 belongs to transactions
        bytes(65),
        bytes(64),
        b"\xff" * 32 + b"\x01" * 32 + b"\x1b",
        bytes(32) + b"\x01" * 32 + b"\x1b",
    ],
)
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(InvalidArgument) as refused:
        recover(DIGEST, signature)
    assert refused.value.reason == "INVALID_SIGNATURE"


@given(st.binary(max_size=70))
def test_no_bytes_break_recovery(signature: bytes) -> None:
    with suppress(InvalidArgument):
        assert recover(DIGEST, signature) != SIGNER


async def test_plain_account_is_verified_without_a_node() -> None:
    assert await signatures.is_valid_signature(None, SIGNER, DIGEST, sign(DIGEST))
    assert await signatures.is_valid_signature(None, SIGNER, DIGEST, compact(sign(DIGEST)))


@pytest.mark.parametrize(
    "signature",
    [sign(personal_message_hash("bye")), b"", b"\x01" * 300, sign(DIGEST) + signatures.WRAPPER_SUFFIX, bytes(20_000)],
)
async def test_anything_else_is_not_valid_without_a_node(signature: bytes) -> None:
    assert not await signatures.is_valid_signature(None, SIGNER, DIGEST, signature)


def test_checksum_is_that_of_eip_55() -> None:
    known = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

    assert signatures.checksum(bytes.fromhex(known[2:])) == known
