"""The public mint of both standards: what each term allows, what it refuses, and where the money goes."""

from __future__ import annotations

from typing import Any

import pytest
from contract_chain import Log, Reverted
from contract_terms import Allowlist, Sale, Terms

PRICE = 10**16


def refusal(sale: Sale, sender: str, *args: Any, **terms: Any) -> tuple[str, tuple[Any, ...]]:
    """The error of a mint that must fail and leave nothing behind."""
    before = (
        sale.total_minted(),
        sale.balance(sender),
        sale.minted_by(sender),
        sale.chain.balance(sale.collection.address),
    )
    with pytest.raises(Reverted) as refused:
        sale.mint(sender, *args, **terms)
    after = (
        sale.total_minted(),
        sale.balance(sender),
        sale.minted_by(sender),
        sale.chain.balance(sale.collection.address),
    )
    assert after == before
    return refused.value.error


def test_open_free_terms_let_anyone_mint(sale: Sale, alice: str) -> None:
    sale.mint(alice, 3)

    assert (sale.balance(alice), sale.minted_by(alice), sale.total_minted()) == (3, 3, 3)


def test_a_mint_announces_who_paid_what_before_the_transfer(sale: Sale, alice: str, bob: str, payee: str) -> None:
    sale.set_terms(Terms(price=PRICE, payee=payee))

    receipt = sale.mint(alice, 2, value=2 * PRICE, to=bob)

    first_id = 1 if sale.standard == 0 else sale.token_id
    assert receipt.logs[0] == Log(sale.collection.address, "Minted", (alice, bob, first_id, 2, 2 * PRICE))
    assert [log.name for log in receipt.logs[1:]] == (["Transfer"] * 2 if sale.standard == 0 else ["TransferSingle"])
    assert (sale.balance(bob), sale.balance(alice)) == (2, 0)


def test_minting_nothing_is_refused(sale: Sale, alice: str) -> None:
    assert refusal(sale, alice, 0) == ("ZeroQuantity", ())


def test_minting_to_nobody_is_refused(sale: Sale, alice: str) -> None:
    nobody = "0x" + "00" * 20

    error = refusal(sale, alice, 1, to=nobody)

    assert error == (("MintToZeroAddress", ()) if sale.standard == 0 else ("ERC1155InvalidReceiver", (nobody,)))


def test_a_mint_before_the_start_is_refused_and_one_at_the_start_is_not(sale: Sale, alice: str) -> None:
    start = sale.chain.now() + 1000
    sale.set_terms(Terms(starts_at=start))

    sale.chain.mine_next_at(start - 1)
    assert refusal(sale, alice) == ("SaleNotStarted", (start,))
    sale.chain.mine_next_at(start)
    sale.mint(alice)

    assert sale.balance(alice) == 1


def test_a_mint_in_the_last_second_works_and_one_at_the_end_is_refused(sale: Sale, alice: str) -> None:
    end = sale.chain.now() + 1000
    sale.set_terms(Terms(ends_at=end))

    sale.chain.mine_next_at(end - 1)
    sale.mint(alice)
    sale.chain.mine_next_at(end)
    assert refusal(sale, alice) == ("SaleEnded", (end,))


def test_a_start_at_the_end_of_time_closes_the_mint(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(starts_at=2**64 - 1))

    assert refusal(sale, alice) == ("SaleNotStarted", (2**64 - 1,))


@pytest.mark.parametrize("sent", [0, 2 * PRICE - 1, 2 * PRICE + 1])
def test_any_other_amount_than_the_price_is_refused(sale: Sale, alice: str, payee: str, sent: int) -> None:
    sale.set_terms(Terms(price=PRICE, payee=payee))

    assert refusal(sale, alice, 2, sent) == ("WrongPayment", (2 * PRICE, sent))


def test_money_for_a_free_mint_is_refused(sale: Sale, alice: str) -> None:
    assert refusal(sale, alice, 1, 1) == ("WrongPayment", (0, 1))


def test_the_last_token_can_be_minted_and_the_next_cannot(sale: Sale, alice: str, bob: str) -> None:
    sale.set_terms(Terms(max_supply=5))
    sale.mint(alice, 3)

    assert refusal(sale, bob, 3) == ("SoldOut", (5, 3))
    sale.mint(bob, 2)
    assert refusal(sale, bob, 1) == ("SoldOut", (5, 1))


def test_a_burned_token_does_not_free_its_place(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(max_supply=1))
    sale.mint(alice)
    if sale.standard == 0:
        sale.collection.send("burn", 1, sender=alice)
    else:
        sale.collection.send("burn", alice, sale.token_id, 1, sender=alice)

    assert refusal(sale, alice) == ("SoldOut", (1, 1))


def test_airdrops_fill_the_supply_but_not_the_wallet_limit(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(max_supply=4, per_wallet_limit=1))
    sale.airdrop(sale.creator, alice, 2)
    sale.mint(alice, 1)

    assert (sale.balance(alice), sale.minted_by(alice), sale.total_minted()) == (3, 1, 3)
    with pytest.raises(Reverted) as refused:
        sale.airdrop(sale.creator, alice, 2)
    assert refused.value.error == ("SoldOut", (4, 2))


def test_an_airdrop_ignores_price_time_and_allowlist(sale: Sale, alice: str, payee: str) -> None:
    sale.set_terms(Terms(price=PRICE, starts_at=2**64 - 1, allowlist_root=b"\x01" * 32, payee=payee))

    receipt = sale.airdrop(sale.creator, alice, 2)

    assert sale.balance(alice) == 2
    assert "Minted" not in {log.name for log in receipt.logs}


def test_an_airdrop_of_nothing_is_refused(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted) as refused:
        sale.airdrop(sale.creator, alice, 0)

    assert refused.value.error == ("ZeroQuantity", ())


def test_the_wallet_limit_counts_over_several_mints(sale: Sale, alice: str, bob: str) -> None:
    sale.set_terms(Terms(per_wallet_limit=3))
    sale.mint(alice, 2)

    assert refusal(sale, alice, 2) == ("WalletLimitReached", (3, 2))
    sale.mint(alice, 1)
    assert refusal(sale, alice, 1) == ("WalletLimitReached", (3, 1))
    sale.mint(bob, 3)


def test_the_wallet_limit_binds_the_caller_and_not_the_recipient(sale: Sale, alice: str, bob: str) -> None:
    sale.set_terms(Terms(per_wallet_limit=1))
    sale.mint(alice, 1, to=bob)

    assert refusal(sale, alice, 1, to=bob) == ("WalletLimitReached", (1, 1))
    sale.mint(bob, 1)
    assert (sale.balance(bob), sale.minted_by(bob), sale.minted_by(alice)) == (2, 1, 1)


def test_new_terms_do_not_forget_who_minted(sale: Sale, alice: str) -> None:
    sale.mint(alice, 2)
    sale.set_terms(Terms(per_wallet_limit=2))

    assert refusal(sale, alice, 1) == ("WalletLimitReached", (2, 1))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_every_account_of_an_allowlist_of_any_size_can_mint(sale: Sale, size: int) -> None:
    allowed = sale.chain.accounts[2 : 2 + size]
    tree = Allowlist(allowed)
    sale.set_terms(Terms(allowlist_root=tree.root))

    for account in allowed:
        sale.mint(account, 1, proof=tree.proof(account))

    assert [sale.balance(account) for account in allowed] == [1] * size


def test_an_account_outside_the_allowlist_is_refused_with_any_proof(sale: Sale, alice: str, bob: str) -> None:
    others = sale.chain.accounts[4:8]
    tree = Allowlist([alice, *others])
    sale.set_terms(Terms(allowlist_root=tree.root))

    for proof in ([], tree.proof(alice), [tree.root], [Allowlist.leaf(bob)]):
        assert refusal(sale, bob, 1, proof=proof) == ("NotOnAllowlist", (bob,))


def test_a_proof_of_another_or_a_broken_proof_is_refused(sale: Sale, alice: str, bob: str) -> None:
    tree = Allowlist([alice, bob, *sale.chain.accounts[5:8]])
    sale.set_terms(Terms(allowlist_root=tree.root))
    good = tree.proof(alice)

    for proof in (tree.proof(bob), good[:-1], good[::-1], [*good, bytes(32)]):
        assert refusal(sale, alice, 1, proof=proof) == ("NotOnAllowlist", (alice,))
    sale.mint(alice, 1, proof=good)


def test_an_allowed_account_may_mint_for_another(sale: Sale, alice: str, bob: str) -> None:
    tree = Allowlist([alice])
    sale.set_terms(Terms(allowlist_root=tree.root))

    sale.mint(alice, 1, proof=tree.proof(alice), to=bob)

    assert sale.balance(bob) == 1
    assert refusal(sale, bob, 1, to=alice) == ("NotOnAllowlist", (bob,))


def test_a_contract_is_not_allowed_because_its_caller_is(sale: Sale, alice: str) -> None:
    tree = Allowlist([alice])
    sale.set_terms(Terms(allowlist_root=tree.root))
    minter = sale.chain.deploy("test/ReentrantMinter")
    middle = () if sale.standard == 0 else (sale.token_id,)
    call = sale.collection.encode("mint", alice, *middle, 1, tree.proof(alice))

    with pytest.raises(Reverted) as refused:
        minter.send("execute", sale.collection.address, bytes.fromhex(call[2:]), sender=alice)

    assert refused.value.error == ("NotOnAllowlist", (minter.address,))


def test_the_first_broken_term_is_the_one_reported(sale: Sale, alice: str, payee: str) -> None:
    broken: dict[str, Any] = {"price": PRICE, "max_supply": 1, "payee": payee}

    def reported() -> str:
        sale.set_terms(Terms(**broken))
        return refusal(sale, alice, 2)[0]

    assert reported() == "SoldOut"
    broken["per_wallet_limit"] = 1
    assert reported() == "WalletLimitReached"
    broken["allowlist_root"] = b"\x01" * 32
    assert reported() == "NotOnAllowlist"
    broken["ends_at"] = 1
    assert reported() == "SaleEnded"
    broken |= {"starts_at": 2**64 - 2, "ends_at": 2**64 - 1}
    assert reported() == "SaleNotStarted"


def test_the_payee_can_withdraw_what_was_paid_and_no_more(sale: Sale, alice: str, bob: str, payee: str) -> None:
    sale.set_terms(Terms(price=PRICE, payee=payee))
    sale.mint(alice, 2, value=2 * PRICE)
    sale.mint(bob, 1, value=PRICE)
    before = sale.chain.balance(payee)
    assert sale.collection.call("proceedsOf", payee) == 3 * PRICE

    receipt = sale.collection.send("withdraw", payee, sender=bob)

    assert receipt.logs == (Log(sale.collection.address, "ProceedsWithdrawn", (payee, 3 * PRICE)),)
    assert sale.chain.balance(payee) == before + 3 * PRICE
    assert sale.chain.balance(sale.collection.address) == 0
    with pytest.raises(Reverted) as refused:
        sale.collection.send("withdraw", payee, sender=payee)
    assert refused.value.error == ("NothingToWithdraw", (payee,))


def test_a_new_payee_earns_from_then_on_only(sale: Sale, alice: str, bob: str, payee: str) -> None:
    sale.set_terms(Terms(price=PRICE, payee=payee))
    sale.mint(alice, 1, value=PRICE)
    sale.set_terms(Terms(price=2 * PRICE, payee=bob))
    sale.mint(alice, 1, value=2 * PRICE)

    assert sale.collection.call("proceedsOf", payee) == PRICE
    assert sale.collection.call("proceedsOf", bob) == 2 * PRICE


def test_a_payee_that_refuses_money_stops_its_withdrawal_and_no_mint(sale: Sale, alice: str) -> None:
    stubborn = sale.chain.deploy("test/StubbornPayee")
    sale.set_terms(Terms(price=PRICE, payee=stubborn.address))
    sale.mint(alice, 1, value=PRICE)

    with pytest.raises(Reverted) as refused:
        sale.collection.send("withdraw", stubborn.address, sender=alice)
    assert refused.value.error == ("PaymentRefused", (stubborn.address, PRICE))
    assert sale.collection.call("proceedsOf", stubborn.address) == PRICE

    stubborn.send("relent", sender=alice)
    sale.collection.send("withdraw", stubborn.address, sender=alice)
    assert sale.chain.balance(stubborn.address) == PRICE


def test_a_receiver_cannot_mint_again_from_inside_a_mint(sale: Sale, alice: str) -> None:
    sale.set_terms(Terms(per_wallet_limit=1))
    minter = sale.chain.deploy("test/ReentrantMinter")
    middle = () if sale.standard == 0 else (sale.token_id,)
    again = sale.collection.encode("mint", minter.address, *middle, 1, [])
    minter.send("arm", bytes.fromhex(again[2:]), sender=alice)

    with pytest.raises(Reverted) as refused:
        minter.send("execute", sale.collection.address, bytes.fromhex(again[2:]), sender=alice)

    assert refused.value.error == ("ReentrancyGuardReentrantCall", ())
    assert (sale.total_minted(), sale.balance(minter.address)) == (0, 0)


def test_a_payee_cannot_withdraw_from_inside_a_mint(sale: Sale, alice: str) -> None:
    minter = sale.chain.deploy("test/ReentrantMinter")
    sale.set_terms(Terms(price=PRICE, payee=minter.address))
    withdraw = sale.collection.encode("withdraw", minter.address)
    minter.send("arm", bytes.fromhex(withdraw[2:]), sender=alice)

    with pytest.raises(Reverted) as refused:
        sale.mint(alice, 1, value=PRICE, to=minter.address)

    assert refused.value.error == ("ReentrancyGuardReentrantCall", ())
    assert sale.chain.balance(sale.collection.address) == 0


def test_a_contract_that_takes_tokens_can_mint(sale: Sale, alice: str) -> None:
    minter = sale.chain.deploy("test/ReentrantMinter")
    middle = () if sale.standard == 0 else (sale.token_id,)
    call = sale.collection.encode("mint", minter.address, *middle, 2, [])

    minter.send("execute", sale.collection.address, bytes.fromhex(call[2:]), sender=alice)

    assert sale.balance(minter.address) == 2


def test_a_contract_that_takes_no_tokens_gets_none(sale: Sale, alice: str) -> None:
    stubborn = sale.chain.deploy("test/StubbornPayee").address

    error = refusal(sale, alice, 1, to=stubborn)

    by_standard = (("TransferToNonERC721ReceiverImplementer", ()), ("ERC1155InvalidReceiver", (stubborn,)))
    assert error == by_standard[sale.standard]


def test_money_sent_without_a_call_is_refused(sale: Sale, alice: str) -> None:
    with pytest.raises(Reverted):
        sale.chain.send({"to": sale.collection.address, "value": "0x1"}, alice)

    assert sale.chain.balance(sale.collection.address) == 0


def test_only_an_admin_changes_the_terms(sale: Sale, alice: str) -> None:
    scope = () if sale.standard == 0 else (2**256 - 1,)

    with pytest.raises(Reverted) as refused:
        sale.collection.send("setMintConfig", *scope, Terms().abi, sender=alice)

    assert refused.value.error == ("AccessControlUnauthorizedAccount", (alice, bytes(32)))


def test_changed_terms_are_announced_and_read_back(sale: Sale, payee: str) -> None:
    terms = Terms(1, 2, 3, 4, 5, b"\x06" * 32, payee)
    scope = () if sale.standard == 0 else (2**256 - 1,)

    receipt = sale.set_terms(terms)

    assert receipt.logs == (Log(sale.collection.address, "MintConfigSet", (2**256 - 1, terms.abi)),)
    assert sale.collection.call("mintConfig", *scope) == terms.abi


def test_terms_that_no_mint_could_meet_are_refused(sale: Sale) -> None:
    for terms, error in (
        (Terms(starts_at=10, ends_at=10), ("InvalidSaleWindow", (10, 10))),
        (Terms(price=9), ("PayeeMissing", (9,))),
    ):
        with pytest.raises(Reverted) as refused:
            sale.set_terms(terms)
        assert refused.value.error == error
    scope = () if sale.standard == 0 else (2**256 - 1,)
    assert sale.collection.call("mintConfig", *scope) == Terms().abi


def test_the_largest_price_does_not_overflow(sale: Sale, alice: str, payee: str) -> None:
    sale.set_terms(Terms(price=2**128 - 1, payee=payee))

    assert refusal(sale, alice, 100) == ("WrongPayment", (100 * (2**128 - 1), 0))
