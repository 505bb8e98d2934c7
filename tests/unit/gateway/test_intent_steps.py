"""A watcher sees each step of an intent once and in order, whatever the pushes do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.intents import Intent, IntentFailure, IntentStep, UnsignedTransaction
from mercato.services.gateway.model.steps import StepFollower

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
PATH = ["PREPARED", "SUBMITTED", "INCLUDED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]
ACCOUNT = Address(b"\xa1" * 20)


def intent(steps: int, version: int | None = None, failure: IntentFailure | None = None) -> Intent:
    """An intent after `steps` of `PATH`; its version is their number unless given."""
    return Intent(
        intent_id=UUID(int=1),
        user_id=UUID(int=2),
        kind="MINT_721",
        state=PATH[steps - 1],
        chain_id=ChainId(31337),
        sender=ACCOUNT,
        transaction=UnsignedTransaction(ChainId(31337), ACCOUNT, b"", 0, 1, 1, 1),
        contract=ACCOUNT,
        token_ids=[7] if steps == len(PATH) else [],
        tx_hash=None,
        block_number=None,
        failure=failure,
        timeline=[IntentStep(state, START + timedelta(seconds=i), None) for i, state in enumerate(PATH[:steps])],
        version=steps if version is None else version,
        expires_at=None,
    )


def following(known: Intent) -> StepFollower:
    return StepFollower.begun(known, None)[0]


def test_the_first_thing_seen_is_how_it_stands() -> None:
    (first,) = StepFollower.begun(intent(3), None)[1]
    assert (first.state, first.position, first.snapshot, first.pushed_at) == ("INCLUDED", 3, True, None)
    assert first.step == first.intent.timeline[2]


def test_several_steps_at_once_are_told_one_by_one() -> None:
    follower = following(intent(1))
    updates = list(follower.advance(intent(7), START))
    assert [u.state for u in updates] == PATH[1:]
    assert [u.position for u in updates] == [2, 3, 4, 5, 6, 7]
    assert [len(u.intent.timeline) for u in updates] == [2, 3, 4, 5, 6, 7]
    assert [u.intent.token_ids for u in updates] == [[], [], [], [], [], [7]]
    assert {u.pushed_at for u in updates} == {START}


def test_a_change_without_a_step_is_told_once() -> None:
    follower = following(intent(2))
    failed = intent(2, version=9, failure=IntentFailure("REVERTED", "SoldOut()"))
    assert [u.intent.failure for u in follower.advance(failed, START)] == [failed.failure]
    assert list(follower.advance(failed, START)) == []


def test_a_failure_is_not_told_before_the_step_it_belongs_to() -> None:
    failed = intent(4, failure=IntentFailure("REVERTED", "SoldOut()"))
    updates = list(following(intent(1)).advance(failed, START))
    assert [u.intent.failure for u in updates] == [None, None, failed.failure]


@given(st.integers(1, 7), st.lists(st.integers(1, 7), max_size=30))
def test_late_repeated_and_missing_pushes_give_the_same_steps(known: int, pushes: list[int]) -> None:
    follower = following(intent(known))
    seen = [u.state for n in pushes for u in follower.advance(intent(n), START)]
    assert seen == PATH[known : max([known, *pushes])]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.lists(st.integers(0, 9), max_size=6))
def test_whoever_goes_on_after_a_cursor_misses_no_step_and_sees_none_twice(reads: list[int], cuts: list[int]) -> None:
    """Each read is a new connection that goes on after the last update, of which the client took only some."""
    cursor, seen = None, []
    for number, known in enumerate(sorted(reads)):
        _, updates = StepFollower.begun(intent(known), cursor)
        taken = list(updates)[: cuts[number] if number < len(cuts) else None]
        seen += [(u.position, u.state) for u in taken]
        cursor = taken[-1].cursor if taken else cursor
    _, rest = StepFollower.begun(intent(7), cursor)
    seen += [(u.position, u.state) for u in rest]
    begun = seen[0][0]
    assert seen == [(n, PATH[n - 1]) for n in range(begun, 8)]


def test_a_change_without_a_step_is_not_lost_on_the_way() -> None:
    _, (first,) = StepFollower.begun(intent(2), None)
    failed = intent(2, version=9, failure=IntentFailure("REVERTED", "SoldOut()"))
    _, updates = StepFollower.begun(failed, first.cursor)
    assert [(u.position, u.intent.failure) for u in updates] == [(2, failed.failure)]


@pytest.mark.parametrize(
    "cursor",
    ["?", cursors.encode(1, 2), cursors.encode(str(UUID(int=9)), 1, 1), cursors.encode(str(UUID(int=1)), "x", "-1")],
)
def test_another_intents_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="INVALID_CURSOR"):
        StepFollower.begun(intent(2), cursor)
