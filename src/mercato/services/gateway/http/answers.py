"""Answers in JSON: their media type by the Accept header, their status by the kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from mercato.kit.errors import Category, MercatoError
from mercato.services.gateway.graph.engine import entries_of

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"

_STATUSES = {
    Category.INVALID_ARGUMENT: 400,
    Category.UNAUTHENTICATED: 401,
    Category.PERMISSION_DENIED: 403,
    Category.NOT_FOUND: 404,
    Category.CONFLICT: 409,
    Category.FAILED_PRECONDITION: 400,
    Category.RATE_LIMITED: 429,
    Category.TOO_LARGE: 413,
    Category.UNAVAILABLE: 503,
    Category.INTERNAL: 500,
}


class HttpRefusal(MercatoError):
    """A request that is wrong as HTTP, with the status that says so."""

    category = Category.INVALID_ARGUMENT

    def __init__(self, status: int, reason: str, message: str, **headers: str) -> None:
        super().__init__(reason, message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def media_type(accept: str | None) -> str | None:
    """The type of the answer; None when the client takes neither.

    Of two that it takes equally, the one it names first wins; who takes anything gets ``application/json``, as the
    GraphQL-over-HTTP specification asks for clients that say nothing.
    """
    best, best_quality = None, 0.0
    for part in (accept or "*/*").split(","):
        name, *parameters = (p.strip().lower() for p in part.split(";"))
        offered = GRAPHQL_JSON if name == GRAPHQL_JSON else JSON if name in (JSON, "application/*", "*/*") else None
        quality = _quality(parameters)
        if offered is not None and quality > best_quality:
            best, best_quality = offered, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def answer(body: Any, status: int = 200, kind: str = JSON, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in UTF-8."""
    found = Response(orjson.dumps(body), status, headers, media_type=f"{kind}; charset=utf-8")
    found.headers["Cache-Control"] = "no-store"
    if isinstance(body, dict) and (seconds := _retry_after(body.get("errors") or ())):
        found.headers["Retry-After"] = seconds
    return found


def kept(body: bytes, kind: str) -> Response:
    """An answer as it was given before."""
    return Response(body, 200, {"Cache-Control": "no-store"}, media_type=f"{kind}; charset=utf-8")


def refusal(error: MercatoError, kind: str = JSON) -> Response:
    """The answer to a request that did not run."""
    status, headers = _STATUSES[error.category], {}
    if isinstance(error, HttpRefusal):
        status, headers = error.status, error.headers
    elif error.category is Category.UNAUTHENTICATED:
        headers = {"WWW-Authenticate": 'Bearer realm="mercato"'}
    return answer({"errors": entries_of(error)}, status, kind, headers)


def document_status(kind: str) -> int:
    """Status for a well-formed request whose document or variables are wrong: 400, but 200 for clients of the older
    ``application/json``, who take any other for a fault of the transport (GraphQL over HTTP, section 6.4)."""
    return 400 if kind == GRAPHQL_JSON else 200


def _retry_after(errors: Any) -> str | None:
    for entry in errors:
        extensions = entry.get("extensions", {})
        if extensions.get("code") == Category.RATE_LIMITED.value:
            seconds: str | None = extensions["details"].get("retry_after")
            return seconds
    return None
