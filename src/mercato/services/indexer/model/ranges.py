"""How many blocks to ask for at once, learnt from what came back."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_RANGE = 100_000
LOGS_WANTED = 6_000
"""Logs a request should bring: enough to amortise it, few enough to keep memory flat."""

_PROBE_AFTER = 16


@dataclass(frozen=True)
class RangeSize:
    """Grows by doubling while answers are small; a refusal sets a ceiling that is tested again later, since providers
    limit by blocks, by logs or by time, and say so unreliably."""

    blocks: int
    ceiling: int = MAX_RANGE
    successes: int = 0

    def after(self, logs: int, blocks: int) -> RangeSize:
        """The size to use after `blocks` were read and brought `logs`."""
        successes, ceiling = self.successes + 1, self.ceiling
        if successes >= _PROBE_AFTER and ceiling < MAX_RANGE:
            successes, ceiling = 0, min(ceiling + max(1, ceiling // 4), MAX_RANGE)
        wanted = self.blocks
        if logs > LOGS_WANTED:
            wanted = max(1, blocks * LOGS_WANTED // logs)
        elif blocks >= self.blocks:
            wanted = self._grown(logs, blocks)
        return RangeSize(min(wanted, ceiling), ceiling, successes)

    def _grown(self, logs: int, blocks: int) -> int:
        """Twice as much at most, and not beyond what the density of logs promises to be enough."""
        enough = blocks * LOGS_WANTED // logs if logs else MAX_RANGE
        return max(self.blocks, min(self.blocks * 2, enough))

    def refused(self, asked: int, suggested: int | None = None) -> RangeSize:
        """The size to use after the node refused `asked` blocks, perhaps naming how many it would take.

        One block cannot become less: the caller then reads it in another way."""
        fits = suggested if suggested is not None and 1 <= suggested < asked else max(1, asked // 2)
        return replace(self, blocks=fits, ceiling=fits, successes=0)
