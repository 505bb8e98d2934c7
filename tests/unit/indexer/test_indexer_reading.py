"""What a term knows of its chain: the newest block it took up, with and without blocks that a fork may still take."""

from __future__ import annotations

from typing import Any

import pytest
from indexer_samples import checkpoint, recent

from mercato.services.indexer.model.ranges import RangeSize
from mercato.services.indexer.usecases.reading import Reading

NOTHING: Any = None


@pytest.mark.parametrize(
    ("announced", "seen"),
    [({}, 100), (recent(90, 100), 100), (recent(99, 102), 102)],
    ids=["history", "tip", "announced before a crash"],
)
def test_the_newest_block_taken_up(announced: Any, seen: int) -> None:
    term = Reading(NOTHING, 64, NOTHING, checkpoint(100), RangeSize(100), announced)
    assert term.seen == seen
