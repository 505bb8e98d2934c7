"""What reasons the house gives while its tests run, held against docs/reasons.md.

The page is made by reading the code; this is what the code does. Neither can agree with itself.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mercato.kit.errors import MercatoError, Poison

_PAGE = Path(__file__).parents[1] / "docs" / "reasons.md"
_SPEAK_TO_A_PERSON = ("cli", "stack", "story")
# They say again what another process said, which in a test may be a fake.
_RELAYS = ("error_from_status", "request_failure")


def documented() -> set[str]:
    """The reasons of the page."""
    return set(re.findall(r"^\| `(\w+)` \|", _PAGE.read_text(), re.MULTILINE))


class SeenReasons:
    """Reasons of the errors that code of the house made since `watch`."""

    def __init__(self) -> None:
        self._known = documented()
        self._seen: dict[str, str] = {}

    def watch(self) -> None:
        """From now on every error's reason is looked at when it is made; the errors stay what they are."""
        made = MercatoError.__init__

        def make(error: MercatoError, reason: str, message: str, **details: str) -> None:
            made(error, reason, message, **details)
            if reason not in self._known and not isinstance(error, Poison) and (place := _said_by_the_house()):
                self._seen[reason] = place

        MercatoError.__init__ = make  # type: ignore[method-assign, assignment]

    def take_undocumented(self) -> dict[str, str]:
        """What the page lacks, with the places that said it; each is told once."""
        found, self._seen = self._seen, {}
        return found


def _said_by_the_house() -> str:
    """The place that made the error, empty when that is a test, a relay, or what speaks to a person."""
    frame = sys._getframe(2)
    while frame.f_code.co_name == "__init__" and frame.f_back is not None:
        frame = frame.f_back
    module = str(frame.f_globals.get("__name__", ""))
    parts = module.split(".")
    if parts[0] != "mercato" or parts[1] in _SPEAK_TO_A_PERSON or frame.f_code.co_name in _RELAYS:
        return ""
    return f"{module}:{frame.f_lineno}"
