"""Signatures, calls, results and reverts in the contract ABI."""

from __future__ import annotations

import pytest
from eth_abi.exceptions import EncodingError
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm.abi import (
    Function,
    Signature,
    UndecodableData,
    decode_error,
    decode_text,
    encode,
    error_table,
    error_table_of_abi,
)
from mercato.kit.ids import Address

ALICE = Address(b"\xa1" * 20)
ERRORS = error_table(
    [
        "SoldOut(uint256 maxSupply, uint256 requested)",
        "NotOnAllowlist(address account)",
        "Odd(string, bytes4 tag, (bool open, int8[] steps) shape)",
        "ZeroQuantity()",
    ]
)


def test_selector_is_the_known_one() -> None:
    assert Function("transfer(address,uint256)").selector.hex() == "a9059cbb"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("f()", "f()"),
        ("f( uint a , int[] b )", "f(uint256,int256[])"),
        ("f(address payable to, bytes calldata data)", "f(address,bytes)"),
        (
            "f((uint128 price, (address, bytes32)[2] parts)[] config, string)",
            "f((uint128,(address,bytes32)[2])[],string)",
        ),
    ],
)
def test_signature_is_brought_to_its_canonical_form(written: str, canonical: str) -> None:
    assert Signature.parse(written).canonical == canonical


def test_signature_keeps_parameter_names() -> None:
    parsed = Signature.parse("Transfer(address indexed from, (uint256 a, bool b) pair, uint256)")

    assert [p.name for p in parsed.parameters] == ["from", "pair", ""]


@pytest.mark.parametrize(
    "text", ["", "f", "f(", "f(foo)", "f(uint256", "1f()", "f(uint256 a b)", "f(,)", "f(uint256[x])"]
)
def test_text_that_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Signature.parse(text)


def test_call_is_encoded_as_the_contract_reads_it() -> None:
    mint = Function("mint(address,uint256,bytes32[])")

    calldata = mint.encode(ALICE, 3, [b"\x01" * 32])

    words = [calldata[4 + i : 36 + i].hex() for i in range(0, len(calldata) - 4, 32)]
    assert words == [
        "00" * 12 + "a1" * 20,
        f"{3:064x}",
        f"{96:064x}",
        f"{1:064x}",
        "01" * 32,
    ]
    assert mint.decode_arguments(calldata) == (ALICE, 3, (b"\x01" * 32,))


def test_argument_that_does_not_fit_is_refused() -> None:
    with pytest.raises(EncodingError):
        Function("f(uint8)").encode(256)


def test_arguments_of_another_function_are_refused() -> None:
    with pytest.raises(UndecodableData) as refused:
        Function("mint(uint256)").decode_arguments(Function("burn(uint256)").encode(1))

    assert refused.value.reason == "OTHER_FUNCTION"


def test_result_has_addresses_as_addresses() -> None:
    owner_of = Function("ownerOf(uint256)", returns="(address)")

    (owner,) = owner_of.decode_result(bytes(12) + ALICE)

    assert owner == ALICE
    assert isinstance(owner, Address)


@pytest.mark.parametrize("data", [b"", b"\x01", bytes(31), b"\xff" * 32, b"\xff" * 64])
def test_result_that_is_no_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableData) as refused:
        Function("name()", returns="(string)").decode_result(data)

    assert refused.value.reason == "UNDECODABLE_DATA"


def test_text_that_tables_cannot_hold_is_replaced() -> None:
    assert decode_text(b"a\0b\xff\xed\xa0\x80") == "a\ufffdb\ufffd\ufffd\ufffd\ufffd"


def test_broken_text_in_a_result_does_not_fail_it() -> None:
    raw = encode(["bytes"], [b"caf\xe9"])

    assert Function("name()", returns="(string)").decode_result(raw) == ("caf\ufffd",)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "reverted without a reason"),
        (b"\x01\x02", "unknown error 0x0102"),
        (Function("Error(string)").encode("not\nyours\0"), "not\ufffdyours\ufffd"),
        (Function("Panic(uint256)").encode(0x11), "Panic(0x11: arithmetic overflow or underflow)"),
        (Function("Panic(uint256)").encode(0x99), "Panic(0x99: unknown code)"),
        (Function("Error(string)").selector, "0x08c379a0(undecodable)"),
        (Function("ZeroQuantity()").encode(), "ZeroQuantity()"),
        (Function("SoldOut(uint256,uint256)").encode(10, 3), "SoldOut(maxSupply=10, requested=3)"),
        (Function("SoldOut(uint256,uint256)").encode(10, 3)[:-1], "SoldOut(undecodable)"),
        (Function("NotOnAllowlist(address)").encode(ALICE), f"NotOnAllowlist(account={ALICE.checksum})"),
        (
            Function("Odd(string,bytes4,(bool,int8[]))").encode("why", b"abcd", (True, [-1, 2])),
            "Odd(why, tag=0x61626364, shape=(true, (-1, 2)))",
        ),
        (Function("Unheard(uint256)").encode(1), "unknown error 0x" + Function("Unheard(uint256)").selector.hex()),
    ],
)
def test_revert_becomes_a_line_for_people(data: bytes, line: str) -> None:
    assert decode_error(data, ERRORS) == line


def test_very_long_reason_is_cut() -> None:
    assert decode_error(Function("Error(string)").encode("x" * 10_000), {}) == "x" * 500


def test_error_table_is_made_from_a_json_abi() -> None:
    abi = [
        {"type": "function", "name": "f", "inputs": []},
        {
            "type": "error",
            "name": "Bad",
            "inputs": [
                {"name": "order", "type": "tuple[]", "components": [{"name": "id", "type": "uint256"}]},
            ],
        },
    ]

    table = error_table_of_abi(abi)

    assert decode_error(Function("Bad((uint256)[])").encode([(7,)]), table) == "Bad(order=((7)))"
    assert len(table) == 1


@given(st.binary(max_size=300), st.sampled_from([b"", *ERRORS, bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")]))
def test_no_revert_data_makes_the_line_fail(tail: bytes, selector: bytes) -> None:
    assert decode_error(selector + tail, ERRORS).isprintable()
