"""What both standards share beside minting: roles, ownership, royalty, metadata, declared interfaces."""

from __future__ import annotations

from typing import Any

import pytest
from contract_chain import ZERO, Contract, Log, Reverted
from contract_terms import Init, Sale, create

from mercato.kit.ids import keccak256

ADMIN = bytes(32)
MINTER = keccak256(b"MINTER_ROLE")
METADATA = keccak256(b"METADATA_ROLE")

SHARED_INTERFACES = {
    "ERC-165": "01ffc9a7",
    "ERC-173 ownership": "7f5828d0",
    "ERC-2981 royalty": "2a55205a",
    "ERC-4906 metadata updates": "49064906",
    "ERC-7572 contractURI": "e8a3d485",
    "AccessControl": "7965db0b",
}
OWN_INTERFACES = (
    {"ERC-721": "80ac58cd", "ERC-721 metadata": "5b5e139f"},
    {"ERC-1155": "d9b67a26", "ERC-1155 metadata URI": "0e89341c"},
)


def refusal(contract: Contract, function: str, *args: Any, sender: str) -> tuple[str, tuple[Any, ...]]:
    with pytest.raises(Reverted) as refused:
        contract.send(function, *args, sender=sender)
    return refused.value.error


def test_the_declared_interfaces_are_exactly_the_implemented_ones(sale: Sale) -> None:
    declared = SHARED_INTERFACES | OWN_INTERFACES[sale.standard]
    foreign = OWN_INTERFACES[1 - sale.standard] | {"nothing": "ffffffff", "enumerable": "780e9d63"}

    for name, interface in (declared | foreign).items():
        answer = sale.collection.call("supportsInterface", bytes.fromhex(interface))
        assert (name, answer) == (name, name in declared)


def test_an_airdrop_needs_the_minter_role(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted) as refused:
        sale.airdrop(alice, alice)
    assert refused.value.error == ("AccessControlUnauthorizedAccount", (alice, MINTER))
    assert sale.balance(alice) == 0

    receipt = sale.collection.send("grantRole", MINTER, alice, sender=sale.creator)

    assert receipt.logs == (Log(sale.collection.address, "RoleGranted", (MINTER, alice, sale.creator)),)
    sale.airdrop(alice, alice)
    assert sale.balance(alice) == 1


def test_a_revoked_role_is_gone(sale: Sale, alice: str) -> None:
    sale.collection.send("grantRole", MINTER, alice, sender=sale.creator)

    receipt = sale.collection.send("revokeRole", MINTER, alice, sender=sale.creator)

    assert receipt.logs == (Log(sale.collection.address, "RoleRevoked", (MINTER, alice, sale.creator)),)
    with pytest.raises(Reverted):
        sale.airdrop(alice, alice)


def test_a_role_can_be_given_up_by_its_holder_only(sale: Sale, alice: str) -> None:
    sale.collection.send("grantRole", METADATA, alice, sender=sale.creator)

    assert refusal(sale.collection, "renounceRole", METADATA, alice, sender=sale.creator) == (
        "AccessControlBadConfirmation",
        (),
    )
    sale.collection.send("renounceRole", METADATA, alice, sender=alice)
    assert sale.collection.call("hasRole", METADATA, alice) is False


def test_only_an_admin_grants_and_revokes_roles(sale: Sale, alice: str) -> None:
    expected = ("AccessControlUnauthorizedAccount", (alice, ADMIN))

    assert refusal(sale.collection, "grantRole", ADMIN, alice, sender=alice) == expected
    assert refusal(sale.collection, "revokeRole", MINTER, sale.creator, sender=alice) == expected


def test_a_transferred_ownership_takes_the_admin_role_along(sale: Sale, alice: str) -> None:
    where = sale.collection.address

    receipt = sale.collection.send("transferOwnership", alice, sender=sale.creator)

    assert receipt.logs == (
        Log(where, "OwnershipTransferred", (sale.creator, alice)),
        Log(where, "RoleGranted", (ADMIN, alice, sale.creator)),
        Log(where, "RoleRevoked", (ADMIN, sale.creator, sale.creator)),
    )
    assert sale.collection.call("owner") == alice
    assert refusal(sale.collection, "setDefaultRoyalty", alice, 1, sender=sale.creator) == (
        "AccessControlUnauthorizedAccount",
        (sale.creator, ADMIN),
    )


def test_an_ownership_transferred_to_its_owner_changes_nothing(sale: Sale) -> None:
    sale.collection.send("transferOwnership", sale.creator, sender=sale.creator)

    assert sale.collection.call("owner") == sale.creator
    assert sale.collection.call("hasRole", ADMIN, sale.creator) is True


def test_only_the_owner_transfers_or_renounces_the_ownership(sale: Sale, alice: str) -> None:
    sale.collection.send("grantRole", ADMIN, alice, sender=sale.creator)

    expected = ("OwnableUnauthorizedAccount", (alice,))
    assert refusal(sale.collection, "transferOwnership", alice, sender=alice) == expected
    assert refusal(sale.collection, "renounceOwnership", sender=alice) == expected
    assert refusal(sale.collection, "transferOwnership", ZERO, sender=sale.creator) == ("OwnableInvalidOwner", (ZERO,))


def test_the_owner_cannot_lose_the_admin_role_but_with_the_ownership(sale: Sale, alice: str) -> None:
    sale.collection.send("grantRole", ADMIN, alice, sender=sale.creator)

    expected = ("OwnerKeepsAdminRole", (sale.creator,))
    assert refusal(sale.collection, "revokeRole", ADMIN, sale.creator, sender=alice) == expected
    assert refusal(sale.collection, "renounceRole", ADMIN, sale.creator, sender=sale.creator) == expected
    assert sale.collection.call("hasRole", ADMIN, sale.creator) is True


def test_a_renounced_ownership_leaves_no_owner_and_no_admin(sale: Sale) -> None:
    sale.collection.send("renounceOwnership", sender=sale.creator)

    assert sale.collection.call("owner") == ZERO
    assert sale.collection.call("hasRole", ADMIN, sale.creator) is False
    assert sale.collection.call("hasRole", ADMIN, ZERO) is False


def test_the_royalty_is_a_share_of_the_price_rounded_down(sale: Sale, alice: str) -> None:
    receipt = sale.collection.send("setDefaultRoyalty", alice, 333, sender=sale.creator)

    assert receipt.logs == (Log(sale.collection.address, "DefaultRoyaltySet", (alice, 333)),)
    assert sale.collection.call("royaltyInfo", 1, 10_000) == (alice, 333)
    assert sale.collection.call("royaltyInfo", 99, 101) == (alice, 3)
    assert sale.collection.call("royaltyInfo", 1, 2**256 - 1) == (alice, (2**256 - 1) * 333 // 10_000)


def test_a_royalty_can_be_removed(factory: Contract, creator: str, alice: str, standard: int) -> None:
    collection = create(factory, standard, creator, Init(royalty_receiver=alice, royalty_bps=500))

    receipt = collection.send("setDefaultRoyalty", ZERO, 0, sender=creator)

    assert receipt.logs == (Log(collection.address, "DefaultRoyaltySet", (ZERO, 0)),)
    assert collection.call("royaltyInfo", 1, 10_000) == (ZERO, 0)


def test_an_impossible_royalty_is_refused(sale: Sale, alice: str) -> None:
    send = (sale.collection, "setDefaultRoyalty")

    assert refusal(*send, alice, 10_001, sender=sale.creator) == ("ERC2981InvalidDefaultRoyalty", (10_001, 10_000))
    assert refusal(*send, ZERO, 1, sender=sale.creator) == ("ERC2981InvalidDefaultRoyaltyReceiver", (ZERO,))
    assert refusal(*send, alice, 1, sender=alice) == ("AccessControlUnauthorizedAccount", (alice, ADMIN))


def test_a_moved_base_uri_tells_indexers_to_read_all_metadata_again(sale: Sale) -> None:
    where = sale.collection.address

    receipt = sale.collection.send("setBaseURI", "ipfs://new/", sender=sale.creator)

    assert receipt.logs == (
        Log(where, "BaseURISet", ("ipfs://new/",)),
        Log(where, "BatchMetadataUpdate", (0, 2**256 - 1)),
    )
    assert sale.collection.call("baseURI") == "ipfs://new/"


def test_a_moved_contract_uri_is_announced(sale: Sale) -> None:
    where = sale.collection.address

    receipt = sale.collection.send("setContractURI", "ipfs://about.json", sender=sale.creator)

    assert receipt.logs == (
        Log(where, "ContractURISet", ("ipfs://about.json",)),
        Log(where, "ContractURIUpdated", ()),
    )
    assert sale.collection.call("contractURI") == "ipfs://about.json"


def test_metadata_moves_with_the_metadata_role_only(sale: Sale, alice: str) -> None:
    sale.collection.send("grantRole", MINTER, alice, sender=sale.creator)

    expected = ("AccessControlUnauthorizedAccount", (alice, METADATA))
    assert refusal(sale.collection, "setBaseURI", "ipfs://x/", sender=alice) == expected
    assert refusal(sale.collection, "setContractURI", "ipfs://x", sender=alice) == expected
    assert sale.collection.call("baseURI") == "ipfs://lights/"
    assert sale.collection.call("contractURI") == "ipfs://harbour.json"
