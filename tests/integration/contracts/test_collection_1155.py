"""What only the ERC-1155 collection does: terms and URIs per token id, batches, supply per id, burning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contract_chain import ZERO, Contract, Log, Reverted
from contract_terms import WHOLE_COLLECTION, Init, Sale, Terms, create

from mercato.kit.ids import keccak256


@pytest.fixture
def standard() -> int:
    return 1


def test_a_mint_emits_one_transfer_single(sale: Sale, alice: str, bob: str) -> None:
    receipt = sale.mint(alice, 5, to=bob)

    where = sale.collection.address
    assert receipt.logs == (
        Log(where, "Minted", (alice, bob, 7, 5, 0)),
        Log(where, "TransferSingle", (alice, ZERO, bob, 7, 5)),
    )
    assert (sale.collection.call("totalSupply(uint256)", 7), sale.collection.call("totalSupply()")) == (5, 5)


def test_an_id_with_terms_of_its_own_leaves_the_others_to_the_default(sale: Sale, alice: str, payee: str) -> None:
    own = Terms(price=3, max_supply=2, payee=payee)

    receipt = sale.collection.send("setMintConfig", 1, own.abi, sender=sale.creator)

    assert receipt.logs == (Log(sale.collection.address, "MintConfigSet", (1, own.abi)),)
    assert sale.collection.call("mintConfig", 1) == own.abi
    assert sale.collection.call("mintConfig", 2) == Terms().abi
    with pytest.raises(Reverted) as refused:
        sale.collection.send("mint", alice, 1, 1, [], sender=alice)
    assert refused.value.error == ("WrongPayment", (3, 0))
    sale.collection.send("mint", alice, 1, 1, [], sender=alice, value=3)
    sale.collection.send("mint", alice, 2, 1, [], sender=alice)
    assert sale.collection.call("balanceOfBatch", [alice, alice], [1, 2]) == (1, 1)


def test_open_terms_of_an_id_win_over_a_closed_default(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(starts_at=2**64 - 1))
    sale.collection.send("setMintConfig", 1, Terms().abi, sender=sale.creator)

    sale.collection.send("mint", alice, 1, 4, [], sender=alice)

    assert sale.collection.call("balanceOf", alice, 1) == 4
    with pytest.raises(Reverted) as refused:
        sale.collection.send("mint", alice, 2, 1, [], sender=alice)
    assert refused.value.error == ("SaleNotStarted", (2**64 - 1,))


def test_supply_and_wallet_limit_count_per_id(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(max_supply=3, per_wallet_limit=2))
    for token in (1, 2):
        sale.collection.send("mint", alice, token, 2, [], sender=alice)

    with pytest.raises(Reverted) as refused:
        sale.collection.send("mint", alice, 1, 1, [], sender=alice)

    assert refused.value.error == ("WalletLimitReached", (2, 1))
    assert [sale.collection.call("totalMinted", token) for token in (1, 2, 3)] == [2, 2, 0]
    assert [sale.collection.call("mintedBy", token, alice) for token in (1, 2, 3)] == [2, 2, 0]


def test_the_id_that_stands_for_the_collection_cannot_be_minted(sale: Sale, alice: str) -> None:
    attempts: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("mint", (alice, WHOLE_COLLECTION, 1, [])),
        ("airdrop", (alice, WHOLE_COLLECTION, 1)),
        ("airdropBatch", (alice, [1, WHOLE_COLLECTION], [1, 1])),
    )

    for function, args in attempts:
        with pytest.raises(Reverted) as refused:
            sale.collection.send(function, *args, sender=sale.creator)
        assert refused.value.error == ("ReservedTokenId", (WHOLE_COLLECTION,))
    assert sale.collection.call("totalSupply()") == 0


def test_the_largest_amount_is_what_a_supply_can_hold(sale: Sale, alice: str, payee: str) -> None:
    sale.set_terms(Terms(price=2**128 - 1, payee=payee))

    for amount, error in (
        (2**64, ("QuantityTooLarge", (2**64 - 1, 2**64))),
        (2**64 - 1, ("WrongPayment", ((2**64 - 1) * (2**128 - 1), 0))),
    ):
        with pytest.raises(Reverted) as refused:
            sale.mint(alice, amount)
        assert refused.value.error == error


def test_an_airdrop_of_several_ids_is_one_transfer_batch(sale: Sale, alice: str) -> None:
    receipt = sale.collection.send("airdropBatch", alice, [3, 1, 2**255], [10, 20, 30], sender=sale.creator)

    logged = (sale.creator, ZERO, alice, (3, 1, 2**255), (10, 20, 30))
    assert receipt.logs == (Log(sale.collection.address, "TransferBatch", logged),)
    assert sale.collection.call("balanceOfBatch", [alice] * 3, [3, 1, 2**255]) == (10, 20, 30)


def test_an_airdrop_of_one_id_is_one_transfer_single(sale: Sale, alice: str) -> None:
    single = sale.airdrop(sale.creator, alice, 4)
    batch = sale.collection.send("airdropBatch", alice, [7], [4], sender=sale.creator)

    expected = (Log(sale.collection.address, "TransferSingle", (sale.creator, ZERO, alice, 7, 4)),)
    assert single.logs == batch.logs == expected


def test_an_id_twice_in_a_batch_counts_twice(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(max_supply=5))

    with pytest.raises(Reverted) as refused:
        sale.collection.send("airdropBatch", alice, [1, 1], [3, 3], sender=sale.creator)
    assert refused.value.error == ("SoldOut", (5, 3))
    sale.collection.send("airdropBatch", alice, [1, 1], [3, 2], sender=sale.creator)

    assert sale.collection.call("totalMinted", 1) == 5
    assert sale.collection.call("balanceOf", alice, 1) == 5


@pytest.mark.parametrize(
    ("ids", "amounts", "error"),
    [
        ([], [], ("ZeroQuantity", ())),
        ([1, 2], [1], ("ERC1155InvalidArrayLength", (2, 1))),
        ([1, 2], [1, 0], ("ZeroQuantity", ())),
        ([1], [2**64], ("QuantityTooLarge", (2**64 - 1, 2**64))),
        (list(range(101)), [1] * 101, ("QuantityTooLarge", (100, 101))),
    ],
    ids=["empty", "lengths differ", "none of an id", "too many of an id", "too many ids"],
)
def test_a_malformed_batch_airdrop_is_refused(
    sale: Sale, alice: str, ids: list[int], amounts: list[int], error: tuple[str, tuple[int, ...]]
) -> None:
    with pytest.raises(Reverted) as refused:
        sale.collection.send("airdropBatch", alice, ids, amounts, sender=sale.creator)

    assert refused.value.error == error
    assert sale.collection.call("totalSupply()") == 0


def test_a_batch_airdrop_of_a_hundred_ids_fits_into_a_transaction(sale: Sale, alice: str) -> None:
    sale.collection.send("airdropBatch", alice, list(range(100)), [1] * 100, sender=sale.creator)

    assert sale.collection.call("totalSupply()") == 100


def test_a_batch_airdrop_needs_the_minter_role(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted) as refused:
        sale.collection.send("airdropBatch", alice, [1], [1], sender=alice)

    assert refused.value.error == ("AccessControlUnauthorizedAccount", (alice, keccak256(b"MINTER_ROLE")))


def test_the_uri_is_the_base_with_the_id_left_to_the_client(factory: Contract, creator: str) -> None:
    collection = create(factory, 1, creator, Init(base_uri="ipfs://set/{id}.json"))

    assert collection.call("uri", 7) == "ipfs://set/{id}.json"


def test_an_id_can_have_a_uri_of_its_own_and_lose_it_again(sale: Sale) -> None:
    where = sale.collection.address

    own = sale.collection.send("setTokenURI", 7, "ipfs://seven.json", sender=sale.creator)
    assert own.logs == (Log(where, "URI", ("ipfs://seven.json", 7)), Log(where, "MetadataUpdate", (7,)))
    assert [sale.collection.call("uri", token) for token in (7, 8)] == ["ipfs://seven.json", "ipfs://lights/"]

    back = sale.collection.send("setTokenURI", 7, "", sender=sale.creator)
    assert back.logs == (Log(where, "URI", ("ipfs://lights/", 7)), Log(where, "MetadataUpdate", (7,)))
    assert sale.collection.call("uri", 7) == "ipfs://lights/"


def test_a_uri_of_an_id_needs_the_metadata_role(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted) as refused:
        sale.collection.send("setTokenURI", 7, "ipfs://x", sender=alice)

    assert refused.value.error == ("AccessControlUnauthorizedAccount", (alice, keccak256(b"METADATA_ROLE")))


def test_only_an_admin_sets_terms_of_an_id(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted) as refused:
        sale.collection.send("setMintConfig", 7, Terms(max_supply=1).abi, sender=alice)

    assert refused.value.error == ("AccessControlUnauthorizedAccount", (alice, bytes(32)))
    assert sale.collection.call("mintConfig", 7) == Terms().abi


def test_holders_burn_one_or_several_ids(sale: Sale, alice: str) -> None:
    sale.collection.send("airdropBatch", alice, [1, 2], [10, 10], sender=sale.creator)
    where = sale.collection.address

    one = sale.collection.send("burn", alice, 1, 4, sender=alice)
    several = sale.collection.send("burnBatch", alice, [1, 2], [6, 3], sender=alice)

    assert one.logs == (Log(where, "TransferSingle", (alice, alice, ZERO, 1, 4)),)
    assert several.logs == (Log(where, "TransferBatch", (alice, alice, ZERO, (1, 2), (6, 3))),)
    assert [sale.collection.call("totalSupply(uint256)", token) for token in (1, 2)] == [0, 7]
    assert [sale.collection.call("totalMinted", token) for token in (1, 2)] == [10, 10]
    assert sale.collection.call("exists", 1) is False


def test_a_burn_needs_the_holder_or_an_operator_and_the_balance(sale: Sale, alice: str, bob: str) -> None:
    sale.airdrop(sale.creator, alice, 3)

    for sender, amount, error in (
        (bob, 1, ("ERC1155MissingApprovalForAll", (bob, alice))),
        (alice, 4, ("ERC1155InsufficientBalance", (alice, 3, 4, 7))),
    ):
        with pytest.raises(Reverted) as refused:
            sale.collection.send("burn", alice, 7, amount, sender=sender)
        assert refused.value.error == error
    sale.collection.send("setApprovalForAll", bob, True, sender=alice)
    sale.collection.send("burn", alice, 7, 3, sender=bob)

    assert sale.balance(alice) == 0


def test_tokens_are_transferred_one_by_one_and_in_batches(sale: Sale, alice: str, bob: str) -> None:
    sale.collection.send("airdropBatch", alice, [1, 2], [10, 10], sender=sale.creator)
    where = sale.collection.address

    one = sale.collection.send("safeTransferFrom", alice, bob, 1, 4, b"", sender=alice)
    several = sale.collection.send("safeBatchTransferFrom", alice, bob, [1, 2], [1, 2], b"", sender=alice)

    assert one.logs == (Log(where, "TransferSingle", (alice, alice, bob, 1, 4)),)
    assert several.logs == (Log(where, "TransferBatch", (alice, alice, bob, (1, 2), (1, 2))),)
    assert sale.collection.call("balanceOfBatch", [alice, alice, bob, bob], [1, 2, 1, 2]) == (5, 8, 5, 2)


def test_a_paid_mint_of_ten_stays_below_250_000_gas(
    sale: Sale, alice: str, payee: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    sale.set_terms(Terms(price=10, max_supply=1000, per_wallet_limit=20, payee=payee))

    gas = sale.mint(alice, 10, value=100).gas_used

    record_testsuite_property("gas of a paid ERC-1155 mint of 10", gas)
    assert gas < 250_000
