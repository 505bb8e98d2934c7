"""The completeness check against headers of real mainnet blocks."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from mercato.services.indexer.model import bloom

DATA = Path(__file__).parents[2] / "data" / "onchain"


@cache
def _recorded() -> list[tuple[int, list[dict[str, Any]]]]:
    """Filter and logs of each recorded block."""
    logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(DATA / "logs.jsonl.gz") as lines:
        for line in lines:
            log = json.loads(line)
            logs[log["blockHash"]].append(log)
    with gzip.open(DATA / "blocks.jsonl.gz") as lines:
        blocks = [json.loads(line) for line in lines]
    return [(int(block["logsBloom"], 16), logs[block["hash"]]) for block in blocks]


def _items(logs: list[dict[str, Any]]) -> set[bytes]:
    return {bytes.fromhex(text[2:]) for log in logs for text in (log["address"], *log["topics"])}


def test_the_filter_of_all_logs_is_exactly_the_headers() -> None:
    recorded = _recorded()
    assert len(recorded) == 67
    assert [bloom.of_items(_items(logs)) == filter_ for filter_, logs in recorded] == [True] * 67


def test_no_logs_are_unaccounted_under_a_filter_with_bits() -> None:
    assert [bloom.unaccounted(filter_, []) for filter_, logs in _recorded() if logs] == [True] * 67


def test_most_single_missing_logs_are_noticed() -> None:
    """A log whose bits other logs set as well cannot be missed by a filter; the rest of them can."""
    filter_, logs = min(_recorded(), key=lambda block: len(block[1]))
    noticed = [bloom.unaccounted(filter_, _items(logs[:i] + logs[i + 1 :])) for i in range(len(logs))]
    assert sum(noticed) > len(logs) / 3


def test_logs_beyond_the_filter_are_no_evidence_against_completeness() -> None:
    assert not bloom.unaccounted(0, [b"\xaa" * 20])
