"""The story's wallet signs as browsers' wallets do: what it signed recovers to its address."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm import signatures
from mercato.kit.ids import Address, keccak256
from mercato.story.wallet import Wallet

_KEY = "0x" + "11" * 32
_ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"  # of that key, as every wallet shows it

UNSIGNED: dict[str, Any] = {
    "chainNumber": 31337,
    "to": "0x1111111111111111111111111111111111111111",
    "data": "0xabcdef",
    "value": "1000",
    "gasLimit": "210000",
    "maxFeePerGas": "3000000000",
    "maxPriorityFeePerGas": "1000000000",
}


def test_a_given_key_has_its_known_address() -> None:
    assert Wallet(_KEY).address.checksum == _ADDRESS


def test_a_wallet_without_a_key_makes_a_fresh_one() -> None:
    assert Wallet().address != Wallet().address


@given(st.text(max_size=200))
def test_a_signed_message_recovers_to_the_wallet(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    wallet = Wallet(_KEY)
    signature = bytes.fromhex(wallet.sign_message(text)[2:])
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert signatures.recover(signatures.personal_message_hash(text), signature) == wallet.address


def test_another_message_recovers_to_somebody_else() -> None:
    wallet = Wallet(_KEY)
    signature = bytes.fromhex(wallet.sign_message("one")[2:])
    assert signatures.recover(signatures.personal_message_hash("two"), signature) != wallet.address


def test_a_signed_transaction_is_the_unsigned_one_with_its_nonce() -> None:
    wallet = Wallet(_KEY)
    raw, tx_hash = wallet.sign_transaction(UNSIGNED, nonce=7)
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    shown = {name: bytes(v).hex() if isinstance(v, bytes) else v for name, v in fields.items()}
    assert shown | {"v": 0, "r": 0, "s": 0} == {
        "type": 2, "chainId": 31337, "nonce": 7, "to": "11" * 20, "data": "abcdef", "value": 1000, "gas": 210_000,
        "maxFeePerGas": 3_000_000_000, "maxPriorityFeePerGas": 1_000_000_000, "accessList": (), "v": 0, "r": 0, "s": 0,
    }  # fmt: skip
    assert tx_hash == "0x" + keccak256(raw).hex()
    assert Address.parse(Account.recover_transaction(raw)) == wallet.address


@pytest.mark.parametrize("change", [{"chainNumber": 1}, {"value": "1001"}, {"data": "0xabcdee"}])
def test_every_field_is_signed(change: dict[str, Any]) -> None:
    wallet = Wallet(_KEY)
    assert wallet.sign_transaction(UNSIGNED, 7)[1] != wallet.sign_transaction({**UNSIGNED, **change}, 7)[1]
