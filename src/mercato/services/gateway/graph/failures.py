"""What a client learns of a failure: a message and `extensions {code, reason, details, requestId}`.

`code` is the category of `kit.errors`, `reason` its stable name. What is not one of ours becomes INTERNAL: logged
with its cause, shown without it.
"""

from __future__ import annotations

import re
from typing import Any

from graphql import GraphQLError
from grpc import aio

from mercato.kit import tracing
from mercato.kit.errors import Category, InvalidArgument, MercatoError
from mercato.kit.grpc import as_mercato_error, error_from_status
from mercato.kit.logging import Logger

Json = dict[str, Any]

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
VARIABLES_INVALID = "VARIABLES_INVALID"

_VARIABLE = re.compile(r"Variable '\$\w+' has invalid value(?: at [^:]*)?: ")


def cause_of(error: GraphQLError) -> Exception | None:
    """The first error below that is not GraphQL's own, None when there is none."""
    found: Exception | None = error
    while isinstance(found, GraphQLError):
        found = found.original_error
    return found


def request_failure(error: GraphQLError, otherwise: str) -> MercatoError:
    """Why an operation could not start; `otherwise` is the reason when no scalar gave one."""
    cause = cause_of(error)
    if isinstance(cause, MercatoError):
        place = _VARIABLE.match(error.message)
        return type(cause)(cause.reason, f"{place[0] if place else ''}{cause.message}", **cause.details)
    return InvalidArgument(otherwise, error.message)


def field_failure(error: GraphQLError) -> tuple[MercatoError, Exception | None]:
    """Why a field has no value, and the unexpected cause when it is our fault."""
    cause = cause_of(error)
    if isinstance(cause, aio.AioRpcError):
        cause = error_from_status(cause)
    if cause is None:
        # Raised by graphql-core itself. An argument that a variable left out is the client's; a value that a
        # scalar could not render carries no place of its own in the document and is ours.
        original = error.original_error
        if original is None or (isinstance(original, GraphQLError) and original.nodes):
            return InvalidArgument(VARIABLES_INVALID, error.message), None
        cause = original
    known = as_mercato_error(cause)
    if known.category is Category.INTERNAL:
        return as_mercato_error(Exception()), cause
    return known, None


def formatted(known: MercatoError, error: GraphQLError | None = None) -> Json:
    """One entry of `errors`, with the place in document and answer when `error` has one."""
    entry: Json = {"message": known.message}
    if error is not None and error.locations:
        entry["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error is not None and error.path:
        entry["path"] = error.path
    entry["extensions"] = {
        "code": known.category.value,
        "reason": known.reason,
        "details": known.details,
        "requestId": tracing.request_id.get(),
    }
    return entry


def formatted_field(error: GraphQLError, logger: Logger) -> Json:
    """The entry for a field that failed; what is our fault is logged here, once."""
    known, unexpected = field_failure(error)
    if unexpected is not None:
        logger.error("field failed", path=error.path, error=repr(unexpected), exc_info=unexpected)
    return formatted(known, error)
