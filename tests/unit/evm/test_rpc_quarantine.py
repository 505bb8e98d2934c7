"""Endpoints that are not believed are not asked, whoever else is away."""

from __future__ import annotations

import random

from mercato.evm.rpc.endpoints import LONGEST_QUARANTINE, Endpoint, EndpointState, choose


def _pool(count: int) -> list[EndpointState]:
    return [EndpointState(Endpoint(f"http://node{i}")) for i in range(count)]


def test_an_endpoint_in_quarantine_is_not_asked_even_when_the_others_are_away() -> None:
    liar, honest = pool = _pool(2)
    liar.quarantined(100.0, "it lies")
    honest.failed(100.0, 100.0, "down", 1.0)
    assert choose(pool, 100.0, (), random.Random(1)) is honest
    assert choose(pool, 100.0, {honest}, random.Random(1)) is None
    assert choose(pool, 160.0, {honest}, random.Random(1)) is liar


def test_an_answer_that_was_under_way_does_not_end_a_quarantine() -> None:
    (liar,) = pool = _pool(1)
    liar.quarantined(100.0, "it lies")
    liar.answered()
    assert choose(pool, 159.0, (), random.Random(1)) is None


def test_each_quarantine_is_twice_as_long_up_to_an_hour() -> None:
    (liar,) = _pool(1)
    lengths = []
    for _ in range(8):
        liar.quarantined(0.0, "it lies")
        lengths.append(liar.quarantined_until)
    assert lengths == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, LONGEST_QUARANTINE, LONGEST_QUARANTINE]


def test_what_is_set_aside_for_lagging_has_no_strike() -> None:
    (late,) = pool = _pool(1)
    late.set_aside(10.0, "it is 80 blocks behind")
    assert (late.strikes, late.last_error) == (0, "it is 80 blocks behind")
    assert choose(pool, 9.9, (), random.Random(1)) is None
    assert choose(pool, 10.0, (), random.Random(1)) is late
