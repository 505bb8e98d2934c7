"""Page cursors: what goes in comes out, and nothing else is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument


@given(st.lists(st.integers(min_value=-(10**70), max_value=10**70), min_size=1, max_size=4))
def test_numbers_survive(key: list[int]) -> None:
    assert cursors.decode_numbers(cursors.encode(*key), len(key)) == key


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_texts_survive(key: list[str]) -> None:
    encodable = [k.encode("utf-8", "replace").decode() for k in key]
    assert cursors.decode(cursors.encode(*encodable), len(key)) == encodable


def test_no_cursor_is_the_first_page() -> None:
    assert cursors.decode("", 2) is None
    assert cursors.decode_numbers("", 2) is None


@given(st.text(min_size=1))
def test_made_up_cursors_are_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        cursors.decode_numbers(text, 3)
    assert caught.value.reason == "INVALID_CURSOR"


def test_a_number_beyond_its_column_is_refused() -> None:
    made_up = cursors.encode(2**63)
    assert cursors.decode_numbers(made_up, 1) == [2**63]
    with pytest.raises(InvalidArgument):
        cursors.decode_numbers(made_up, 1, cursors.BIGINT_MAX)


@pytest.mark.parametrize("key", [("x",), ("1", "2"), ("--1",), ("1" * 100,), ("",)])
def test_a_cursor_of_another_list_is_refused(key: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument):
        cursors.decode_numbers(cursors.encode(*key), 1)


@pytest.mark.parametrize(("first", "size"), [(0, 20), (1, 1), (100, 100)])
def test_page_sizes(first: int, size: int) -> None:
    assert cursors.page_size(first) == size


@pytest.mark.parametrize("first", [-1, 101, 2**31])
def test_page_sizes_out_of_bounds_are_refused(first: int) -> None:
    with pytest.raises(InvalidArgument) as caught:
        cursors.page_size(first)
    assert caught.value.reason == "INVALID_PAGE_SIZE"
