"""What facts mean: every order of them ends alike, and the timeline moves along the arrows only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.intents import codec, wire
from mercato.intents.facts import (
    Claimed,
    Confirmed,
    Dropped,
    Expired,
    Fact,
    Indexed,
    IntentState,
    Mined,
    Orphaned,
    Proven,
    Refused,
    Superseded,
    standing,
)
from mercato.intents.model import (
    ARROWS,
    Intent,
    IntentKind,
    UnsignedTransaction,
    is_confirmed,
    prepared,
    salt_of,
)
from mercato.kit.ids import Address, ChainId, IntentId, TokenId, UserId, Wei

S = IntentState
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = START + timedelta(seconds=5)
H1, H2 = b"\x01" * 32, b"\x02" * 32
B1, B2 = b"\xb1" * 32, b"\xb2" * 32


def an_intent(kind: IntentKind = IntentKind.MINT_721) -> Intent:
    return prepared(
        intent_id=IntentId(UUID(int=7)),
        user_id=UserId(UUID(int=8)),
        kind=kind,
        chain_id=ChainId(31337),
        sender=Address(b"\x0a" * 20),
        transaction=UnsignedTransaction(
            Address(b"\x0b" * 20), b"\x01\x02", Wei(5), 21_000, Wei(2_000_000_000), Wei(1_000_000_000)
        ),
        contract=Address(b"\x0b" * 20),
        recipient=None if kind is IntentKind.CREATE_COLLECTION else Address(b"\x0c" * 20),
        first_nonce=0,
        at=START,
        expires_at=START + timedelta(hours=1),
    )


def states(intent: Intent) -> list[IntentState]:
    return [step.state for step in intent.timeline]


def learn(intent: Intent, *facts: Fact) -> Intent:
    return intent.learn(facts, LATER)


def test_a_new_intent_is_prepared() -> None:
    intent = an_intent()
    assert states(intent) == [S.PREPARED]
    assert (intent.version, intent.pushed_version) == (1, 0)
    assert intent.timeline[0].note == "ready to sign"


def test_the_usual_way_passes_every_state_one_by_one() -> None:
    intent = an_intent()
    for fact in (
        Claimed(H1, LATER), Proven(H1, 0), Mined(H1, 9, B1, "", (TokenId(1),)), Confirmed(B1), Indexed(H1, 9, B1)
    ):  # fmt: skip
        intent = learn(intent, fact)
    assert states(intent) == [S.PREPARED, S.SUBMITTED, S.INCLUDED, S.CONFIRMED, S.INDEXED]
    assert [step.version for step in intent.timeline] == [1, 2, 3, 4, 5]
    assert intent.standing.token_ids == (1,)
    assert intent.standing.block_number == 9


def test_a_domain_event_before_any_track_call_still_passes_every_state() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Indexed(H1, 9, B1), Confirmed(B1))
    assert states(intent) == [S.PREPARED, S.SUBMITTED, S.INCLUDED, S.CONFIRMED, S.INDEXED]
    assert {step.at for step in intent.timeline[1:]} == {LATER}


def test_indexed_waits_for_confirmations_and_is_remembered_meanwhile() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1), Indexed(H1, 9, B1))
    assert intent.state is S.INCLUDED
    assert states(learn(intent, Confirmed(B1)))[-2:] == [S.CONFIRMED, S.INDEXED]


def test_what_is_known_of_an_unclaimed_transaction_counts_once_it_is_claimed() -> None:
    intent = learn(an_intent(), Proven(H1, 4), Mined(H1, 9, B1), Confirmed(B1), Indexed(H1, 9, B1))
    assert states(intent) == [S.PREPARED]
    assert states(learn(intent, Claimed(H1, LATER)))[1:] == [S.SUBMITTED, S.INCLUDED, S.CONFIRMED, S.INDEXED]


def test_a_reverted_transaction_ends_failed_with_the_reason() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1, "SoldOut(maxSupply=1, requested=2)"))
    assert states(intent) == [S.PREPARED, S.SUBMITTED, S.FAILED]
    last = intent.timeline[-1]
    assert (last.reason, last.note, last.block_number) == ("REVERTED", "SoldOut(maxSupply=1, requested=2)", 9)


@pytest.mark.parametrize("reached", [(), (Confirmed(B1),), (Confirmed(B1), Indexed(H1, 9, B1))])
def test_a_reorg_takes_a_mined_intent_back_to_submitted(reached: tuple[Fact, ...]) -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1), *reached)
    fallen = learn(intent, Orphaned(B1))
    assert states(fallen) == [*states(intent), S.SUBMITTED]
    assert fallen.timeline[-1].note == "block 9 is no longer canonical"
    assert fallen.standing.tx_hash == H1


def test_a_failed_intent_is_open_again_when_its_block_is_orphaned() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1, "no"), Orphaned(B1))
    assert intent.state is S.SUBMITTED
    assert learn(intent, Mined(H1, 10, B2)).state is S.INCLUDED


def test_the_same_transaction_mined_again_elsewhere_completes_again() -> None:
    facts = [Claimed(H1, LATER), Mined(H1, 9, B1), Confirmed(B1), Indexed(H1, 9, B1)]
    intent = learn(learn(an_intent(), *facts), Orphaned(B1), Mined(H1, 10, B2), Confirmed(B2), Indexed(H1, 10, B2))
    assert states(intent)[5:] == [S.SUBMITTED, S.INCLUDED, S.CONFIRMED, S.INDEXED]
    assert intent.standing.block_hash == B2


def test_late_facts_of_an_orphaned_block_count_for_nothing() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Orphaned(B1), Mined(H1, 9, B1), Confirmed(B1), Indexed(H1, 9, B1))
    assert states(intent) == [S.PREPARED, S.SUBMITTED]


def test_a_restored_block_counts_again() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1), Confirmed(B1), Indexed(H1, 9, B1), Orphaned(B1))
    restored = intent.restore(B1, LATER)
    assert restored.state is S.INDEXED


def test_a_claim_of_another_transaction_goes_back_to_prepared_with_a_note() -> None:
    intent = learn(learn(an_intent(), Claimed(H1, LATER)), Refused(H1, "its calldata differs"))
    assert states(intent) == [S.PREPARED, S.SUBMITTED, S.PREPARED]
    assert intent.timeline[-1].note == f"transaction 0x{H1.hex()} was refused: its calldata differs"
    assert intent.live_hashes == ()


def test_a_sped_up_transaction_completes_under_the_new_hash() -> None:
    intent = learn(an_intent(), Claimed(H1, START), Proven(H1, 3))
    intent = learn(intent, Claimed(H2, LATER), Proven(H2, 3), Mined(H2, 9, B1))
    assert states(intent) == [S.PREPARED, S.SUBMITTED, S.INCLUDED]
    assert intent.standing.tx_hash == H2
    assert intent.timeline[-1].note.endswith(f"in block 9, in place of 0x{H1.hex()}")


def test_a_nonce_used_for_something_else_ends_replaced_until_that_block_is_orphaned() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Superseded(H1, H2, 9, B1))
    assert (intent.state, intent.timeline[-1].reason, intent.pending_hashes) == (S.REPLACED, "REPLACED", ())
    assert learn(intent, Orphaned(B1)).state is S.SUBMITTED


def test_the_chain_has_the_last_word_over_dropped_and_expired() -> None:
    dropped = learn(an_intent(), Claimed(H1, LATER), Dropped(H1))
    assert dropped.state is S.DROPPED
    assert states(learn(dropped, Mined(H1, 9, B1)))[-3:] == [S.DROPPED, S.SUBMITTED, S.INCLUDED]
    expired = learn(an_intent(), Expired())
    assert (expired.state, expired.timeline[-1].reason) == (S.EXPIRED, "EXPIRED")
    assert learn(expired, Claimed(H1, LATER)).state is S.SUBMITTED


def test_a_successful_transaction_counts_before_a_reverted_one() -> None:
    intent = learn(an_intent(), Claimed(H1, START), Claimed(H2, LATER), Mined(H1, 9, B1), Mined(H2, 10, B2, "no"))
    assert (intent.state, intent.standing.tx_hash) == (S.INCLUDED, H1)


def test_known_facts_change_nothing() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1))
    assert learn(intent, Mined(H1, 9, B1), Claimed(H1, LATER + timedelta(days=1))) is intent


def test_a_change_without_a_step_is_a_new_version_to_push() -> None:
    intent = learn(an_intent(), Claimed(H1, START))
    changed = learn(intent, Claimed(H2, LATER))
    assert states(changed) == states(intent)
    assert changed.version == intent.version + 1
    assert [s.version for s in replace(changed, pushed_version=2).snapshots()] == [3]


def test_what_nobody_sees_makes_no_version() -> None:
    intent = learn(an_intent(), Claimed(H1, START))
    assert learn(intent, Proven(H1, 0)).version == intent.version


def test_time_never_runs_backwards_in_a_timeline() -> None:
    intent = learn(an_intent(), Claimed(H1, LATER)).learn([Mined(H1, 9, B1)], START - timedelta(hours=1))
    assert intent.timeline[-1].at == LATER


def test_pushes_show_every_state_as_it_was() -> None:
    intent = learn(
        an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1, "", (TokenId(2**200),)), Confirmed(B1), Indexed(H1, 9, B1)
    )
    seen = [wire.intent(snapshot) for snapshot in intent.snapshots()]
    assert [p.state for p in seen] == [1, 2, 3, 4, 5]
    assert [p.version for p in seen] == [1, 2, 3, 4, 5]
    assert [len(p.timeline) for p in seen] == [1, 2, 3, 4, 5]
    assert [p.tx_hash for p in seen] == [b"", H1, H1, H1, H1]
    assert [p.block_number for p in seen] == [0, 0, 9, 9, 9]
    assert [list(p.token_ids) for p in seen] == [[], [], [], [], [str(2**200)]]
    ids = {wire.push(snapshot, LATER).id for snapshot in intent.snapshots()}
    assert len(ids) == 5


def test_only_what_was_not_pushed_is_pushed() -> None:
    intent = replace(learn(an_intent(), Claimed(H1, LATER), Mined(H1, 9, B1)), pushed_version=2)
    assert [s.last.state for s in intent.snapshots()] == [S.INCLUDED]
    assert replace(intent, pushed_version=3).snapshots() == ()


def test_confirmations_count_the_including_block() -> None:
    assert is_confirmed(10, 10, 1)
    assert not is_confirmed(10, 10, 2)
    assert is_confirmed(10, 11, 2)
    assert is_confirmed(10, 10, 0)


def test_each_intent_has_a_salt_of_its_own() -> None:
    first, second = salt_of(IntentId(UUID(int=1))), salt_of(IntentId(UUID(int=2)))
    assert len(first) == len(second) == 32
    assert first != second


# ---- any order -----------------------------------------------------------------------------------

_hashes = st.sampled_from([H1, H2])
_blocks = st.sampled_from([(9, B1), (10, B2)])
_times = st.sampled_from([START, LATER])
_facts = st.one_of(
    st.builds(Claimed, _hashes, _times),
    st.builds(Proven, _hashes, st.integers(0, 1)),
    st.builds(Refused, _hashes, st.sampled_from(["its value differs", "its sender differs"])),
    st.builds(
        lambda h, b, f, t: Mined(h, *b, f, t),
        _hashes, _blocks, st.sampled_from(["", "SoldOut()"]), st.sampled_from([(), (TokenId(1),), (TokenId(2),)]),
    ),
    st.builds(lambda b: Confirmed(b[1]), _blocks),
    st.builds(lambda h, b: Indexed(h, *b), _hashes, _blocks),
    st.builds(lambda b: Orphaned(b[1]), _blocks),
    st.builds(lambda h, b: Superseded(h, b"\x09" * 32, *b), _hashes, _blocks),
    st.builds(Dropped, _hashes),
    st.just(Expired()),
)  # fmt: skip


def _one_claim_each(facts: list[Fact]) -> list[Fact]:
    """A store keeps the first claim of a hash; which time it had is no part of what is compared."""
    return list({f.tx_hash if isinstance(f, Claimed) else f: f for f in facts}.values())


@given(facts=st.lists(_facts, max_size=12).map(_one_claim_each), data=st.data())
def test_any_order_of_facts_ends_alike_over_a_legal_timeline(facts: list[Fact], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(facts))
    one_by_one = an_intent()
    for fact in [*shuffled, *shuffled]:
        one_by_one = one_by_one.learn([fact], LATER)
    at_once = an_intent().learn(facts, LATER)
    assert one_by_one.standing == at_once.standing == standing(facts)
    for intent in (one_by_one, at_once):
        assert states(intent)[0] is S.PREPARED
        assert intent.state is intent.standing.state
        for before, after in zip(intent.timeline, intent.timeline[1:], strict=False):
            assert after.state in ARROWS[before.state]
            assert after.version == before.version + 1 or after.version > before.version
            assert after.at >= before.at


@given(facts=st.frozensets(_facts, max_size=12))
def test_stored_facts_and_timelines_come_back_as_they_were(facts: frozenset[Fact]) -> None:
    intent = an_intent().learn(facts, LATER)
    assert codec.facts_from_json(codec.facts_to_json(facts)) == facts
    assert codec.timeline_from_json(codec.timeline_to_json(intent.timeline)) == intent.timeline
