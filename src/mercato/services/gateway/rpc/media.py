"""Media as the gateway calls it: files in, files out, metadata documents.

The kit's clients do this for calls with one request and one answer; the two streaming calls do it here: deadline,
request id, trace, and errors by their meaning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from grpc import aio

from mercato.kit import tracing
from mercato.kit.errors import NotFound
from mercato.kit.grpc import error_from_status
from mercato.rpc.media.v1 import media_pb2 as pb
from mercato.services.gateway.model.files import Asset, MetadataDocument, MetadataFolder
from mercato.services.gateway.rpc import wire

if TYPE_CHECKING:
    from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceAsyncStub

_STREAM_SECONDS = 60.0


class StoredFile:
    """An open file: `size` in bytes, the type found in its bytes."""

    def __init__(
        self, content_type: str, size: int, parts: AsyncIterator[pb.ReadResponse], close: Callable[[], object]
    ) -> None:
        self.content_type = content_type
        self.size = size
        self.close = close
        self._parts = parts

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, once. Ends the call also when the reader leaves in the middle."""
        try:
            async for part in self._parts:
                yield part.chunk
        except aio.AioRpcError as error:
            raise error_from_status(error) from None
        finally:
            self.close()


class MediaClient:
    """Files and metadata documents."""

    def __init__(self, stub: MediaServiceAsyncStub) -> None:
        self._stub = stub

    async def upload(self, user_id: UUID, file_name: str, content_type: str, chunks: AsyncIterator[bytes]) -> Asset:
        """Stores a file; `chunks` have at most 1 MiB each."""

        async def parts() -> AsyncIterator[pb.UploadRequest]:
            yield pb.UploadRequest(
                header=pb.UploadHeader(user_id=str(user_id), file_name=file_name, content_type=content_type)
            )
            async for chunk in chunks:
                yield pb.UploadRequest(chunk=chunk)

        try:
            asset = await self._stub.Upload(parts(), timeout=_STREAM_SECONDS, metadata=_metadata(), wait_for_ready=True)
        except aio.AioRpcError as error:
            raise error_from_status(error) from None
        return Asset(
            cid=asset.cid,
            uri=asset.uri,
            content_type=asset.content_type,
            size=asset.size,
            width=asset.width or None,
            height=asset.height or None,
            created_at=wire.find_moment(asset.created_at),
        )

    async def create_metadata(self, user_id: UUID, document: bytes) -> MetadataDocument:
        """`document` is the JSON text of one object."""
        return _document(
            await self._stub.CreateMetadata(pb.CreateMetadataRequest(user_id=str(user_id), json=document.decode()))
        )

    async def create_metadata_folder(
        self, user_id: UUID, documents: Sequence[bytes], first_token_id: int
    ) -> MetadataFolder:
        answer = await self._stub.CreateMetadataFolder(
            pb.CreateMetadataFolderRequest(
                user_id=str(user_id), json=[d.decode() for d in documents], first_token_id=first_token_id
            )
        )
        return MetadataFolder(answer.cid, answer.uri)

    async def find_metadata(self, uri: str) -> MetadataDocument | None:
        try:
            return _document(await self._stub.GetMetadata(pb.GetMetadataRequest(uri=uri)))
        except NotFound:
            return None

    async def read(self, path: str) -> StoredFile:
        """A stored file, ready to stream; to be closed, or streamed to its end. Raises `NotFound`."""
        call = self._stub.Read(
            pb.ReadRequest(path=path), timeout=_STREAM_SECONDS, metadata=_metadata(), wait_for_ready=True
        )
        parts = aiter(call)
        try:
            first = await anext(parts)
        except aio.AioRpcError as error:
            raise error_from_status(error) from None
        return StoredFile(first.header.content_type, first.header.size, parts, call.cancel)


def _metadata() -> aio.Metadata:
    return aio.Metadata(*tracing.inject().items())


def _document(d: pb.MetadataDocument) -> MetadataDocument:
    return MetadataDocument(d.uri, orjson.loads(d.json), wire.find_moment(d.created_at))
