"""What a reader does when it sees the node's head."""

from __future__ import annotations

from dataclasses import replace

import pytest
from indexer_samples import checkpoint, hash_of, header, recent

from mercato.services.indexer.model.chain import (
    AwaitNode,
    Block,
    ForkTooDeep,
    Idle,
    NodeInconsistent,
    ReadHistory,
    ReadTip,
    ResolveFork,
    Step,
    linked,
    next_step,
    plan_retraction,
)

DEPTH = 100


def _step(at: int, head: int, branch: str = "a", known: tuple[int, int] = (0, -1)) -> Step:
    return next_step(checkpoint(at), recent(*known), header(head, branch), DEPTH, 16)


def test_the_tip_that_was_read_asks_for_nothing() -> None:
    assert _step(100, 100) == Idle()


def test_blocks_on_top_are_read_one_by_one_up_to_the_span() -> None:
    assert _step(100, 101) == ReadTip(101, 101)
    assert _step(100, 110) == ReadTip(101, 110)


def test_blocks_below_the_finality_depth_are_read_by_ranges() -> None:
    assert _step(100, 200) == ReadTip(101, 116)
    assert _step(100, 201) == ReadHistory(101, 101)
    assert _step(100, 5000) == ReadHistory(101, 4900)


def test_blocks_near_the_head_are_proved_one_by_one_however_early_they_are_final() -> None:
    assert next_step(checkpoint(100), {}, header(164), 2, 16) == ReadTip(101, 116)
    assert next_step(checkpoint(100), {}, header(165), 2, 16) == ReadHistory(101, 101)


def test_blocks_announced_before_a_crash_are_read_one_by_one_however_old() -> None:
    assert _step(100, 5000, known=(100, 103)) == ReadTip(101, 116)


def test_another_block_at_our_height_is_a_fork() -> None:
    assert _step(100, 100, branch="b") == ResolveFork()


def test_another_block_below_our_height_is_a_fork_with_a_lower_head() -> None:
    assert _step(100, 98, branch="b", known=(90, 100)) == ResolveFork()


def test_a_lower_head_of_our_own_chain_is_a_node_that_lags() -> None:
    assert _step(100, 98, known=(90, 100)) == AwaitNode(2)


def test_a_head_below_everything_we_remember_is_a_node_that_lags() -> None:
    assert _step(100, 7, branch="b", known=(90, 100)) == AwaitNode(93)


def test_a_chain_of_which_nothing_is_read_waits_for_its_start_block() -> None:
    fresh = replace(checkpoint(499), hash=None)
    assert next_step(fresh, {}, header(499), DEPTH, 16) == Idle()
    assert next_step(fresh, {}, header(20), DEPTH, 16) == AwaitNode(479)
    assert next_step(fresh, {}, header(500), DEPTH, 16) == ReadTip(500, 500)


def test_headers_that_follow_the_checkpoint_are_linked() -> None:
    assert linked(checkpoint(100), {}, [header(101), header(102)])


def test_a_first_header_with_another_parent_proves_a_fork() -> None:
    assert not linked(checkpoint(100), {}, [header(101, "b"), header(102, "b")])


def test_a_header_other_than_the_one_announced_proves_a_fork() -> None:
    announced = recent(101, 102)
    assert not linked(checkpoint(100), announced, [header(101), header(102, "b", parent_branch="a")])


def test_headers_that_do_not_follow_each_other_prove_nothing() -> None:
    with pytest.raises(NodeInconsistent):
        linked(checkpoint(100), {}, [header(101), header(102, "b")])


def test_a_retraction_names_every_block_above_the_ancestor() -> None:
    reorg = plan_retraction(checkpoint(100, finalized=90), recent(90, 100), Block.of(header(95)), 10)
    assert (reorg.generation, reorg.ancestor.number) == (1, 95)
    assert [known.block.hash for known in reorg.orphaned] == [hash_of(n) for n in range(96, 101)]


def test_a_fork_as_deep_as_finality_is_followed_and_one_block_more_is_not() -> None:
    known = recent(80, 100)
    assert len(plan_retraction(checkpoint(100, 90), known, Block.of(header(90)), 10).orphaned) == 10
    with pytest.raises(ForkTooDeep) as refused:
        plan_retraction(checkpoint(100, 90), known, Block.of(header(89)), 10)
    assert refused.value.reason == "FORK_TOO_DEEP"


def test_a_final_block_stays_final_after_the_checkpoint_moved_back() -> None:
    with pytest.raises(ForkTooDeep):
        plan_retraction(checkpoint(95, finalized=90), recent(80, 95), Block.of(header(89)), 10)


def test_a_fork_without_any_common_block_is_refused() -> None:
    with pytest.raises(ForkTooDeep):
        plan_retraction(checkpoint(5), recent(0, 5), None, DEPTH)


def test_blocks_announced_before_a_crash_are_retracted_though_the_checkpoint_stays() -> None:
    reorg = plan_retraction(checkpoint(100), recent(95, 103), Block.of(header(101)), DEPTH)
    assert [known.block.number for known in reorg.orphaned] == [102, 103]


def test_a_node_that_has_all_our_blocks_proves_no_fork() -> None:
    with pytest.raises(NodeInconsistent):
        plan_retraction(checkpoint(100), recent(95, 100), Block.of(header(100)), DEPTH)
