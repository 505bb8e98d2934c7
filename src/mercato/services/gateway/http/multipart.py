"""Uploads: the GraphQL multipart request specification (`operations`, `map`, then the files)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mercato.kit.errors import InvalidArgument
from mercato.services.gateway.http import bodies

PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name")
"""A page on another origin cannot send these without the browser asking us first (CSRF)."""

_MOST_FILES = 10
_LONGEST_INDEX = 4
_OVERHEAD = 256 * 1024


@asynccontextmanager
async def reading(request: Request, file_limit: int, json_limit: int) -> AsyncIterator[Any]:
    """The `operations` value with files in the places that `map` names; the files are closed with the block.

    Raises `InvalidArgument` PREFLIGHT_HEADER_REQUIRED, MULTIPART_INVALID, INVALID_JSON; `TooLarge` BODY_TOO_LARGE.
    """
    if not any(header in request.headers for header in PREFLIGHT_HEADERS):
        raise InvalidArgument(
            "PREFLIGHT_HEADER_REQUIRED", f"send one of the headers {', '.join(PREFLIGHT_HEADERS)} with a multipart body"
        )
    limit = file_limit + _OVERHEAD
    bodies.declared(request, limit)
    counted = Request(request.scope, bodies.limited(request.receive, limit))
    try:
        async with counted.form(max_files=_MOST_FILES, max_fields=10, max_part_size=json_limit) as form:
            yield _operations(form)
    except HTTPException as error:
        raise _invalid(f"the body cannot be read: {error.detail}") from None


def parse_upload(value: object) -> UploadFile:
    """A variable of type Upload. Raises `InvalidArgument` UPLOAD_EXPECTED."""
    if not isinstance(value, UploadFile):
        raise InvalidArgument("UPLOAD_EXPECTED", "send the file in a multipart request and its variable as null")
    return value


def _operations(form: FormData) -> Any:
    operations, places = _json_field(form, "operations"), _json_field(form, "map")
    if not isinstance(operations, dict) or not isinstance(places, dict):
        raise _invalid("operations and map must be JSON objects")
    for name, paths in places.items():
        file = form.get(name)
        if not isinstance(file, UploadFile):
            raise _invalid(f"map names {name[:50]!r}, which is no file of the body")
        if "\0" in f"{file.filename}{file.content_type}":
            raise _invalid("a file's name and type must not contain the NUL character")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise _invalid("map must give a list of paths for each file")
        for path in paths:
            _put(operations, path, file)
    return operations


def _json_field(form: FormData, name: str) -> Any:
    value = form.get(name)
    if not isinstance(value, str):
        raise _invalid(f"the body needs a text field {name!r}")
    return bodies.parse_json(value)


def _put(operations: dict[str, Any], path: str, file: UploadFile) -> None:
    """Sets the null at a path such as ``variables.file`` or ``variables.files.0``."""
    *parents, last = path.split(".")
    if not parents or parents[0] != "variables":
        raise _invalid(f"map names {path[:100]!r}; paths begin with 'variables.'")
    place: Any = operations
    for step in parents:
        place = _inside(place, step, path)
    if _inside(place, last, path) is not None:
        raise _invalid(f"the variable at {path[:100]!r} must be null")
    place[int(last) if isinstance(place, list) else last] = file


def _inside(place: Any, step: str, path: str) -> Any:
    if isinstance(place, dict) and step in place:
        return place[step]
    if isinstance(place, list) and _is_index(step) and int(step) < len(place):
        return place[int(step)]
    raise _invalid(f"map names {path[:100]!r}, which is not in operations")


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) <= _LONGEST_INDEX


def _invalid(message: str) -> InvalidArgument:
    return InvalidArgument("MULTIPART_INVALID", message)
