"""The steps of an intent as a watcher sees them: first how it stands, then every state it reaches, in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from mercato.services.gateway.model.intents import Intent, IntentStep


class IntentUpdate(msgspec.Struct, frozen=True):
    """`intent` as it stood when it reached the step at `position` (from 1); `pushed_at` is None for what was read."""

    intent: Intent
    position: int
    snapshot: bool
    pushed_at: datetime | None

    @property
    def state(self) -> str:
        return self.intent.state

    @property
    def step(self) -> IntentStep | None:
        return self.intent.timeline[-1] if self.intent.timeline else None


class StepFollower:
    """Turns states of one intent, which may come late, twice or several steps at once, into single steps.

    The timeline only grows and `version` grows with each change, so what is not newer was shown already.
    """

    def __init__(self, snapshot: Intent) -> None:
        self._version = snapshot.version
        self._shown = len(snapshot.timeline)
        self.first = IntentUpdate(snapshot, self._shown, True, None)

    def advance(self, intent: Intent, pushed_at: datetime | None) -> Iterator[IntentUpdate]:
        """What `intent` adds to what was shown: one update for each new step, or a single one when only other
        fields changed; nothing when it is old."""
        if intent.version <= self._version:
            return
        shown, total = self._shown, len(intent.timeline)
        self._version, self._shown = intent.version, total
        for position in range(shown + 1, total):
            yield IntentUpdate(_at_step(intent, position), position, False, pushed_at)
        yield IntentUpdate(intent, total, False, pushed_at)


def _at_step(intent: Intent, position: int) -> Intent:
    """The intent as it stood at an earlier step: what came of later ones is not known yet."""
    timeline = intent.timeline[:position]
    return msgspec.structs.replace(intent, state=timeline[-1].state, timeline=timeline, failure=None, token_ids=[])
