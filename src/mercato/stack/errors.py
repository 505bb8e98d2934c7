"""What can go wrong with the local stack, each told in one line that says what to do."""

from __future__ import annotations

from mercato.kit.errors import FailedPrecondition, Unavailable


class StackFailed(Unavailable):
    """A server or service did not come up, or died; the message names it, its cause and its log."""


class StackMisconfigured(FailedPrecondition):
    """Something the stack needs is missing or in the way: a program, a free port, a setting."""


class NotReady(Exception):
    """A probe's answer: not yet; the text says what it saw."""
