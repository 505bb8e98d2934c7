"""What a wallet is asked to sign, and whether what was mined is that."""

from __future__ import annotations

import msgspec
import pytest

from mercato.evm.rpc import Transaction
from mercato.evm.transactions import Difference, ExpectedCall, UnsignedTransaction, differences
from mercato.kit.ids import Address, ChainId, Wei

ALICE, SHOP, OTHER = (Address(bytes([n]) * 20) for n in (0xA1, 0x50, 0xFF))

EXPECTED = ExpectedCall(ChainId(1), ALICE, SHOP, b"\x01\x02", Wei(5))
MINED = Transaction(
    hash=b"\x77" * 32,
    sender=ALICE,
    to=SHOP,
    data=b"\x01\x02",
    value=Wei(5),
    nonce=3,
    gas=90_000,
    chain_id=1,
    block_number=9,
    block_hash=b"\xbb" * 32,
    index=0,
    max_fee=Wei(10),
    max_priority_fee=Wei(1),
)


def test_unsigned_transaction_is_what_a_wallet_takes() -> None:
    unsigned = UnsignedTransaction(ChainId(31337), ALICE, SHOP, b"\x01\x02", Wei(0), 90_000, Wei(3 * 10**9), Wei(10**9))

    assert unsigned.for_wallet() == {
        "type": "0x2",
        "chainId": "0x7a69",
        "from": ALICE.checksum,
        "to": SHOP.checksum,
        "data": "0x0102",
        "value": "0x0",
        "gas": "0x15f90",
        "maxFeePerGas": "0xb2d05e00",
        "maxPriorityFeePerGas": "0x3b9aca00",
    }


@pytest.mark.parametrize(
    "seen",
    [
        MINED,
        msgspec.structs.replace(MINED, nonce=4, gas=1, max_fee=Wei(99)),  # a wallet may speed it up
        msgspec.structs.replace(MINED, block_number=None, block_hash=None, index=None),
        msgspec.structs.replace(MINED, chain_id=None),
    ],
)
def test_the_expected_transaction_has_no_differences(seen: Transaction) -> None:
    assert differences(EXPECTED, seen) == ()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"chain_id": 5}, (Difference.CHAIN,)),
        ({"sender": OTHER}, (Difference.SENDER,)),
        ({"to": OTHER}, (Difference.TARGET,)),
        ({"to": None}, (Difference.TARGET,)),
        ({"data": b"\x01\x02\x03"}, (Difference.CALLDATA,)),
        ({"value": Wei(6)}, (Difference.VALUE,)),
        ({"sender": OTHER, "value": Wei(0)}, (Difference.SENDER, Difference.VALUE)),
    ],
)
def test_each_difference_is_named(changes: dict[str, object], found: tuple[Difference, ...]) -> None:
    assert differences(EXPECTED, msgspec.structs.replace(MINED, **changes)) == found
