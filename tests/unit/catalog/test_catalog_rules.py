"""Rules of documents, requests and filters."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.finality import Finality
from mercato.kit.ids import Address, ChainId, keccak256
from mercato.services.catalog.model.collections import ROLE_NAMES
from mercato.services.catalog.model.facts import Resolution, Trait
from mercato.services.catalog.model.metadata import bounded, merged, pages
from mercato.services.catalog.model.views import (
    BalanceFilter,
    Found,
    Page,
    ReadPoint,
    Scope,
    TokenFilter,
    TraitFilter,
    block_number,
)
from mercato.services.catalog.rpc import parsing
from mercato.services.catalog.usecases.messages import collection_id, token_name

ANN, CATS, CHAIN = Address(b"a" * 20), Address(b"c" * 20), ChainId(5)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)).map(lambda r: (r[0], sum(r))), max_size=12))
def test_merged_ranges_hold_the_same_tokens_and_touch_nowhere(ranges: list[tuple[int, int]]) -> None:
    found = list(merged(ranges))
    assert {t for a, b in found for t in range(a, b + 1)} == {t for a, b in ranges for t in range(a, b + 1)}
    assert all(last + 1 < first for (_, last), (first, _) in itertools.pairwise(found))


def test_pages_are_consecutive_and_bounded() -> None:
    assert [list(page) for page in pages([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(pages([], 2)) == []


def test_prose_is_cut_and_a_uri_is_kept_whole_or_not_at_all() -> None:
    long = "x" * 40_000
    kept = bounded(Resolution("1", NOON, uri=long, name=long, description=long, image=long, animation_url="ipfs://a",
                              traits=tuple(Trait(long, long, long) for _ in range(300))))  # fmt: skip
    assert (kept.uri, kept.image, kept.animation_url) == ("", "", "ipfs://a")
    assert (len(kept.name), len(kept.description)) == (500, 8_000)
    assert [(len(t.name), len(t.value), len(t.kind)) for t in kept.traits] == [(200, 500, 200)] * 200


def test_role_names_are_those_of_the_contracts() -> None:
    assert {ROLE_NAMES[bytes(32)], ROLE_NAMES[keccak256(b"MINTER_ROLE")], ROLE_NAMES[keccak256(b"METADATA_ROLE")]} == {
        "DEFAULT_ADMIN_ROLE", "MINTER_ROLE", "METADATA_ROLE"
    }  # fmt: skip


def test_identities_are_natural() -> None:
    assert collection_id(CHAIN, CATS) == "eip155:5:0x" + "63" * 20
    assert token_name(CHAIN, CATS, "7") == "eip155:5:0x" + "63" * 20 + ":7"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Scope(None, CATS), "CHAIN_REQUIRED"),
        (lambda: Scope(CHAIN, None, "1"), "CONTRACT_REQUIRED"),
        (lambda: TokenFilter(Scope(CHAIN), None, [TraitFilter("Fur", ["red"])]), "CONTRACT_REQUIRED"),
        (lambda: TokenFilter(Scope(CHAIN, CATS), None, [TraitFilter("Fur", ["x"] * 51)]), "TOO_MANY_TRAITS"),
        (lambda: BalanceFilter(Scope(CHAIN), []), "FILTER_REQUIRED"),
        (lambda: BalanceFilter(Scope(), [ANN] * 101), "TOO_MANY_OWNERS"),
    ],
)
def test_filters_that_mean_nothing_are_refused(make: Any, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        make()
    assert refused.value.reason == reason


def test_a_page_knows_whether_more_follows() -> None:
    assert Page.of(Found([1, 2, 3], ()), 2) == Page([1, 2], (), has_next=True)
    assert Page.of(Found([1, 2], ()), 2) == Page([1, 2], (), has_next=False)


@pytest.mark.parametrize(
    ("safe", "finalized", "finality"),
    [
        (None, None, Finality.LATEST),
        (6, 0, Finality.LATEST),
        (7, 6, Finality.SAFE),
        (9, 7, Finality.FINALIZED),
        (7, 7, Finality.FINALIZED),
    ],
)
def test_a_read_point_is_as_final_as_its_chains_horizons_say(
    safe: int | None, finalized: int | None, finality: Finality
) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert ReadPoint(ChainId(1), 7, bytes(32), at, None, safe, finalized).finality is finality


@given(st.integers(1, 2**15 - 1), st.integers(0, 2**40 - 1), st.integers(0, 255))
def test_the_height_is_found_in_a_block_key(chain_ref: int, number: int, fork: int) -> None:
    assert block_number((chain_ref << 48) | (number << 8) | fork) == number


@pytest.mark.parametrize(
    ("parse", "cursor"),
    [
        (parsing.collection_cursor, cursors.encode(2**31)),
        (parsing.collection_cursor, cursors.encode(-1)),
        (parsing.token_cursor, cursors.encode(1, 2**256)),
        (parsing.token_cursor, cursors.encode(1)),
        (parsing.balance_cursor, cursors.encode(1, 2, "zz")),
        (parsing.balance_cursor, cursors.encode("x", 2, "00")),
        (parsing.event_cursor, cursors.encode(1, 2**63, 0, 0)),
        (parsing.event_cursor, cursors.encode(2**60, 1, 0, 0)),
        (parsing.event_cursor, "not base64!"),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(parse: Any, cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="INVALID_CURSOR"):
        parse(cursor)


def test_a_cursor_is_read_back() -> None:
    assert parsing.balance_cursor(cursors.encode(3, "7", ANN.hex())) == (3, "7", bytes(ANN))
    assert parsing.token_cursor(cursors.encode(3, 2**255)) == (3, str(2**255))
    assert parsing.event_cursor("") is None


@pytest.mark.parametrize("flag", ["spam", "A", "X" * 41, "SP AM", "1A"])
def test_a_flag_is_upper_snake(flag: str) -> None:
    with pytest.raises(InvalidArgument, match="INVALID_FLAG"):
        parsing.flag(flag)
