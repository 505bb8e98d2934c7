"""Every log of 67 real mainnet blocks, decoded, is what an independent decoder made of them."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.evm import topics
from mercato.evm.logs import (
    ApprovalForAllFact,
    Fact,
    RawLog,
    SeaportRaw,
    Standard,
    TransferFact,
    Undecodable,
    count_undecodable,
    decode,
)

DATA = Path(__file__).parents[2] / "data" / "onchain"
ZERO = bytes(20)


def lines(name: str) -> Iterator[Any]:
    with gzip.open(DATA / name) as file:
        yield from map(json.loads, file)


@pytest.fixture(scope="module")
def logs() -> list[RawLog]:
    return [msgspec.convert(line, RawLog) for line in lines("logs.jsonl.gz")]


@pytest.fixture(scope="module")
def facts(logs: list[RawLog]) -> list[Fact]:
    return decode(logs)


def transfers(facts: list[Fact]) -> list[TransferFact]:
    return [fact for fact in facts if isinstance(fact, TransferFact)]


def as_expected(fact: TransferFact) -> dict[str, Any]:
    """In the fields of expected_transfers.jsonl.gz."""
    fields: dict[str, Any] = {
        "standard": "erc721" if fact.standard is Standard.ERC721 else "erc1155",
        "blockNumber": fact.block.number,
        "transactionHash": "0x" + fact.tx_hash.hex(),
        "logIndex": fact.log_index,
        "contract": "0x" + fact.contract.hex(),
        "from": "0x" + fact.from_.hex(),
        "to": "0x" + fact.to.hex(),
        "mint": fact.from_ == ZERO,
        "burn": fact.to == ZERO,
        "batchIndex": fact.batch_index,
        "tokenId": str(fact.token_id),
        "amount": str(fact.amount),
    }
    return fields if fact.operator is None else fields | {"operator": "0x" + fact.operator.hex()}


def place(movement: dict[str, Any]) -> tuple[int, int, int]:
    return movement["blockNumber"], movement["logIndex"], movement["batchIndex"]


def test_every_movement_is_found_and_equal_field_by_field(facts: list[Fact]) -> None:
    expected = sorted(lines("expected_transfers.jsonl.gz"), key=place)

    found = sorted(map(as_expected, transfers(facts)), key=place)

    assert len(found) == 3685
    assert found == expected


def test_last_owners_are_the_expected_ones(facts: list[Fact]) -> None:
    expected = json.loads(gzip.decompress((DATA / "expected_state.json.gz").read_bytes()))["erc721_last_owner"]
    owners: dict[str, str] = {}
    for fact in sorted(transfers(facts), key=lambda f: (f.block.number, f.log_index)):
        if fact.standard is Standard.ERC721:
            owners[f"0x{fact.contract.hex()}/{fact.token_id}"] = "0x" + fact.to.hex()

    assert owners == expected


def test_balance_changes_are_the_expected_ones(facts: list[Fact]) -> None:
    expected = json.loads(gzip.decompress((DATA / "expected_state.json.gz").read_bytes()))["erc1155_balance_change"]
    changes: Counter[str] = Counter()
    for fact in transfers(facts):
        if fact.standard is Standard.ERC1155:
            token = f"0x{fact.contract.hex()}/{fact.token_id}"
            changes[f"{token}/0x{fact.from_.hex()}"] -= fact.amount
            changes[f"{token}/0x{fact.to.hex()}"] += fact.amount
    # The expected file leaves out the zero address, which mints and burns.
    found = {key: str(change) for key, change in changes.items() if not key.endswith("/0x" + ZERO.hex())}

    assert {key: change for key, change in found.items() if change != "0"} == {
        key: change for key, change in expected.items() if change != "0"
    }


def test_logs_are_counted_as_the_data_says(logs: list[RawLog], facts: list[Fact]) -> None:
    seaport = Counter("0x" + fact.topics[0].hex() for fact in facts if isinstance(fact, SeaportRaw))
    by_layout = Counter((log.topics[0], len(log.topics)) for log in logs if log.topics)

    assert len(logs) == 21_410
    assert by_layout[topics.TRANSFER, 4] == 2942
    assert by_layout[topics.TRANSFER, 3] == 7867
    assert by_layout[topics.TRANSFER_SINGLE, 4] == 680
    assert by_layout[topics.TRANSFER_BATCH, 4] == 13
    assert sum(isinstance(fact, ApprovalForAllFact) for fact in facts) == 436
    assert seaport == {
        topics.ORDER_FULFILLED: 183,
        topics.ORDER_CANCELLED: 28,
        topics.ORDERS_MATCHED: 5,
        topics.COUNTER_INCREMENTED: 2,
    }


def test_currency_transfers_give_nothing_and_odd_old_ones_are_told_apart(logs: list[RawLog], facts: list[Fact]) -> None:
    currency = [log for log in logs if log.topics and log.topics[0] == topics.TRANSFER and len(log.topics) == 3]

    assert len(currency) == 7867
    assert decode(currency) == []
    assert count_undecodable(facts) == {"UNINDEXED_TRANSFER": 12}
    assert {len(fact.log.topics) for fact in facts if isinstance(fact, Undecodable)} == {1}


def test_blocks_carry_the_time_of_their_header(facts: list[Fact]) -> None:
    times = {int(block["number"], 16): int(block["timestamp"], 16) for block in lines("blocks.jsonl.gz")}

    assert len(times) == 67
    assert {(f.block.number, f.block.timestamp) for f in transfers(facts)} <= times.items()
