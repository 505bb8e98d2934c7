"""The steps of an intent as a watcher sees them: first how it stands, then every state it reaches, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Self

import msgspec

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.services.gateway.model.intents import Intent, IntentStep


class IntentUpdate(msgspec.Struct, frozen=True):
    """`intent` as it stood when it reached the step at `position` (from 1); `pushed_at` is None for what was read.
    `known` is the newest version of which everything is shown with this update."""

    intent: Intent
    position: int
    known: int
    snapshot: bool
    pushed_at: datetime | None

    @property
    def state(self) -> str:
        return self.intent.state

    @property
    def cursor(self) -> str:
        """The place after this update."""
        return cursors.encode(str(self.intent.intent_id), self.known, self.position)

    @property
    def step(self) -> IntentStep | None:
        return self.intent.timeline[-1] if self.intent.timeline else None


class StepFollower:
    """Turns states of one intent, which may come late, twice or several steps at once, into single steps.

    The timeline only grows and `version` grows with each change, so what is not newer was shown already.
    """

    def __init__(self, version: int, shown: int) -> None:
        self._version = version
        self._shown = shown

    @classmethod
    def begun(cls, intent: Intent, cursor: str | None) -> tuple[Self, Iterable[IntentUpdate]]:
        """A follower, and what to show first: what `intent` has after `cursor`, or how it stands without one. Raises
        `InvalidArgument` INVALID_CURSOR for another intent's."""
        if not cursor:
            present = IntentUpdate(intent, len(intent.timeline), intent.version, True, None)
            return cls(intent.version, len(intent.timeline)), [present]
        key = cursors.decode(cursor, 3) or []
        if key[0] != str(intent.intent_id) or not all(k.isascii() and k.isdigit() and len(k) < 19 for k in key[1:]):
            raise InvalidArgument("INVALID_CURSOR", "use a cursor as an update of this very intent gave it")
        follower = cls(int(key[1]), int(key[2]))
        return follower, follower.advance(intent, None)

    def advance(self, intent: Intent, pushed_at: datetime | None) -> Iterator[IntentUpdate]:
        """What `intent` adds to what was shown: one update for each new step, or a single one when only other
        fields changed; nothing when it is old."""
        if intent.version <= self._version:
            return
        known, shown, total = self._version, self._shown, len(intent.timeline)
        self._version, self._shown = intent.version, total
        for position in range(shown + 1, total):
            yield IntentUpdate(_at_step(intent, position), position, known, False, pushed_at)
        yield IntentUpdate(intent, total, intent.version, False, pushed_at)


def _at_step(intent: Intent, position: int) -> Intent:
    """The intent as it stood at an earlier step: what came of later ones is not known yet."""
    timeline = intent.timeline[:position]
    return msgspec.structs.replace(intent, state=timeline[-1].state, timeline=timeline, failure=None, token_ids=[])
