"""Which of several intents a mined transaction carried out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from mercato.intents.facts import Claimed, Expired, Fact, Proven
from mercato.intents.model import Intent, IntentKind, UnsignedTransaction, prepared
from mercato.kit.ids import Address, ChainId, IntentId, UserId, Wei
from mercato.services.subscriptions.model import carried_out
from mercato.services.subscriptions.usecases import Turns

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINED, OTHER = b"\x01" * 32, b"\x02" * 32
NONCE = 7


def an_intent(number: int, *facts: Fact) -> Intent:
    account = Address(b"\x0a" * 20)
    return prepared(
        intent_id=IntentId(UUID(int=number)),
        user_id=UserId(UUID(int=99)),
        kind=IntentKind.MINT_721,
        chain_id=ChainId(1),
        sender=account,
        transaction=UnsignedTransaction(account, b"", Wei(0), 1, Wei(1), Wei(1)),
        contract=account,
        recipient=account,
        first_nonce=0,
        at=NOW,
        expires_at=NOW,
    ).learn(facts, NOW)


def test_the_only_waiting_intent_was_carried_out() -> None:
    intent = an_intent(1)
    assert carried_out([intent], MINED, NONCE) is intent


def test_of_several_waiting_intents_none_can_be_told() -> None:
    assert carried_out([an_intent(1), an_intent(2)], MINED, NONCE) is None
    assert carried_out([], MINED, NONCE) is None


def test_a_claim_of_the_hash_comes_before_everything() -> None:
    claiming = an_intent(2, Claimed(MINED, NOW))
    assert carried_out([an_intent(1), claiming, an_intent(3)], MINED, NONCE) is claiming


def test_of_several_claims_the_proven_one_counts() -> None:
    proven = an_intent(2, Claimed(MINED, NOW), Proven(MINED, NONCE))
    assert carried_out([an_intent(1, Claimed(MINED, NOW)), proven], MINED, NONCE) is proven


def test_a_transaction_with_the_nonce_of_a_claimed_one_is_its_faster_copy() -> None:
    slow = an_intent(1, Claimed(OTHER, NOW), Proven(OTHER, NONCE))
    assert carried_out([slow, an_intent(2)], MINED, NONCE) is slow


def test_an_intent_whose_own_transaction_has_another_nonce_is_left_alone() -> None:
    pending = an_intent(1, Claimed(OTHER, NOW), Proven(OTHER, NONCE + 1))
    waiting = an_intent(2)
    assert carried_out([pending, waiting], MINED, NONCE) is waiting
    assert carried_out([pending], MINED, NONCE) is None


def test_an_expired_intent_counts_only_when_none_waits() -> None:
    expired, waiting = an_intent(1, Expired()), an_intent(2)
    assert carried_out([expired, waiting], MINED, NONCE) is waiting
    assert carried_out([expired], MINED, NONCE) is expired


async def test_turns_are_taken_one_by_one_for_a_key_and_at_once_for_different_keys() -> None:
    turns, order = Turns(), []

    async def take(key: bytes, name: str, event: asyncio.Event | None = None) -> None:
        async with turns.of(key):
            order.append(f"{name} in")
            if event:
                await event.wait()
            order.append(f"{name} out")

    gate = asyncio.Event()
    first = asyncio.create_task(take(b"a", "first", gate))
    await asyncio.sleep(0)
    second = asyncio.create_task(take(b"a", "second"))
    await asyncio.sleep(0)
    await take(b"b", "other")
    gate.set()
    await asyncio.gather(first, second)
    assert order == ["first in", "other in", "other out", "first out", "second in", "second out"]
