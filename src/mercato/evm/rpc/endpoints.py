"""Which of a chain's endpoints is asked next: priority, weight, and a pause after failures."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
FIRST_QUARANTINE = 60.0
LONGEST_QUARANTINE = 3600.0


@dataclass(frozen=True)
class Endpoint:
    """One way to a chain's node. Lower `priority` is asked first; among equals `weight` shares the requests."""

    url: str
    priority: int = 0
    weight: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    ws_url: str = ""
    """Where the node announces new blocks; empty where it does not."""

    @property
    def name(self) -> str:
        """Host and port alone: paths and user parts of provider URLs are secrets."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


class EndpointState:
    """How one endpoint has behaved so far. Times are of a monotonic clock, in seconds."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.failures = 0
        """Failures since the last answer."""

        self.resumes_at = 0.0
        self.serves_chain: int | None = None
        """The chain number it told; None until it was asked."""

        self.quarantined_until = 0.0
        """Not asked before, whatever else is away: what it says is not believed, or too old."""

        self.strikes = 0
        """Quarantines since it was last in accord with the others."""

        self.last_error = ""
        self._failed_at = -1.0

    def failed(self, started_at: float, now: float, why: str, jitter: float) -> None:
        """Pauses the endpoint: 0.1 s, doubling with each failure up to 5 s, times `jitter`.

        Requests that were under way together fail together; only the first of them counts.
        """
        self.last_error = why
        if started_at < self._failed_at:
            return
        self._failed_at = now
        self.failures += 1
        self.resumes_at = now + jitter * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.failures - 1, 16))

    def paused(self, until: float, why: str) -> None:
        """Not to be asked before `until`, because it said so or because it is of no use."""
        self.last_error = why
        self.resumes_at = max(self.resumes_at, until)

    def quarantined(self, now: float, why: str) -> None:
        """It said what the others deny: not asked for a minute, twice as long each time, an hour at most."""
        self.strikes += 1
        self.last_error = why
        self.quarantined_until = now + min(LONGEST_QUARANTINE, FIRST_QUARANTINE * 2.0 ** min(self.strikes - 1, 16))

    def set_aside(self, until: float, why: str) -> None:
        """It is of no use before `until`, though honest."""
        self.last_error = why
        self.quarantined_until = max(self.quarantined_until, until)

    def answered(self) -> None:
        self.failures = 0
        self.resumes_at = 0.0


def choose(
    states: Sequence[EndpointState], now: float, tried: Collection[EndpointState], draw: random.Random
) -> EndpointState | None:
    """The endpoint to ask: of those not in pause the best priority, by weight; else the one whose pause ends first.

    None when every endpoint was tried or is in quarantine.
    """
    left = [state for state in states if state not in tried and state.quarantined_until <= now]
    ready = [state for state in left if state.resumes_at <= now]
    if ready:
        best = min(state.endpoint.priority for state in ready)
        equals = [state for state in ready if state.endpoint.priority == best]
        return draw.choices(equals, [max(1, state.endpoint.weight) for state in equals])[0]
    return min(left, key=lambda state: state.resumes_at, default=None)
