"""Which claims to an address hold, who inherits the primary place, and what an approval event means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mercato.kit.errors import Conflict, FailedPrecondition
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId, UserId
from mercato.services.wallets.model import (
    Approval,
    Claim,
    Holding,
    Occasion,
    Place,
    Proof,
    Wallet,
    check_claim,
    heir,
    holder,
    known_holder,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
USER = UserId(UUID(int=1))
ADDRESS = Address(bytes(range(20)))


def wallet(number: int, *, primary: bool = False, minutes: int = 0) -> Wallet:
    return Wallet(UUID(int=number), USER, ADDRESS, ChainId(number), primary, NOW + timedelta(minutes=minutes))


def test_the_last_wallet_stays() -> None:
    with pytest.raises(FailedPrecondition) as refusal:
        heir([wallet(1, primary=True)], wallet(1, primary=True))
    assert refusal.value.reason == "LAST_WALLET"


def test_the_wallet_linked_first_inherits_the_primary_place() -> None:
    wallets = [wallet(1, primary=True), wallet(2, minutes=9), wallet(3, minutes=5)]
    assert heir(wallets, wallets[0]) == wallets[2]


def test_nobody_inherits_while_the_primary_stays() -> None:
    wallets = [wallet(1, primary=True), wallet(2)]
    assert heir(wallets, wallets[1]) is None


OTHER = UserId(UUID(int=2))
HERE, THERE = ChainId(1), ChainId(7)
KEYS = Holding(USER, None)


def verdict(claim: Claim, holdings: list[Holding], *linked_on: ChainId) -> str:
    try:
        check_claim(claim, holdings, linked_on)
    except Conflict as refusal:
        return refusal.reason
    return "holds"


@pytest.mark.parametrize(
    ("proof", "holdings", "linked_on", "expected"),
    [
        (Proof.KEY, [], (), "holds"),
        (Proof.KEY, [KEYS], (THERE,), "holds"),
        (Proof.KEY, [Holding(USER, THERE)], (THERE,), "holds"),
        (Proof.KEY, [Holding(USER, THERE), Holding(OTHER, HERE)], (THERE,), "holds"),
        (Proof.KEY, [Holding(OTHER, None)], (), "WALLET_OF_ANOTHER_USER"),
        (Proof.KEY, [Holding(OTHER, THERE)], (), "WALLET_OF_ANOTHER_USER"),
        (Proof.CONTRACT, [], (), "holds"),
        (Proof.CONTRACT, [Holding(OTHER, THERE)], (), "holds"),
        (Proof.CONTRACT, [Holding(OTHER, HERE)], (), "WALLET_OF_ANOTHER_USER"),
        (Proof.CONTRACT, [Holding(OTHER, None)], (), "WALLET_OF_ANOTHER_USER"),
        (Proof.CONTRACT, [KEYS], (HERE, THERE), "holds"),
        (Proof.CONTRACT, [KEYS], (THERE,), "CONTRACT_ON_OTHER_CHAIN"),
        (Proof.CONTRACT, [Holding(USER, THERE)], (THERE,), "CONTRACT_ON_OTHER_CHAIN"),
    ],
)
def test_a_key_counts_on_every_chain_and_a_contract_on_its_own(
    proof: Proof, holdings: list[Holding], linked_on: tuple[ChainId, ...], expected: str
) -> None:
    assert verdict(Claim(USER, ADDRESS, HERE, proof), holdings, *linked_on) == expected


def test_a_user_links_the_contract_of_another_chain_by_own_wish() -> None:
    claim = Claim(USER, ADDRESS, HERE, Proof.CONTRACT, Occasion.LINK)
    assert verdict(claim, [Holding(USER, THERE)], THERE) == "holds"
    assert verdict(claim, [Holding(USER, THERE), Holding(OTHER, HERE)], THERE) == "WALLET_OF_ANOTHER_USER"


@pytest.mark.parametrize(
    ("holdings", "by_key", "by_contract", "unproven"),
    [
        ([], None, None, None),
        ([KEYS], USER, USER, USER),
        ([Holding(USER, HERE)], USER, USER, USER),
        ([Holding(USER, THERE)], USER, None, USER),
        ([Holding(USER, THERE), Holding(OTHER, HERE)], USER, OTHER, None),
        ([Holding(USER, THERE), Holding(USER, HERE)], USER, USER, USER),
        ([Holding(OTHER, HERE), KEYS], USER, OTHER, USER),
    ],
)
def test_whose_an_address_is_depends_on_how_it_was_proven(
    holdings: list[Holding], by_key: UserId | None, by_contract: UserId | None, unproven: UserId | None
) -> None:
    assert holder(holdings, HERE, Proof.KEY) == by_key
    assert holder(holdings, HERE, Proof.CONTRACT) == by_contract
    assert known_holder(holdings) == unproven


@pytest.mark.parametrize(
    ("operator", "approved", "in_force"),
    [(ADDRESS, True, True), (ADDRESS, False, False), (ZERO_ADDRESS, True, False), (ZERO_ADDRESS, False, False)],
)
def test_the_approval_of_nobody_is_no_approval(operator: Address, approved: bool, in_force: bool) -> None:
    change = Approval.changed(
        chain=ChainId(1), contract=ADDRESS, owner=ADDRESS, operator=operator, token_id=None, approved=approved,
        place=Place(1, bytes(32), NOW, bytes(32), 0),
    )  # fmt: skip
    assert change.approved is in_force
