"""Which endpoint is asked next."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mercato.evm.rpc.endpoints import LONGEST_PAUSE, Endpoint, EndpointState, choose


def states(*endpoints: Endpoint) -> list[EndpointState]:
    return [EndpointState(endpoint) for endpoint in endpoints]


def test_lower_priority_is_asked_first_and_weight_shares_among_equals() -> None:
    pool = states(Endpoint("http://a", 0, 3), Endpoint("http://b", 0, 1), Endpoint("http://c", 1, 100))
    draw = random.Random(7)

    chosen: Counter[str] = Counter()
    for _ in range(4000):
        state = choose(pool, 0.0, (), draw)
        assert state is not None
        chosen[state.endpoint.url] += 1

    assert chosen["http://c"] == 0
    assert 0.70 < chosen["http://a"] / 4000 < 0.80


def test_endpoint_in_pause_gives_way_to_a_worse_one_and_comes_back() -> None:
    first, second = pool = states(Endpoint("http://a", 0), Endpoint("http://b", 1))
    first.failed(started_at=10.0, now=10.0, why="down", jitter=1.0)

    assert choose(pool, 10.05, (), random.Random(1)) is second
    assert choose(pool, 10.11, (), random.Random(1)) is first


def test_when_all_are_in_pause_the_first_to_return_is_chosen() -> None:
    first, second = pool = states(Endpoint("http://a", 0), Endpoint("http://b", 1))
    first.paused(20.0, "told to wait")
    second.paused(15.0, "told to wait")

    assert choose(pool, 10.0, (), random.Random(1)) is second


def test_nothing_is_chosen_when_every_endpoint_was_tried() -> None:
    pool = states(Endpoint("http://a"), Endpoint("http://b"))

    assert choose(pool, 0.0, set(pool), random.Random(1)) is None


def test_weight_zero_is_still_an_endpoint() -> None:
    (only,) = pool = states(Endpoint("http://a", weight=0))

    assert choose(pool, 0.0, (), random.Random(1)) is only


def test_pause_doubles_up_to_its_limit_and_ends_with_an_answer() -> None:
    (state,) = states(Endpoint("http://a"))
    pauses = []
    for second in range(1, 9):
        state.failed(started_at=100.0 * second, now=100.0 * second, why="down", jitter=1.0)
        pauses.append(state.resumes_at - 100.0 * second)

    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_PAUSE, LONGEST_PAUSE])

    state.answered()
    assert (state.failures, state.resumes_at) == (0, 0.0)


def test_requests_that_fail_together_count_once() -> None:
    (state,) = states(Endpoint("http://a"))
    for _ in range(30):
        state.failed(started_at=10.0, now=10.5, why="down", jitter=1.0)

    assert state.failures == 1
    assert state.resumes_at == pytest.approx(10.6)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://eth.example/v2/secret-key", "eth.example"),
        ("http://user:secret@127.0.0.1:8545/", "127.0.0.1:8545"),
    ],
)
def test_name_keeps_the_secrets_of_a_url(url: str, name: str) -> None:
    assert Endpoint(url).name == name
