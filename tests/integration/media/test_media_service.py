"""The whole service on the real servers: gRPC streams, errors with reasons, its queue, readiness."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aio_pika
import aiohttp
import pytest
from grpc import aio
from media_collections import Deployer
from media_parts import UPLOAD_LIMIT, metadata, picture

from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import grpc, messages, rabbit, topology
from mercato.kit.errors import InvalidArgument, NotFound, TooLarge
from mercato.kit.ids import Address
from mercato.kit.settings import Settings
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.media.v1 import media_pb2 as pb
from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceStub
from mercato.services.chains import app as chains
from mercato.services.media import app as media
from mercato.services.media import model
from mercato.stack import LocalStack, seeding
from mercato.stack.environment import settings_of

if TYPE_CHECKING:
    from mercato.rpc.media.v1.media_pb2_grpc import MediaServiceAsyncStub

_CHUNK = 65_536
_RESOLVED = "catalog.metadata.resolved"


@pytest.fixture(scope="module")
async def service(stack: LocalStack) -> AsyncIterator[Settings]:
    """Media and the chain registry it asks, with small limits and no IPFS beyond our own."""
    own = {"MERCATO_UPLOAD_LIMIT": str(UPLOAD_LIMIT), "MERCATO_IPFS_GATEWAY_URL": "http://127.0.0.1:1"}
    settings = settings_of({**stack.env, **own})
    async with chains.running(settings), media.running(settings):
        yield settings


@pytest.fixture(scope="module")
async def stub(service: Settings) -> AsyncIterator[MediaServiceAsyncStub]:
    async with grpc.connected(service, "media", MediaServiceStub) as client:
        yield client


async def upload(stub: MediaServiceAsyncStub, data: bytes, chunk: int = _CHUNK) -> pb.Asset:
    """An upload by client stream. Raises the `MercatoError` that the service meant."""

    async def parts() -> AsyncIterator[pb.UploadRequest]:
        yield pb.UploadRequest(
            header=pb.UploadHeader(user_id="user", file_name="a.png", content_type="application/x-lie")
        )
        for start in range(0, len(data), chunk):
            yield pb.UploadRequest(chunk=data[start : start + chunk])

    return await meaning(stub.Upload(parts()))


async def meaning(call: aio.StreamUnaryCall[pb.UploadRequest, pb.Asset]) -> pb.Asset:
    try:
        return await call
    except aio.AioRpcError as error:
        raise grpc.error_from_status(error) from None


async def read(stub: MediaServiceAsyncStub, path: str) -> tuple[pb.ReadHeader, bytes]:
    """What the Read stream gives: its header and its bytes."""
    header, data = pb.ReadHeader(), bytearray()
    try:
        async for part in stub.Read(pb.ReadRequest(path=path)):
            if part.WhichOneof("part") == "header":
                assert not data
                header = part.header
            data += part.chunk
    except aio.AioRpcError as error:
        raise grpc.error_from_status(error) from None
    return header, bytes(data)


async def test_an_upload_in_chunks_can_be_read_back(stub: MediaServiceAsyncStub) -> None:
    data = picture().ljust(700_000, b"\0")
    asset = await upload(stub, data)
    assert (asset.cid, asset.uri) == (model.content_id(data), f"ipfs://{model.content_id(data)}")
    assert (asset.content_type, asset.size, asset.width, asset.height) == ("image/png", 700_000, 12, 7)
    header, content = await read(stub, asset.cid)
    assert (header.content_type, header.size) == ("image/png", 700_000)
    assert content == data


async def test_the_same_upload_again_is_the_same_asset(stub: MediaServiceAsyncStub) -> None:
    data = picture()
    assert await upload(stub, data, chunk=10) == await upload(stub, data)


async def test_an_upload_over_the_limit_is_cut_off(stub: MediaServiceAsyncStub) -> None:
    with pytest.raises(TooLarge) as caught:
        await upload(stub, picture().ljust(UPLOAD_LIMIT + 1, b"\0"))
    assert (caught.value.reason, caught.value.details) == ("UPLOAD_TOO_LARGE", {"limit": str(UPLOAD_LIMIT)})


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "UPLOAD_HEADER_MISSING"),
        ([pb.UploadRequest(chunk=b"\x89PNG")], "UPLOAD_HEADER_MISSING"),
        ([pb.UploadRequest(header=pb.UploadHeader(user_id="user"))], "EMPTY_UPLOAD"),
        ([pb.UploadRequest(header=pb.UploadHeader()), pb.UploadRequest(chunk=b"#!/bin/sh")], "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_a_malformed_upload_is_refused_with_its_reason(
    stub: MediaServiceAsyncStub, parts: Sequence[pb.UploadRequest], reason: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await meaning(stub.Upload(iter(parts)))
    assert caught.value.reason == reason


async def test_documents_and_folders_are_stored_and_found(stub: MediaServiceAsyncStub) -> None:
    text = json.dumps(metadata())
    document = await stub.CreateMetadata(pb.CreateMetadataRequest(user_id="user", json=text))
    assert document == await stub.CreateMetadata(pb.CreateMetadataRequest(user_id="other", json=text))
    assert json.loads(document.json) == json.loads(text)
    assert await stub.GetMetadata(pb.GetMetadataRequest(uri=document.uri)) == document
    folder = await stub.CreateMetadataFolder(
        pb.CreateMetadataFolderRequest(user_id="user", json=[text, text], first_token_id=5)
    )
    assert folder.uri == f"ipfs://{folder.cid}/"
    header, content = await read(stub, f"{folder.cid}/6")
    assert (header.content_type, content.decode()) == ("application/json", document.json)


async def test_a_folder_of_a_thousand_documents_is_stored_before_the_usual_deadline(
    stub: MediaServiceAsyncStub,
) -> None:
    texts = [json.dumps(metadata(edition=i)) for i in range(model.MAX_FOLDER_ENTRIES)]
    folder = await stub.CreateMetadataFolder(
        pb.CreateMetadataFolderRequest(user_id="user", json=texts, first_token_id=1)
    )
    for token_id in (1, model.MAX_FOLDER_ENTRIES):
        stored = await stub.GetMetadata(pb.GetMetadataRequest(uri=f"{folder.uri}{token_id}"))
        assert json.loads(stored.json) == json.loads(texts[token_id - 1])


@pytest.mark.parametrize(
    ("text", "reason", "details"),
    [
        ("{", "METADATA_NOT_JSON", {}),
        ("[1]", "METADATA_NOT_OBJECT", {}),
        ('{"name": ""}', "METADATA_INVALID", {"field": "name"}),
        ('{"name": "x", "a": ' + "[" * 900 + "]" * 900 + "}", "METADATA_INVALID", {}),
    ],
)
async def test_a_refused_document_names_its_reason(
    stub: MediaServiceAsyncStub, text: str, reason: str, details: dict[str, str]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await stub.CreateMetadata(pb.CreateMetadataRequest(user_id="user", json=text))
    assert (caught.value.reason, caught.value.details) == (reason, details)


@pytest.mark.parametrize("path", [model.content_id(b"nobody stored this"), "", "../../etc/passwd", "a//b", "\n"])
async def test_reading_what_is_not_there_is_not_found(stub: MediaServiceAsyncStub, path: str) -> None:
    with pytest.raises(NotFound) as caught:
        await read(stub, path)
    assert caught.value.reason == "MEDIA_NOT_FOUND"


@pytest.mark.parametrize("uri", ["ipfs://bafynothing", "http://127.0.0.1:1/x.json", "http://[", ""])
async def test_a_document_that_is_not_kept_is_not_found(stub: MediaServiceAsyncStub, uri: str) -> None:
    with pytest.raises(NotFound) as caught:
        await stub.GetMetadata(pb.GetMetadataRequest(uri=uri))
    assert caught.value.reason == "METADATA_NOT_FOUND"


async def test_a_request_on_the_queue_is_answered_on_the_broker(
    stack: LocalStack, service: Settings, stub: MediaServiceAsyncStub
) -> None:
    local = stack.chains[0]
    chain = local.chain_id
    await seeding.seed(service, [local])
    document = await stub.CreateMetadata(pb.CreateMetadataRequest(user_id="user", json=json.dumps(metadata())))
    async with AsyncExitStack() as exits:
        node = await exits.enter_async_context(RpcPool(chain, [Endpoint(local.url)]))
        contract = await (await Deployer.on(node)).collection_721(document.uri, tokens=2)
        broker = await exits.enter_async_context(rabbit.connected(service, "tests"))
        reader = await exits.enter_async_context(await aio_pika.connect(service.amqp_url))
        queue = await (await reader.channel()).get_queue(_RESOLVED, ensure=False)
        request = events_pb2.MetadataRequested(
            chain_id=chain.caip2, contract=contract, standard=common_pb2.STANDARD_ERC721, token_ids=["1", "2", "3"]
        )
        await broker.publisher.publish(messages.outgoing(topology.MEDIA_EVENTS, topology.METADATA_REQUESTED, request))
        answer = await _answer_about(queue, contract)
    assert [(t.token_id, t.uri, t.failure) for t in answer.tokens] == [
        ("1", document.uri, ""), ("2", document.uri, ""), ("3", "", "NO_URI"),
    ]  # fmt: skip
    assert {t.name for t in answer.tokens[:2]} == {json.loads(document.json)["name"]}


async def _answer_about(queue: aio_pika.abc.AbstractQueue, contract: Address) -> events_pb2.MetadataResolved:
    async with asyncio.timeout(15):
        while True:
            message = await queue.get(no_ack=True, fail=False)
            if message is None:
                await asyncio.sleep(0.02)
                continue
            decoded = messages.decode(message.type or "", message.body)
            assert isinstance(decoded, events_pb2.MetadataResolved)
            if decoded.contract == contract:
                return decoded


async def test_readiness_names_its_stores(service: Settings) -> None:
    url = f"http://127.0.0.1:{service.ops_port('media')}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        assert await response.json() == {"service": "media", "checks": {"rabbitmq": "ok", "stores": "ok"}}
