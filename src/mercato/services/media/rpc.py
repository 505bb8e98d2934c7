"""MediaService over gRPC: parse, call the use case, render."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from mercato.kit.errors import InvalidArgument
from mercato.rpc.media.v1 import media_pb2 as pb
from mercato.rpc.media.v1 import media_pb2_grpc as grpc_media
from mercato.services.media import usecases
from mercato.services.media.model import Asset, Document

Context = aio.ServicerContext[Any, Any]


class MediaServicer(grpc_media.MediaServiceServicer):
    def __init__(
        self,
        store_file: usecases.StoreFile,
        store_document: usecases.StoreDocument,
        get_document: usecases.GetDocument,
        store: usecases.Store,
    ) -> None:
        self._store_file = store_file
        self._store_document = store_document
        self._get_document = get_document
        self._store = store

    async def Upload(self, request_iterator: AsyncIterator[pb.UploadRequest], context: Context) -> pb.Asset:
        header: pb.UploadHeader | None = None
        data = bytearray()
        async for part in request_iterator:
            if part.WhichOneof("part") == "header":
                header = part.header
                continue
            # Taken to its end even when it is too large, without keeping it: a refusal in the middle of a stream
            # reaches a client that is still writing as a broken call.
            if len(data) <= self._store_file.limit:
                data += part.chunk
        if header is None:
            raise InvalidArgument("UPLOAD_HEADER_MISSING", "the first message of an upload is its header")
        return _asset(await self._store_file(bytes(data), header.user_id, header.file_name))

    async def CreateMetadata(self, request: pb.CreateMetadataRequest, context: Context) -> pb.MetadataDocument:
        return _document(await self._store_document.one(request.json))

    async def CreateMetadataFolder(
        self, request: pb.CreateMetadataFolderRequest, context: Context
    ) -> pb.CreateMetadataFolderResponse:
        cid = await self._store_document.folder(request.json, request.first_token_id)
        return pb.CreateMetadataFolderResponse(cid=cid, uri=f"ipfs://{cid}/")

    async def GetMetadata(self, request: pb.GetMetadataRequest, context: Context) -> pb.MetadataDocument:
        return _document(await self._get_document(request.uri))

    async def Read(self, request: pb.ReadRequest, context: Context) -> AsyncIterator[pb.ReadResponse]:
        kind, size, chunks = await self._store.read(request.path)
        yield pb.ReadResponse(header=pb.ReadHeader(content_type=kind, size=size))
        async for chunk in chunks:
            yield pb.ReadResponse(chunk=chunk)


def _time(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def _asset(asset: Asset) -> pb.Asset:
    return pb.Asset(
        cid=asset.cid, uri=asset.uri, content_type=asset.content_type, size=asset.size, width=asset.width,
        height=asset.height, created_at=_time(asset.created_at),
    )  # fmt: skip


def _document(document: Document) -> pb.MetadataDocument:
    return pb.MetadataDocument(
        id=document.cid, uri=document.uri, json=document.json, created_at=_time(document.created_at)
    )
