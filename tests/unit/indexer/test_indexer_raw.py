"""What is kept of the logs, and that nothing is lost by keeping it in bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from indexer_samples import hash_of, log, word

from mercato.evm import topics
from mercato.evm.logs import RawLog, Undecodable, decode
from mercato.services.indexer.model.raw import raw_events, untimed_blocks

DATA = Path(__file__).parents[2] / "data" / "onchain"
NFT = (topics.TRANSFER, word(0), word(2), word(3))
CURRENCY = (topics.TRANSFER, word(1), word(2))
AMOUNT = word(5)


def test_logs_that_are_not_about_tokens_are_left_out() -> None:
    logs = [
        log(CURRENCY, AMOUNT, index=0),
        log(NFT, index=1),
        log(("0x" + "11" * 32,), index=2),
        log(CURRENCY, AMOUNT, block=2, index=1),
        log(NFT, block=2, index=4),
    ]
    kept = raw_events(logs, decode(logs), {})
    assert [(event.block_number, event.log_index) for event in kept] == [(1, 1), (2, 4)]


def test_a_log_of_an_unknown_layout_is_kept_for_later_and_a_removed_one_is_not() -> None:
    odd = log((topics.TRANSFER,), AMOUNT, index=3)
    removed = msgspec.structs.replace(log(NFT, index=4), removed=True)
    facts = decode([odd, removed])
    assert [type(fact) for fact in facts] == [Undecodable, Undecodable]
    assert [event.log_index for event in raw_events([odd, removed], facts, {})] == [3]


def test_a_batch_of_many_facts_is_one_raw_event() -> None:
    ids = "".join(word(n)[2:] for n in (64, 192, 3, 7, 8, 9, 3, 1, 1, 1))
    batch = log((topics.TRANSFER_BATCH, word(1), word(2), word(3)), "0x" + ids, index=5)
    after = log(NFT, index=6)
    facts = decode([batch, after])
    assert len(facts) == 4
    assert [event.log_index for event in raw_events([batch, after], facts, {})] == [5, 6]


def test_the_time_comes_from_the_header_when_the_log_does_not_tell() -> None:
    logs = [log(NFT, block=9, timed=None), log(NFT, block=10, index=1)]
    facts = decode(logs)
    assert untimed_blocks(facts) == {9}
    assert [event.timestamp for event in raw_events(logs, facts, {hash_of(9): 1234})] == [1234, 1]


def test_a_log_without_any_time_is_an_error() -> None:
    logs = [log(NFT, timed=None)]
    with pytest.raises(KeyError):
        raw_events(logs, decode(logs), {})


def test_recorded_mainnet_logs_decode_to_the_same_facts_after_storage() -> None:
    with gzip.open(DATA / "logs.jsonl.gz") as lines:
        logs = [msgspec.json.decode(line, type=RawLog) for line in lines]
    facts = decode(logs)
    kept = raw_events(logs, facts, {})
    again = decode([event.as_log() for event in kept])
    decoded = [fact for fact in facts if not isinstance(fact, Undecodable)]
    assert [fact for fact in again if not isinstance(fact, Undecodable)] == decoded
    assert len(kept) < len(logs) / 2
    assert len({(event.block_hash, event.log_index) for event in kept}) == len(kept)
