"""Ids and units: written forms in, one canonical value out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit import ids
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId

# The examples of EIP-55.
EIP55 = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
]


@pytest.mark.parametrize("text", EIP55)
def test_addresses_are_shown_in_eip_55_form(text: str) -> None:
    assert Address.parse(text.lower()).checksum == text
    assert Address.parse(text) == Address.parse(text.lower()) == Address.parse("0x" + text[2:].upper())


def test_a_wrong_checksum_is_refused_and_the_right_one_named() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Address.parse(EIP55[0].replace("5aA", "5Aa"))
    assert caught.value.reason == "INVALID_ADDRESS"
    assert EIP55[0] in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "0" * 39, "0x" + "0" * 41, "0" * 40, "0x" + "g" * 40, "0X" + "0" * 40]
)
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Address.parse(text)


@given(st.binary(min_size=20, max_size=20))
def test_every_address_survives_its_own_written_forms(raw: bytes) -> None:
    address = Address(raw)
    assert Address.parse(address.checksum) == Address.parse(address.text) == address


@pytest.mark.parametrize(
    ("text", "number"), [("eip155:1", 1), ("eip155:31337", 31337), ("eip155:9007199254740991", 2**53 - 1)]
)
def test_caip_2_both_ways(text: str, number: int) -> None:
    chain = ChainId.parse(text)
    assert (int(chain), chain.caip2, chain.routing) == (number, text, f"eip155.{number}")


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "eip155:",
        "eip155:0",
        "eip155:01",
        "eip155:-1",
        "eip155:1 ",
        "EIP155:1",
        "solana:1",
        "eip155:9007199254740992",
    ],
)
def test_other_texts_are_no_chain_ids(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ChainId.parse(text)
    assert caught.value.reason == "INVALID_CHAIN_ID"


@pytest.mark.parametrize("value", [0, 1, 2**256 - 1])
def test_uint256_text_both_ways(value: int) -> None:
    assert ids.parse_uint256(str(value)) == value


@pytest.mark.parametrize("text", ["", "-1", "01", "1.0", "1e3", "0x1", " 1", "١", str(2**256), "9" * 5000])
def test_other_texts_are_no_uint256(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ids.parse_uint256(text)
    assert caught.value.reason == "INVALID_UINT256"


def test_new_ids_are_uuid_version_7_and_grow() -> None:
    made = [ids.new_id() for _ in range(100)]
    assert {i.version for i in made} == {7}
    assert made == sorted(made)


def test_keccak_is_ethereums() -> None:
    assert ids.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
