"""What only the ERC-721 collection does: consecutive ids from 1, token URIs, burning, transfers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contract_chain import ZERO, Contract, Log, Reverted
from contract_terms import Init, Sale, Terms, create


@pytest.fixture
def standard() -> int:
    return 0


@pytest.fixture
def collection(sale: Sale) -> Contract:
    return sale.collection


def test_a_batch_gets_consecutive_ids_from_one(sale: Sale, alice: str, bob: str) -> None:
    first = sale.mint(alice, 3)
    second = sale.mint(bob, 2)

    where = sale.collection.address
    assert first.logs[1:] == tuple(Log(where, "Transfer", (ZERO, alice, token)) for token in (1, 2, 3))
    assert second.logs == (
        Log(where, "Minted", (bob, bob, 4, 2, 0)),
        Log(where, "Transfer", (ZERO, bob, 4)),
        Log(where, "Transfer", (ZERO, bob, 5)),
    )
    assert [sale.collection.call("ownerOf", token) for token in range(1, 6)] == [alice] * 3 + [bob] * 2
    assert sale.collection.call("totalSupply") == 5


def test_token_zero_does_not_exist(sale: Sale, alice: str) -> None:
    sale.mint(alice)

    with pytest.raises(Reverted) as refused:
        sale.collection.call("ownerOf", 0)

    assert refused.value.error == ("OwnerQueryForNonexistentToken", ())


def test_a_call_mints_and_airdrops_a_hundred_at_most(sale: Sale, alice: str) -> None:
    for function, args in (("mint", (alice, 101, [])), ("airdrop", (alice, 101))):
        with pytest.raises(Reverted) as refused:
            sale.collection.send(function, *args, sender=sale.creator)
        assert refused.value.error == ("QuantityTooLarge", (100, 101))
    sale.mint(alice, 100)
    sale.airdrop(sale.creator, alice, 100)

    assert sale.balance(alice) == 200


def test_an_airdrop_emits_one_transfer_per_token(sale: Sale, alice: str) -> None:
    receipt = sale.airdrop(sale.creator, alice, 2)

    where = sale.collection.address
    assert receipt.logs == tuple(Log(where, "Transfer", (ZERO, alice, token)) for token in (1, 2))


@pytest.mark.parametrize(
    ("base", "uri"),
    [
        ("ipfs://folder/", "ipfs://folder/12"),
        ("ipfs://one-document", "ipfs://one-document"),
        ("ipfs://one-document.json", "ipfs://one-document.json"),
        ("/", "/12"),
        ("", ""),
    ],
)
def test_a_base_with_a_slash_is_a_folder_and_any_other_one_document(
    factory: Contract, creator: str, alice: str, base: str, uri: str
) -> None:
    collection = create(factory, 0, creator, Init(base_uri=base))
    collection.send("mint", alice, 12, [], sender=alice)

    assert collection.call("tokenURI", 12) == uri


def test_a_token_that_does_not_exist_has_no_uri(sale: Sale, alice: str) -> None:
    sale.mint(alice, 2)
    sale.collection.send("burn", 2, sender=alice)

    for token in (0, 2, 3):
        with pytest.raises(Reverted) as refused:
            sale.collection.call("tokenURI", token)
        assert refused.value.error == ("URIQueryForNonexistentToken", ())


def test_an_owner_burns_a_token_out_of_a_batch(sale: Sale, alice: str) -> None:
    sale.mint(alice, 3)

    receipt = sale.collection.send("burn", 2, sender=alice)

    assert receipt.logs == (Log(sale.collection.address, "Transfer", (alice, ZERO, 2)),)
    assert [sale.collection.call("ownerOf", token) for token in (1, 3)] == [alice, alice]
    assert (sale.collection.call("totalSupply"), sale.total_minted()) == (2, 3)
    with pytest.raises(Reverted) as refused:
        sale.collection.call("ownerOf", 2)
    assert refused.value.error == ("OwnerQueryForNonexistentToken", ())


def test_a_burn_needs_the_owner_or_an_approval(sale: Sale, alice: str, bob: str) -> None:
    sale.mint(alice, 2)
    with pytest.raises(Reverted) as refused:
        sale.collection.send("burn", 1, sender=bob)
    assert refused.value.error == ("TransferCallerNotOwnerNorApproved", ())

    sale.collection.send("approve", bob, 1, sender=alice)
    sale.collection.send("burn", 1, sender=bob)
    sale.collection.send("setApprovalForAll", bob, True, sender=alice)
    sale.collection.send("burn", 2, sender=bob)

    assert sale.collection.call("totalSupply") == 0


def test_tokens_are_transferred_and_approvals_announced(sale: Sale, alice: str, bob: str, payee: str) -> None:
    sale.mint(alice, 2)
    where = sale.collection.address

    approved = sale.collection.send("approve", payee, 1, sender=alice)
    moved = sale.collection.send("transferFrom", alice, bob, 1, sender=payee)
    sale.collection.send("safeTransferFrom(address,address,uint256)", alice, bob, 2, sender=alice)
    operator = sale.collection.send("setApprovalForAll", payee, True, sender=bob)

    assert approved.logs == (Log(where, "Approval", (alice, payee, 1)),)
    assert moved.logs == (Log(where, "Transfer", (alice, bob, 1)),)
    assert operator.logs == (Log(where, "ApprovalForAll", (bob, payee, True)),)
    assert sale.balance(bob) == 2
    assert sale.collection.call("getApproved", 1) == ZERO


def test_a_transfer_needs_the_owner_or_an_approval(sale: Sale, alice: str, bob: str) -> None:
    sale.mint(alice)

    for sender, source, error in (
        (bob, alice, "TransferCallerNotOwnerNorApproved"),
        (bob, bob, "TransferFromIncorrectOwner"),
    ):
        with pytest.raises(Reverted) as refused:
            sale.collection.send("transferFrom", source, bob, 1, sender=sender)
        assert refused.value.error == (error, ())
    assert sale.collection.call("ownerOf", 1) == alice


def test_money_sent_along_a_transfer_or_approval_is_refused(sale: Sale, alice: str, bob: str) -> None:
    sale.mint(alice)
    plain = "safeTransferFrom(address,address,uint256)"

    for function, args in (("transferFrom", (alice, bob, 1)), (plain, (alice, bob, 1)), ("approve", (bob, 1))):
        with pytest.raises(Reverted) as refused:
            sale.collection.send(function, *args, sender=alice, value=5)
        assert refused.value.error == ("WrongPayment", (0, 5))
    assert sale.chain.balance(sale.collection.address) == 0


def test_a_paid_mint_of_ten_stays_below_200_000_gas(
    sale: Sale, alice: str, payee: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    sale.set_terms(Terms(price=10, max_supply=1000, per_wallet_limit=20, payee=payee))

    gas = sale.mint(alice, 10, value=100).gas_used

    record_testsuite_property("gas of a paid ERC-721 mint of 10", gas)
    assert gas < 200_000
