"""Which claims to an address hold, who inherits the primary place, and what an approval event means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mercato.kit.errors import Conflict, FailedPrecondition
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId, UserId
from mercato.services.wallets.model import Approval, Claim, Place, Proof, Wallet, check_claim, heir

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


@pytest.mark.parametrize(
    ("proof", "linked_on"),
    [(Proof.KEY, ()), (Proof.KEY, (1, 2)), (Proof.KEY, (7,)), (Proof.CONTRACT, ()), (Proof.CONTRACT, (1, 2))],
)
def test_a_key_counts_on_every_chain_and_a_contract_on_its_own(proof: Proof, linked_on: tuple[int, ...]) -> None:
    check_claim(Claim(USER, ADDRESS, ChainId(1), proof), [ChainId(number) for number in linked_on])


def test_a_contract_cannot_claim_the_address_of_one_on_another_chain() -> None:
    with pytest.raises(Conflict) as refusal:
        check_claim(Claim(USER, ADDRESS, ChainId(1), Proof.CONTRACT), [ChainId(7)])
    assert refusal.value.reason == "CONTRACT_ON_OTHER_CHAIN"


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
