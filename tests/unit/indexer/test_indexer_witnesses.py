"""Whom to believe among endpoints that contradict each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mercato.services.indexer.model.witnesses import Statement, believed, majority

LEFT, RIGHT = b"l" * 32, b"r" * 32
ONE = Statement("a", LEFT, sound=True, strikes=0, rose=True, faithful=True, priority=0)
OTHER = replace(ONE, endpoint="b", hash=RIGHT)


def test_more_than_half_are_a_majority_and_half_is_not() -> None:
    assert majority([ONE, OTHER]) is None
    assert majority([ONE, OTHER, replace(OTHER, endpoint="c")]) == RIGHT
    assert majority([ONE, OTHER, ONE, OTHER]) is None


def test_a_majority_is_believed_whatever_speaks_for_the_rest() -> None:
    assert believed([ONE, replace(OTHER, strikes=3, priority=9), replace(OTHER, rose=False)]) == RIGHT


def test_two_of_whom_nothing_tells_which_one_lies_are_not_believed() -> None:
    assert believed([ONE, OTHER]) is None


@pytest.mark.parametrize(
    "flaw", [{"sound": False}, {"strikes": 1}, {"rose": False}, {"faithful": False}, {"priority": 1}]
)
def test_of_two_the_one_without_a_flaw_is_believed(flaw: dict[str, int]) -> None:
    assert believed([ONE, replace(OTHER, **flaw)]) == LEFT  # type: ignore[arg-type]
    assert believed([replace(ONE, **flaw), OTHER]) == RIGHT  # type: ignore[arg-type]


def test_the_stronger_evidence_decides() -> None:
    assert believed([replace(ONE, sound=False), replace(OTHER, strikes=2, rose=False, faithful=False)]) == RIGHT
    assert believed([replace(ONE, rose=False), replace(OTHER, faithful=False, priority=5)]) == RIGHT
