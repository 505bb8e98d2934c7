"""What may be prepared, what it becomes on the wire, and what it may cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm.abi import Function
from mercato.intents.model import IntentKind
from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import UINT256_MAX, ZERO_ADDRESS, Address, ChainId, TokenId, UserId, Wei, new_id
from mercato.services.orchestrator.model import (
    Caller,
    GasPolicy,
    Mint,
    NewCollection,
    SaleTerms,
    Standard,
    body_hash,
    check_caller,
    check_collection,
    check_mint,
    fees,
    gas_limit,
)

NOW = 1_800_000_000
WALLET = Address(b"\x0a" * 20)
CHAIN = ChainId(31337)
CALLER = Caller(UserId(new_id()), WALLET, "key-1")
TERMS = SaleTerms(Wei(5), 10, 2, 0, 0, bytes(32), WALLET)
COLLECTION = NewCollection(
    CHAIN, Standard.ERC721, "Stars", "STAR", "ipfs://base/", "https://x.example/c.json", WALLET, 250, TERMS
)
MINT = Mint(CHAIN, Address(b"\x0b" * 20), WALLET, None, 2, ())
POLICY = GasPolicy(200, Wei(10), Wei(1_000), 20)


def with_terms(**changes: object) -> NewCollection:
    return replace(COLLECTION, terms=replace(TERMS, **changes))  # type: ignore[arg-type]


def test_sensible_requests_are_accepted() -> None:
    check_caller(CALLER)
    check_collection(COLLECTION, NOW)
    check_collection(replace(COLLECTION, base_uri="", contract_uri="data:application/json,{}"), NOW)
    check_collection(with_terms(starts_at=2**64 - 1), NOW)
    check_mint(MINT)
    check_mint(replace(MINT, token_id=TokenId(0), quantity=2**64 - 1))


@pytest.mark.parametrize("key", ["", "x" * 129, "with space", "tab\t", "é", "\x7f"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_caller(replace(CALLER, idempotency_key=key))
    assert caught.value.reason == "INVALID_IDEMPOTENCY_KEY"


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (replace(COLLECTION, name=""), "INVALID_NAME"),
        (replace(COLLECTION, name=" Stars"), "INVALID_NAME"),
        (replace(COLLECTION, name="x" * 65), "INVALID_NAME"),
        (replace(COLLECTION, name="a\0b"), "INVALID_NAME"),
        (replace(COLLECTION, symbol="TOO-LONG-A-SYMBOL"), "INVALID_SYMBOL"),
        (replace(COLLECTION, base_uri="javascript:alert(1)"), "INVALID_URI"),
        (replace(COLLECTION, base_uri="file:///etc/passwd"), "INVALID_URI"),
        (replace(COLLECTION, contract_uri="https://a b"), "INVALID_URI"),
        (replace(COLLECTION, contract_uri="https://" + "a" * 2000), "INVALID_URI"),
        (replace(COLLECTION, royalty_bps=10_001), "INVALID_ROYALTY"),
        (replace(COLLECTION, royalty_receiver=ZERO_ADDRESS), "INVALID_ROYALTY"),
        (with_terms(price=2**128), "INVALID_MINT_CONFIG"),
        (with_terms(max_supply=2**64), "INVALID_MINT_CONFIG"),
        (with_terms(per_wallet_limit=2**32), "INVALID_MINT_CONFIG"),
        (with_terms(starts_at=NOW + 20, ends_at=NOW + 10), "INVALID_SALE_WINDOW"),
        (with_terms(ends_at=NOW), "INVALID_SALE_WINDOW"),
        (with_terms(allowlist_root=b"\x01"), "INVALID_ALLOWLIST_ROOT"),
        (with_terms(payee=ZERO_ADDRESS), "INVALID_PAYEE"),
    ],
)
def test_a_bad_collection_is_refused_with_its_reason(new: NewCollection, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_collection(new, NOW)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("mint", "reason"),
    [
        (replace(MINT, recipient=ZERO_ADDRESS), "INVALID_RECIPIENT"),
        (replace(MINT, quantity=0), "INVALID_QUANTITY"),
        (replace(MINT, quantity=101), "INVALID_QUANTITY"),
        (replace(MINT, token_id=TokenId(1), quantity=2**64), "INVALID_QUANTITY"),
        (replace(MINT, token_id=TokenId(UINT256_MAX)), "RESERVED_TOKEN_ID"),
        (replace(MINT, proof=(b"\x01",)), "INVALID_ALLOWLIST_PROOF"),
        (replace(MINT, proof=(bytes(32),) * 65), "INVALID_ALLOWLIST_PROOF"),
    ],
)
def test_a_bad_mint_is_refused_with_its_reason(mint: Mint, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_mint(mint)
    assert caught.value.reason == reason


def test_calldata_names_the_contracts_functions() -> None:
    assert MINT.calldata[:4] == Function("mint(address,uint256,bytes32[])").selector
    units = replace(MINT, token_id=TokenId(2**255), quantity=7, proof=(b"\x05" * 32,))
    function = Function("mint(address,uint256,uint256,bytes32[])")
    assert function.decode_arguments(units.calldata) == (WALLET, 2**255, 7, (b"\x05" * 32,))


def test_the_same_wish_has_the_same_hash_and_any_other_another() -> None:
    def digest(mint: Mint = MINT, caller: Caller = CALLER, kind: IntentKind = IntentKind.MINT_721) -> bytes:
        return body_hash(kind, mint.chain_id, caller, mint.contract, mint.calldata)

    assert digest() == digest(caller=replace(CALLER, idempotency_key="another", user_id=UserId(new_id())))
    others = {
        digest(),
        digest(replace(MINT, chain_id=ChainId(1))),
        digest(replace(MINT, contract=WALLET)),
        digest(replace(MINT, recipient=Address(b"\x0d" * 20))),
        digest(replace(MINT, quantity=3)),
        digest(replace(MINT, token_id=TokenId(1))),
        digest(replace(MINT, proof=(bytes(32),))),
        digest(caller=replace(CALLER, wallet=Address(b"\x0e" * 20))),
        digest(kind=IntentKind.MINT_1155),
    }
    assert len(others) == 9


def test_fees_follow_the_policy() -> None:
    assert fees(POLICY, Wei(100)).max_fee == 210
    assert fees(POLICY, Wei(100)).max_priority_fee == 10
    assert fees(POLICY, Wei(900)).max_fee == 1_000
    with pytest.raises(FailedPrecondition) as caught:
        fees(POLICY, Wei(1_001))
    assert caught.value.reason == "GAS_PRICE_ABOVE_CAP"


@given(
    base=st.integers(0, 10**12), multiplier=st.integers(100, 1000), priority=st.integers(0, 10**12),
    room=st.integers(0, 10**13),
)  # fmt: skip
def test_offered_fees_are_always_payable_and_never_above_the_cap(
    base: int, multiplier: int, priority: int, room: int
) -> None:
    policy = GasPolicy(multiplier, Wei(priority), Wei(max(base, priority) + room), 0)
    offered = fees(policy, Wei(base))
    assert base <= offered.max_fee <= policy.max_fee_cap
    assert offered.max_priority_fee <= min(offered.max_fee, priority)


def test_the_gas_limit_has_the_margin_and_fits_a_block() -> None:
    assert gas_limit(POLICY, 100_000, 30_000_000) == 120_000
    assert gas_limit(POLICY, 3, 30_000_000) == 4
    assert gas_limit(POLICY, 29_000_000, 30_000_000) == 30_000_000
