"""How the size of a range follows what nodes give and refuse."""

from __future__ import annotations

from mercato.services.indexer.model.ranges import LOGS_WANTED, MAX_RANGE, RangeSize


def test_empty_ranges_double_up_to_the_limit() -> None:
    size = RangeSize(2000)
    seen = []
    for _ in range(8):
        size = size.after(0, size.blocks)
        seen.append(size.blocks)
    assert seen == [4000, 8000, 16000, 32000, 64000, MAX_RANGE, MAX_RANGE, MAX_RANGE]


def test_dense_ranges_shrink_to_what_brings_the_wanted_number_of_logs() -> None:
    assert RangeSize(2000).after(5 * LOGS_WANTED, 2000).blocks == 400


def test_a_range_never_grows_beyond_what_the_density_allows() -> None:
    assert RangeSize(100).after(LOGS_WANTED * 4 // 5, 100).blocks == 125


def test_a_short_last_range_teaches_nothing() -> None:
    assert RangeSize(2000).after(0, 7).blocks == 2000


def test_a_suggestion_is_taken_and_becomes_the_ceiling() -> None:
    size = RangeSize(2000).refused(2000, suggested=500)
    assert (size.blocks, size.ceiling) == (500, 500)
    assert size.after(0, 500).blocks == 500


def test_without_a_suggestion_the_range_is_halved_down_to_one_block() -> None:
    size = RangeSize(5)
    asked = []
    while size.blocks > 1:
        size = size.refused(size.blocks)
        asked.append(size.blocks)
    assert asked == [2, 1]
    assert size.refused(1).blocks == 1


def test_a_suggestion_that_is_not_smaller_is_not_believed() -> None:
    assert RangeSize(2000).refused(2000, suggested=2000).blocks == 1000


def test_a_ceiling_is_tested_again_after_sixteen_successes() -> None:
    size = RangeSize(2000).refused(2000, suggested=400)
    for _ in range(15):
        size = size.after(0, size.blocks)
    assert size.ceiling == 400
    size = size.after(0, size.blocks)
    assert (size.ceiling, size.blocks) == (500, 500)
