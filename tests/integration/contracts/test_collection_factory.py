"""The factory: addresses known in advance, one collection per creator, salt and standard, a complete announcement."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from contract_chain import ZERO, Contract, Log, Reverted
from contract_terms import NAMES, SALT, WHOLE_COLLECTION, Init, Terms, create, with_terms

from mercato.evm.create2 import predict_collection_address
from mercato.kit.ids import Address, keccak256

DEFAULT_ADMIN_ROLE = bytes(32)
MINTER_ROLE = keccak256(b"MINTER_ROLE")
METADATA_ROLE = keccak256(b"METADATA_ROLE")


def implementation(factory: Contract, standard: int) -> str:
    return str(factory.call(("implementation721", "implementation1155")[standard]))


def predicted_in_python(factory: Contract, standard: int, creator: str, salt: bytes) -> str:
    return predict_collection_address(
        Address.parse(factory.address),
        Address.parse(implementation(factory, standard)),
        Address.parse(creator),
        salt,
    ).text


def test_a_collection_lives_where_the_factory_and_python_predicted(
    factory: Contract, creator: str, standard: int
) -> None:
    from_factory = factory.call("predictAddress", creator, SALT, standard)
    assert factory.chain.code(from_factory) == b""

    collection = create(factory, standard, creator, Init())

    assert collection.address == from_factory == predicted_in_python(factory, standard, creator, SALT)


def test_python_and_the_factory_predict_the_same_for_any_creator_and_salt(factory: Contract, standard: int) -> None:
    seeded = random.Random(1167)
    for _ in range(100):
        creator, salt = "0x" + seeded.randbytes(20).hex(), seeded.randbytes(32)
        assert factory.call("predictAddress", creator, salt, standard) == predicted_in_python(
            factory, standard, creator, salt
        )


def test_the_prediction_is_create2_over_the_init_code_of_a_minimal_proxy() -> None:
    # EIP-1014 gives no example with a minimal proxy, so the formula stands here a second time, written differently.
    factory, code, creator = (Address(bytes([n]) * 20) for n in (0xAA, 0xBB, 0xCC))
    init_code = "3d602d80600a3d3981f3363d3d373d3d3d363d73" + "bb" * 20 + "5af43d82803e903d91602b57fd5bf3"
    salt = keccak256(bytes(12) + creator + SALT)
    expected = keccak256(b"\xff" + factory + salt + keccak256(bytes.fromhex(init_code)))[12:]

    assert predict_collection_address(factory, code, creator, SALT) == expected


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_than_32_bytes_is_refused_by_the_prediction(length: int) -> None:
    with pytest.raises(ValueError, match=f"a salt has 32 bytes, not {length}"):
        predict_collection_address(*(Address(bytes(20)),) * 3, bytes(length))


def test_a_collection_is_a_minimal_proxy_of_its_implementation(factory: Contract, creator: str, standard: int) -> None:
    collection = create(factory, standard, creator, Init())
    target = implementation(factory, standard)[2:]

    expected = bytes.fromhex(f"363d3d373d3d3d363d73{target}5af43d82803e903d91602b57fd5bf3")
    assert factory.chain.code(collection.address) == expected


def test_what_a_collection_is_made_of_does_not_move_it(factory: Contract, creator: str, standard: int) -> None:
    predicted = factory.call("predictAddress", creator, SALT, standard)
    other = Init(name="Another", symbol="X", base_uri="", royalty_receiver=creator, royalty_bps=1)

    assert create(factory, standard, creator, other).address == predicted


def test_the_same_salt_twice_is_refused_and_names_the_collection(
    factory: Contract, creator: str, standard: int
) -> None:
    collection = create(factory, standard, creator, Init())

    with pytest.raises(Reverted) as refused:
        create(factory, standard, creator, Init(name="Second"))

    assert refused.value.error == ("CollectionAlreadyExists", (collection.address,))
    assert collection.call("name") == "Harbour Lights"


def test_creators_salts_and_standards_do_not_collide(factory: Contract, creator: str, alice: str) -> None:
    salts = [SALT, bytes(32)]
    addresses = {
        create(factory, standard, who, Init(), salt).address
        for who in (creator, alice)
        for salt in salts
        for standard in (0, 1)
    }

    assert len(addresses) == 8


def test_an_unknown_standard_is_refused(factory: Contract, creator: str) -> None:
    with pytest.raises(Reverted) as refused:
        factory.call("predictAddress", creator, SALT, 2)

    assert refused.value.error == ("UnknownStandard", (2,))


def test_creation_announces_everything_in_the_documented_order(
    factory: Contract, creator: str, alice: str, payee: str, standard: int
) -> None:
    terms = Terms(10**16, 500, 5, 1_900_000_000, 1_900_086_400, b"\x11" * 32, payee)
    init = Init(royalty_receiver=alice, royalty_bps=750, terms=terms)
    where = factory.call("predictAddress", creator, SALT, standard)

    receipt = factory.send(("createCollection721", "createCollection1155")[standard], SALT, init.abi, sender=creator)

    announced = (where, creator, standard, SALT, init.name, init.symbol, init.base_uri, init.contract_uri)
    assert receipt.logs == (
        Log(factory.address, "CollectionCreated", announced),
        Log(where, "OwnershipTransferred", (ZERO, creator)),
        Log(where, "RoleGranted", (DEFAULT_ADMIN_ROLE, creator, factory.address)),
        Log(where, "RoleGranted", (MINTER_ROLE, creator, factory.address)),
        Log(where, "RoleGranted", (METADATA_ROLE, creator, factory.address)),
        Log(where, "DefaultRoyaltySet", (alice, 750)),
        Log(where, "MintConfigSet", (WHOLE_COLLECTION, terms.abi)),
        Log(where, "Initialized", (1,)),
    )


def test_a_new_collection_reads_back_what_it_was_made_of(
    factory: Contract, creator: str, alice: str, payee: str, standard: int
) -> None:
    terms = Terms(10**16, 500, 5, 1_900_000_000, 1_900_086_400, b"\x11" * 32, payee)
    collection = create(factory, standard, creator, Init(royalty_receiver=alice, royalty_bps=750, terms=terms))

    assert collection.call("name") == "Harbour Lights"
    assert collection.call("symbol") == "HARB"
    assert collection.call("baseURI") == "ipfs://lights/"
    assert collection.call("contractURI") == "ipfs://harbour.json"
    assert collection.call("owner") == creator
    assert collection.call("royaltyInfo", 1, 10_000) == (alice, 750)
    scope = () if standard == 0 else (WHOLE_COLLECTION,)
    assert collection.call("mintConfig", *scope) == terms.abi
    for role in ("DEFAULT_ADMIN_ROLE", "MINTER_ROLE", "METADATA_ROLE"):
        assert collection.call("hasRole", collection.call(role), creator) is True
        assert collection.call("hasRole", collection.call(role), factory.address) is False


def test_a_collection_cannot_be_initialised_twice(factory: Contract, creator: str, alice: str, standard: int) -> None:
    collection = create(factory, standard, creator, Init())

    with pytest.raises(Reverted) as refused:
        collection.send("initialize", alice, Init().abi, sender=alice)

    assert refused.value.error == ("InvalidInitialization", ())
    assert collection.call("owner") == creator


def test_an_implementation_cannot_be_initialised(factory: Contract, alice: str, standard: int) -> None:
    bare = factory.chain.at(NAMES[standard], implementation(factory, standard))

    with pytest.raises(Reverted) as refused:
        bare.send("initialize", alice, Init().abi, sender=alice)

    assert refused.value.error == ("InvalidInitialization", ())
    assert bare.call("owner") == ZERO


@pytest.mark.parametrize(
    ("init", "error"),
    [
        (
            Init(royalty_receiver="0x" + "77" * 20, royalty_bps=10_001),
            ("ERC2981InvalidDefaultRoyalty", (10_001, 10_000)),
        ),
        (Init(royalty_bps=500), ("ERC2981InvalidDefaultRoyaltyReceiver", (ZERO,))),
        (with_terms(Init(), starts_at=200, ends_at=200), ("InvalidSaleWindow", (200, 200))),
        (with_terms(Init(), starts_at=200, ends_at=199), ("InvalidSaleWindow", (200, 199))),
        (with_terms(Init(), price=3), ("PayeeMissing", (3,))),
    ],
    ids=["royalty over 100 %", "royalty for nobody", "empty sale window", "sale ends before it starts", "no payee"],
)
def test_a_collection_that_could_not_work_is_not_created(
    factory: Contract, creator: str, standard: int, init: Init, error: tuple[str, tuple[object, ...]]
) -> None:
    with pytest.raises(Reverted) as refused:
        create(factory, standard, creator, init)

    assert refused.value.error == error
    assert factory.chain.code(factory.call("predictAddress", creator, SALT, standard)) == b""


def test_a_royalty_of_the_whole_price_is_allowed(factory: Contract, creator: str, alice: str, standard: int) -> None:
    collection = create(factory, standard, creator, Init(royalty_receiver=alice, royalty_bps=10_000))

    assert collection.call("royaltyInfo", 1, 12_345) == (alice, 12_345)


def test_creation_takes_no_money(factory: Contract, creator: str, standard: int) -> None:
    function = ("createCollection721", "createCollection1155")[standard]

    with pytest.raises(Reverted) as refused:
        factory.send(function, SALT, Init().abi, sender=creator, value=1)

    assert refused.value.error == ("0x", ())
    assert factory.chain.balance(factory.address) == 0


def test_creation_stays_below_half_a_million_gas(
    factory: Contract, creator: str, payee: str, standard: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    terms = Terms(price=10**16, max_supply=500, per_wallet_limit=5, payee=payee)
    function = ("createCollection721", "createCollection1155")[standard]

    gas = factory.send(function, SALT, Init(terms=terms).abi, sender=creator).gas_used

    record_testsuite_property(f"gas of {function}", gas)
    assert gas < 500_000
