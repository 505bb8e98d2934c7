"""What media can do: store files and documents, read them back, and resolve what a token's URI stands for."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from PIL import Image

from mercato.kit.errors import InvalidArgument, MercatoError, NotFound, TooLarge
from mercato.services.media import model
from mercato.services.media.model import Asset, Document, Normalised

Clock = Callable[[], datetime]

MAX_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
_PARALLEL_PUTS = 32
_RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")


class Store(Protocol):
    """Bytes by content id, and what is known about them."""

    async def put_object(self, path: str, data: bytes, content_type: str) -> None: ...
    async def save_asset(self, asset: Asset, owner: str, file_name: str) -> Asset: ...
    async def save_document(self, path: str, json: bytes, uri: str, at: datetime, source: str) -> Document: ...
    async def save_folder(self, cid: str, entries: Mapping[str, bytes], at: datetime) -> None: ...
    async def find_document(self, path: str) -> Document | None: ...
    async def read(self, path: str) -> tuple[str, int, AsyncIterator[bytes]]: ...


class Web(Protocol):
    """The open web behind the sandbox."""

    async def fetch(self, url: str, limit: int) -> bytes: ...


class StoreFile:
    """An upload becomes an object under its content id and an asset that describes it."""

    def __init__(self, store: Store, clock: Clock, limit: int) -> None:
        self._store = store
        self._clock = clock
        self.limit = limit

    async def __call__(self, data: bytes, owner: str, file_name: str) -> Asset:
        """Raises `InvalidArgument` EMPTY_UPLOAD, UNSUPPORTED_MEDIA_TYPE, IMAGE_UNREADABLE; `TooLarge`
        UPLOAD_TOO_LARGE, TOO_MANY_PIXELS."""
        if not data:
            raise InvalidArgument("EMPTY_UPLOAD", "the file has no content")
        if len(data) > self.limit:
            raise TooLarge("UPLOAD_TOO_LARGE", f"a file may have {self.limit} bytes", limit=str(self.limit))
        kind = model.sniff(data)
        width, height = await asyncio.to_thread(_dimensions, data) if kind in _RASTER else (0, 0)
        cid = model.content_id(data)
        await self._store.put_object(cid, data, kind)
        asset = Asset(cid, kind, len(data), width, height, self._clock())
        return await self._store.save_asset(asset, owner, file_name[:200])


def _dimensions(data: bytes) -> tuple[int, int]:
    """Reads the header only; no pixel is decoded."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        width, height = MAX_PIXELS, 2
    except Exception:
        raise InvalidArgument("IMAGE_UNREADABLE", "the image is damaged or not what its first bytes say") from None
    if width * height > MAX_PIXELS:
        raise TooLarge("TOO_MANY_PIXELS", f"an image may have {MAX_PIXELS} pixels", limit=str(MAX_PIXELS))
    return width, height


class StoreDocument:
    """New metadata documents, alone or as a folder."""

    def __init__(self, store: Store, clock: Clock, limit: int) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit

    async def one(self, json: str) -> Document:
        """Raises `InvalidArgument` METADATA_*; `TooLarge` METADATA_TOO_LARGE."""
        data = self._checked(json)
        cid = model.content_id(data)
        await self._store.put_object(cid, data, "application/json")
        return await self._store.save_document(cid, data, f"ipfs://{cid}", self._clock(), "created")

    async def folder(self, documents: Sequence[str], first_token_id: int) -> str:
        """The folder's content id; its entries are named by token id. Raises as `one`, and FOLDER_SIZE."""
        if not 1 <= len(documents) <= model.MAX_FOLDER_ENTRIES:
            raise InvalidArgument("FOLDER_SIZE", f"a folder has 1 to {model.MAX_FOLDER_ENTRIES} documents")
        entries = {str(first_token_id + i): self._checked(json) for i, json in enumerate(documents)}
        cid = model.folder_content_id(entries)
        gate = asyncio.Semaphore(_PARALLEL_PUTS)

        async def put(name: str, data: bytes) -> None:
            async with gate:
                await self._store.put_object(f"{cid}/{name}", data, "application/json")

        await asyncio.gather(*(put(name, data) for name, data in entries.items()))
        await self._store.save_folder(cid, entries, self._clock())
        return cid

    def _checked(self, json: str) -> bytes:
        document = model.parse_document(json, self._limit)
        model.check_new_document(document)
        return model.canonical(document)


class GetDocument:
    """A metadata document that is kept here. Nothing is fetched: anybody may ask for any URI."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, uri: str) -> Document:
        """Raises `NotFound` METADATA_NOT_FOUND."""
        path = model.ipfs_path(uri)
        document = await self._store.find_document(path) if path else None
        if document is None:
            raise NotFound("METADATA_NOT_FOUND", f"no metadata document is stored under {uri[:100]!r}")
        return document


@dataclass(frozen=True)
class Resolution:
    """What a token's URI gave: a document, or the reason why not."""

    uri: str
    metadata: Normalised
    doc_id: str
    failure: str


class ResolveMetadata:
    """From a token URI to its document: own store first, then data: URIs, then the web through the sandbox."""

    def __init__(self, store: Store, web: Web, clock: Clock, ipfs_gateway: str, limit: int) -> None:
        self._store = store
        self._web = web
        self._clock = clock
        self._gateway = ipfs_gateway.rstrip("/")
        self._limit = limit

    async def __call__(self, uri: str, token_id: int) -> Resolution:
        """Never raises for what lies with the URI or its source: the reason is in `failure`, FETCH_FAILED when the
        source may answer later. Failures of our own stores are raised."""
        resolved = model.substitute_id(uri.strip(), token_id)
        try:
            document = await self.document(resolved)
            parsed = model.parse_document(document.json, self._limit)
        except MercatoError as error:
            return Resolution(resolved, Normalised(), "", error.reason)
        return Resolution(resolved, model.normalise(parsed), document.cid, "")

    async def document(self, uri: str) -> Document:
        """The document of an exact URI, kept in metadata.docs. Raises `InvalidArgument` and `TooLarge` as the
        fetcher does, NO_URI, URI_SCHEME_REFUSED; `Unavailable` FETCH_FAILED."""
        if not uri:
            raise InvalidArgument("NO_URI", "the contract gives no URI for this token")
        path = model.ipfs_path(uri)
        if path and (known := await self._store.find_document(path)):
            return known
        data = await self._bytes(uri, path)
        model.parse_document(data, self._limit)
        return await self._store.save_document(
            path or model.content_id(data), data, uri[:2000], self._clock(), "resolved"
        )

    async def _bytes(self, uri: str, path: str | None) -> bytes:
        if uri.startswith("data:"):
            return model.decode_data_uri(uri, self._limit)
        if path is not None:
            try:
                _, size, chunks = await self._store.read(path)
            except NotFound:
                return await self._web.fetch(f"{self._gateway}/ipfs/{path}", self._limit)
            if size > self._limit:
                raise TooLarge("METADATA_TOO_LARGE", f"a metadata document may have {self._limit} bytes")
            return b"".join([chunk async for chunk in chunks])
        return await self._web.fetch(uri, self._limit)
