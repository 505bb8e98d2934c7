"""The error tree of the house: a category that transports understand and a reason that callers can act on."""

from __future__ import annotations

from enum import Enum


class Category(Enum):
    """What kind of failure it is; one place (kit/grpc.py) maps it to gRPC status, one to GraphQL code."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_LARGE = "TOO_LARGE"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class MercatoError(Exception):
    """Base of every expected failure.

    `reason` is UPPER_SNAKE and stable for programs; `message` tells a person what to do next;
    `details` are extra string pairs for the caller (a limit, a field name).
    """

    category = Category.INTERNAL
    retryable = False

    def __init__(self, reason: str, message: str, **details: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.details = details


class InvalidArgument(MercatoError):
    category = Category.INVALID_ARGUMENT


class Unauthenticated(MercatoError):
    category = Category.UNAUTHENTICATED


class PermissionDenied(MercatoError):
    category = Category.PERMISSION_DENIED


class NotFound(MercatoError):
    category = Category.NOT_FOUND


class Conflict(MercatoError):
    category = Category.CONFLICT


class FailedPrecondition(MercatoError):
    category = Category.FAILED_PRECONDITION


class RateLimited(MercatoError):
    """`details["retry_after"]` holds whole seconds."""

    category = Category.RATE_LIMITED
    retryable = True


class TooLarge(MercatoError):
    category = Category.TOO_LARGE


class Unavailable(MercatoError):
    """A dependency did not answer; the same request may succeed later."""

    category = Category.UNAVAILABLE
    retryable = True


class Poison(MercatoError):
    """A message that no retry can save (undecodable, breaks an invariant): parked at once."""

    category = Category.INVALID_ARGUMENT
