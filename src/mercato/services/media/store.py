"""Where media lives: bytes in S3 under their content id, descriptions in MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from pymongo.errors import BulkWriteError, DuplicateKeyError

from mercato.kit.errors import NotFound, Unavailable
from mercato.kit.mongo import Client, repeatable
from mercato.kit.settings import Settings
from mercato.services.media.model import Asset, Document, is_own_path

_READ_CHUNK = 256 * 1024
_DUPLICATE = 11000  # MongoDB's error code of a taken _id


def open_bucket(settings: Settings) -> S3Store:
    """The bucket named in the settings, path style as self-hosted servers want it."""
    return S3Store(
        settings.s3_bucket,
        endpoint=settings.s3_url,
        access_key_id=settings.s3_access_key,
        secret_access_key=settings.s3_secret_key.get_secret_value(),
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "20s"},
    )


class MediaStore:
    """S3 first, MongoDB second: a crash in between leaves an object nobody names, and the repeat finds it there."""

    def __init__(self, bucket: S3Store, mongo: Client) -> None:
        self._bucket = bucket
        self._assets = mongo["media"]["assets"]
        self._docs = mongo["metadata"]["docs"]

    async def check(self) -> None:
        """For readiness: raises when S3 or MongoDB do not answer."""
        await self._docs.find_one({"_id": "readiness"})
        async for _ in obstore.list(self._bucket, prefix="readiness", chunk_size=1):
            break

    async def put_object(self, path: str, data: bytes, content_type: str) -> None:
        """Stores bytes under `path`. The same path always has the same bytes, so a second put changes nothing; a
        conditional one would make S3 servers queue parallel uploads of the same file behind a lock."""
        try:
            await obstore.put_async(self._bucket, path, data, attributes={"Content-Type": content_type})
        except BaseError as error:
            raise _away(error) from error

    @repeatable
    async def save_asset(self, asset: Asset, owner: str, file_name: str) -> Asset:
        """Remembers an asset; the first description of a content id stays."""
        row = {
            "_id": asset.cid, "content_type": asset.content_type, "size": asset.size, "width": asset.width,
            "height": asset.height, "created_at": _stored_time(asset.created_at), "first_owner": owner,
            "file_name": file_name,
        }  # fmt: skip
        try:
            await self._assets.insert_one(row)
        except DuplicateKeyError:
            row = await self._assets.find_one({"_id": asset.cid}) or row
        return _asset(row)

    @repeatable
    async def save_document(self, path: str, json: bytes, uri: str, at: datetime, source: str) -> Document:
        """Remembers a metadata document under its path ("{cid}" or "{cid}/{name}")."""
        row = _document_row(path, json, uri, at, source)
        try:
            await self._docs.insert_one(row)
        except DuplicateKeyError:
            row = await self._docs.find_one({"_id": path}) or row
        return _document(row)

    @repeatable
    async def save_folder(self, cid: str, entries: Mapping[str, bytes], at: datetime) -> None:
        """Remembers the documents of a folder by their names, in one write."""
        rows = [
            _document_row(f"{cid}/{name}", json, f"ipfs://{cid}/{name}", at, "created")
            for name, json in entries.items()
        ]
        try:
            await self._docs.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            if any(e["code"] != _DUPLICATE for e in error.details["writeErrors"]):
                raise

    @repeatable
    async def find_document(self, path: str) -> Document | None:
        row = await self._docs.find_one({"_id": path})
        return _document(row) if row else None

    async def read(self, path: str) -> tuple[str, int, AsyncIterator[bytes]]:
        """(content type, size in bytes, chunks). Raises `NotFound` MEDIA_NOT_FOUND."""
        missing = NotFound("MEDIA_NOT_FOUND", f"nothing is stored under {path[:100]!r}")
        if not is_own_path(path):  # S3 would take the empty one for a listing of the bucket
            raise missing
        try:
            found = await obstore.get_async(self._bucket, path)
        except FileNotFoundError:
            raise missing from None
        except BaseError as error:
            raise _away(error) from error
        kind = found.attributes.get("Content-Type", "application/octet-stream")
        return kind, found.meta["size"], _chunks(found)


def _away(error: BaseError) -> Unavailable:
    return Unavailable("OBJECTS_UNAVAILABLE", f"the object store does not answer: {str(error)[:200]}")


async def _chunks(found: Any) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=_READ_CHUNK):
        yield bytes(chunk)


def _document_row(path: str, json: bytes, uri: str, at: datetime, source: str) -> dict[str, Any]:
    return {"_id": path, "uri": uri, "json": json.decode(), "created_at": _stored_time(at), "source": source}


def _stored_time(at: datetime) -> datetime:
    """MongoDB keeps milliseconds: the first answer is cut like all later ones."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _asset(row: Mapping[str, Any]) -> Asset:
    return Asset(
        row["_id"], row["content_type"], row["size"], row["width"], row["height"], row["created_at"].replace(tzinfo=UTC)
    )


def _document(row: Mapping[str, Any]) -> Document:
    return Document(row["_id"], row["uri"], row["json"], row["created_at"].replace(tzinfo=UTC))
