"""Which document a request means: its own text, one that was registered by its hash, or only one that is trusted."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import orjson

from mercato.kit.errors import InvalidArgument, MercatoError, NotFound, PermissionDenied, TooLarge
from mercato.services.gateway.graph.engine import Engine, Request, RequestRefused, entries_of

LARGEST = 16_384
"""Bytes of a document that is kept for others."""

_MOST_KNOWN = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """Documents by their hash, for all gateways."""

    async def find(self, sha256: str) -> str | None: ...

    async def keep(self, sha256: str, document: str) -> None: ...


class Documents(Protocol):
    """Gives each request the text it means."""

    async def resolve(self, request: Request) -> Request:
        """The request with its document. Raises what keeps it from being run."""
        ...


def digest(document: str) -> str:
    """SHA-256 of a document as clients send it: UTF-8, in hex."""
    return hashlib.sha256(document.encode()).hexdigest()


class PersistedDocuments:
    """Automatic persisted queries: a client sends the hash; when nobody knows it, the hash and the text, once."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._known: OrderedDict[str, str] = OrderedDict()

    async def resolve(self, request: Request) -> Request:
        """Raises `NotFound` PERSISTED_QUERY_NOT_FOUND: send the text too; `InvalidArgument` PERSISTED_QUERY_INVALID,
        PERSISTED_QUERY_MISMATCH; `TooLarge` PERSISTED_QUERY_TOO_LARGE; for a text to be kept, what `prepare` raises."""
        sha256 = request.sha256
        if not sha256:
            return request
        if _SHA256.fullmatch(sha256) is None:
            raise InvalidArgument("PERSISTED_QUERY_INVALID", "sha256Hash must be 64 lower-case hex digits")
        if request.query:
            await self._register(request)
            return request
        document = self._known.get(sha256) or await self._store.find(sha256)
        if document is None or digest(document) != sha256:
            raise _not_found()
        self._remember(sha256, document)
        return request._replace(query=document)

    async def _register(self, request: Request) -> None:
        if digest(request.query) != request.sha256:
            raise InvalidArgument("PERSISTED_QUERY_MISMATCH", "sha256Hash is not the SHA-256 of the query")
        if request.sha256 in self._known:
            return
        if len(request.query.encode()) > LARGEST:
            raise TooLarge(
                "PERSISTED_QUERY_TOO_LARGE", f"a persisted query may have {LARGEST} bytes", limit=str(LARGEST)
            )
        # What could never run is not worth keeping.
        self._engine.prepare(request)
        await self._store.keep(request.sha256, request.query)
        self._remember(request.sha256, request.query)

    def _remember(self, sha256: str, document: str) -> None:
        self._known[sha256] = document
        self._known.move_to_end(sha256)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


class TrustedDocuments:
    """Only documents of a manifest run, by their hash or as the same text."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._documents = documents

    async def resolve(self, request: Request) -> Request:
        """Raises `PermissionDenied` DOCUMENT_NOT_TRUSTED."""
        sha256 = request.sha256 or digest(request.query)
        document = self._documents.get(sha256)
        if document is None or request.query not in ("", document):
            raise PermissionDenied(
                "DOCUMENT_NOT_TRUSTED", "this server runs only the documents that were registered with it"
            )
        return request._replace(query=document)


def read_manifest(path: Path) -> dict[str, str]:
    """Documents by their hash, as `mercato documents` wrote them. Raises `InvalidArgument` MANIFEST_INVALID."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InvalidArgument("MANIFEST_INVALID", f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(d, str) and digest(d) == key for key, d in found.items()):
        raise InvalidArgument("MANIFEST_INVALID", f"{path} must map the SHA-256 of each document to its text")
    return found


def _not_found() -> MercatoError:
    # Clients of Apollo's protocol look for this very message.
    error = NotFound("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    return RequestRefused(error, entries_of(error))
