"""Scalars take what the API promises and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import UINT256_MAX, Address, ChainId
from mercato.services.gateway.graph import scalars

HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (scalars.parse_chain_id, "eip155:1", ChainId(1)),
        (scalars.parse_address, "0x" + "A1" * 20, Address(b"\xa1" * 20)),
        (scalars.parse_hash32, HASH, b"\xab" * 32),
        (scalars.parse_bytes, "0x", b""),
        (scalars.parse_bytes, "0xAb01", b"\xab\x01"),
        (scalars.parse_big, "0", 0),
        (scalars.parse_big, str(UINT256_MAX), UINT256_MAX),
        (scalars.parse_safe_int, 2**53 - 1, 2**53 - 1),
        (scalars.parse_datetime, "2026-11-22T09:30:00Z", datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        (scalars.parse_datetime, "2026-11-22t10:30:00.5+01:00", datetime(2026, 11, 22, 9, 30, 0, 500_000, UTC)),
        (scalars.parse_datetime, "2026-11-22T09:30:00.123456789z", datetime(2026, 11, 22, 9, 30, 0, 123_456, UTC)),
    ],
)
def test_good_values(parse: Callable[[object], object], text: object, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "reason", "values"),
    [
        (scalars.parse_chain_id, "INVALID_CHAIN_ID", [1, "1", "eip155:0", "eip155:01", "EIP155:1", "eip155:1 ", None]),
        (scalars.parse_address, "INVALID_ADDRESS", ["0x12", "a1" * 20, 7, ["0x"], "0x" + "g1" * 20]),
        (scalars.parse_hash32, "INVALID_HASH", ["0x12", HASH + "00", HASH[2:], b""]),
        (scalars.parse_bytes, "INVALID_BYTES", ["", "0x1", "0xzz", "12", 0, "0x12\n"]),
        (scalars.parse_big, "INVALID_UINT256", [1, 1.0, True, "1.0", "-1", "+1", " 1", "01", "1e3", str(2**256), "٣"]),
        (scalars.parse_safe_int, "INVALID_INTEGER", [True, -1, 2**53, "1", 1.0]),
        (
            scalars.parse_datetime, "INVALID_DATE_TIME",
            ["2026-11-22", "2026-11-22T09:30:00", "2026-13-01T00:00:00Z", "2026-11-22 09:30:00Z", 0, "now",
             "0001-01-01T00:00:00+23:59", "2026-11-22T09:30:00+99:99"],
        ),
    ],
)  # fmt: skip
def test_bad_values_have_their_reason(parse: Callable[[object], object], reason: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(InvalidArgument) as caught:
            parse(value)
        assert caught.value.reason == reason, value


@given(st.integers(0, UINT256_MAX))
def test_numbers_go_out_as_they_came_in(number: int) -> None:
    assert scalars.parse_big(str(number)) == number


@given(st.binary(min_size=20, max_size=20))
def test_addresses_go_out_checksummed_and_come_in_again(raw: bytes) -> None:
    assert scalars.parse_address(scalars.render_address(raw)) == raw


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(timezone(timedelta(hours=5)))))
def test_times_go_out_in_utc_with_milliseconds(when: datetime) -> None:
    text = scalars.render_datetime(when)
    assert text.endswith("Z")
    assert len(text) == len("2026-11-22T09:30:00.000Z")
    assert abs(scalars.parse_datetime(text) - when) < timedelta(milliseconds=1)


def test_a_count_that_json_cannot_carry_is_not_shown_wrongly() -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        scalars.render_safe_int(2**53)
