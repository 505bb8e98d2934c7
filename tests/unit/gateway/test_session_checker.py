"""How long a verdict on a token stands, by a clock turned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mercato.kit.errors import MercatoError, Unauthenticated, Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.kit.logging import get_logger
from mercato.services.gateway.http.sessions import BELIEVED_SECONDS, REMEMBERED_SECONDS, SessionChecker
from mercato.services.gateway.model.people import Principal

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
AWAY = Unavailable("SERVICE_UNAVAILABLE", "auth is away")


class Auth:
    """Says what the test tells it to."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: MercatoError | None = None

    async def introspect(self, access_token: str) -> Principal:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Principal(
            UUID(int=1), f"s-{access_token}", Address(bytes(20)), ChainId(1), (), START + timedelta(hours=1)
        )

    async def find_ended_sessions(self, session_ids: Sequence[str]) -> list[str]:
        return []


class World:
    """A checker, its clock and its auth service."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.auth = Auth()
        self.checker = SessionChecker(
            self.auth, lambda: self.seconds, lambda: START + timedelta(seconds=self.seconds), get_logger("test")
        )

    async def outcome(self, token: str = "t") -> str:
        try:
            return (await self.checker.principal(token)).session_id
        except MercatoError as error:
            return error.reason


@pytest.fixture
def world() -> World:
    return World()


async def test_a_verdict_stands_for_half_a_minute_while_revocations_are_heard(world: World) -> None:
    world.checker.subscribed()
    for seconds, asked in ((0.0, 1), (BELIEVED_SECONDS - 1, 1), (BELIEVED_SECONDS + 1, 2)):
        world.seconds = seconds
        assert await world.outcome() == "s-t"
        assert world.auth.asked == asked


async def test_a_verdict_stands_for_half_a_second_while_they_are_not(world: World) -> None:
    for seconds, asked in ((0.0, 1), (REMEMBERED_SECONDS, 1), (REMEMBERED_SECONDS + 0.1, 2)):
        world.seconds = seconds
        assert await world.outcome() == "s-t"
        assert world.auth.asked == asked


async def test_what_was_believed_before_a_break_is_asked_again(world: World) -> None:
    world.checker.subscribed()
    await world.outcome()
    world.seconds = 1.0
    world.checker.subscribed()  # again: the connection was lost in between
    await world.outcome()
    assert world.auth.asked == 2


async def test_a_verdict_asked_before_the_channel_was_there_is_not_believed_for_long(world: World) -> None:
    await world.outcome()
    world.checker.subscribed()
    world.seconds = 1.0
    await world.outcome()
    assert world.auth.asked == 2


async def test_while_auth_is_away_its_word_counts_until_the_token_ends_or_the_channel_breaks(world: World) -> None:
    world.checker.subscribed()
    await world.outcome()
    await world.outcome("other")
    world.auth.failure = AWAY
    world.seconds = 10 * BELIEVED_SECONDS
    assert await world.outcome() == "s-t"
    assert await world.outcome("never seen") == "SERVICE_UNAVAILABLE"
    world.seconds += 10 * BELIEVED_SECONDS
    assert await world.outcome() == "s-t"
    world.checker.ended(["s-t"])
    assert await world.outcome() == "SESSION_REVOKED"
    world.checker.subscribed()
    world.seconds += 1
    assert await world.outcome("other") == "SERVICE_UNAVAILABLE"
    world.seconds = 3600
    world.auth.failure = None
    assert await world.outcome("other") == "TOKEN_EXPIRED"


async def test_a_refusal_is_asked_again_after_half_a_second(world: World) -> None:
    world.checker.subscribed()
    world.auth.failure = Unauthenticated("TOKEN_INVALID", "sign in")
    assert [await world.outcome() for _ in range(3)] == ["TOKEN_INVALID"] * 3
    assert world.auth.asked == 1
    world.seconds = 1.0
    world.auth.failure = None
    assert await world.outcome() == "s-t"


async def test_whoever_watches_is_told_once_and_latecomers_at_once(world: World) -> None:
    told: list[str] = []
    with world.checker.watching("s-t", told.append):
        world.checker.ended(["s-t", "another"])
        assert told == ["SESSION_REVOKED"]
    world.checker.ended(["s-t"])
    assert told == ["SESSION_REVOKED"]
    with world.checker.watching("s-t", told.append):
        assert told == ["SESSION_REVOKED"] * 2
