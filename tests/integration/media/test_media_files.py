"""Uploads on real S3 and MongoDB: stored once under their content id, refused before anything is written."""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from media_parts import UPLOAD_LIMIT, content, picture

from mercato.kit import mongo
from mercato.kit.errors import InvalidArgument, MercatoError, NotFound, TooLarge, Unavailable
from mercato.kit.mongo import Client
from mercato.kit.settings import Settings
from mercato.services.media import model
from mercato.services.media.store import MediaStore, open_bucket
from mercato.services.media.usecases import MAX_PIXELS, StoreFile

if TYPE_CHECKING:
    from mercato.stack import LocalStack

NEVER_STORED = model.content_id(b"never stored")


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header names any size; it has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


async def refusal(store_file: StoreFile, store: MediaStore, mongodb: Client, data: bytes) -> MercatoError:
    """The error an upload gets, after a look that it left nothing behind."""
    with pytest.raises(MercatoError) as caught:
        await store_file(data, "user", "file")
    assert await mongodb["media"]["assets"].find_one({"_id": model.content_id(data)}) is None
    with pytest.raises(NotFound):
        await store.read(model.content_id(data))
    return caught.value


async def test_a_file_is_stored_after_the_document_server_was_killed(
    stack: LocalStack, store_file: StoreFile, store: MediaStore
) -> None:
    """Connections of a pool die with the server; the first call after its restart must not be what finds out."""
    first = await store_file(picture("PNG", (31, 7)), "user", "before.png")
    await stack.kill("mongo")
    await stack.start("mongo")
    second = await store_file(picture("PNG", (7, 31)), "user", "after.png")
    for asset in (first, second):
        assert (await content(store, asset.cid))[0] == "image/png"


async def test_a_document_server_that_is_away_is_an_answer(settings: Settings, store: MediaStore) -> None:
    url = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300"
    async with mongo.connected(settings.model_copy(update={"mongo_url": url})) as nobody:
        away = MediaStore(open_bucket(settings), nobody)
        with pytest.raises(Unavailable) as caught:
            await away.find_document(NEVER_STORED)
    assert caught.value.reason == "DOCUMENTS_UNAVAILABLE"


async def test_an_object_store_that_is_away_is_an_answer(settings: Settings, mongodb: Client) -> None:
    away = MediaStore(open_bucket(settings.model_copy(update={"s3_url": "http://127.0.0.1:9"})), mongodb)
    with pytest.raises(Unavailable) as caught:
        await away.read(NEVER_STORED)
    assert caught.value.reason == "OBJECTS_UNAVAILABLE"


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
    ],
)
async def test_an_image_is_stored_with_its_type_and_size(
    store_file: StoreFile, store: MediaStore, kind: str, content_type: str
) -> None:
    data = picture(kind, (32, 20))
    asset = await store_file(data, "user", "a.bin")
    assert (asset.content_type, asset.width, asset.height, asset.size) == (content_type, 32, 20, len(data))
    assert (asset.cid, asset.uri) == (model.content_id(data), f"ipfs://{model.content_id(data)}")
    assert await content(store, asset.cid) == (content_type, len(data), data)


async def test_an_svg_has_no_pixels(store_file: StoreFile, store: MediaStore) -> None:
    data = f"<svg xmlns='http://www.w3.org/2000/svg'><!-- {uuid4()} --></svg>".encode()
    asset = await store_file(data, "user", "a.svg")
    assert (asset.content_type, asset.width, asset.height) == ("image/svg+xml", 0, 0)
    assert (await content(store, asset.cid))[0] == "image/svg+xml"


async def test_the_same_bytes_are_stored_once_and_keep_their_first_description(
    store_file: StoreFile, mongodb: Client
) -> None:
    data = picture()
    first = await store_file(data, "alice", "first.png")
    second = await store_file(data, "bob", "second.png")
    assert second == first
    rows = await mongodb["media"]["assets"].find({"_id": first.cid}).to_list()
    assert [(row["first_owner"], row["file_name"]) for row in rows] == [("alice", "first.png")]


async def test_twenty_parallel_uploads_of_the_same_bytes_are_one_asset(store_file: StoreFile, mongodb: Client) -> None:
    data = picture()
    assets = await asyncio.gather(*(store_file(data, f"user {i}", f"{i}.png") for i in range(20)))
    assert len(set(assets)) == 1
    assert await mongodb["media"]["assets"].count_documents({"_id": assets[0].cid}) == 1


async def test_a_file_of_several_chunks_arrives_whole(store_file: StoreFile, store: MediaStore) -> None:
    data = picture().ljust(UPLOAD_LIMIT, b"\0")  # what stands behind the image does not matter
    asset = await store_file(data, "user", "big.png")
    assert await content(store, asset.cid) == ("image/png", UPLOAD_LIMIT, data)


async def test_a_file_over_the_limit_is_refused(store_file: StoreFile, store: MediaStore, mongodb: Client) -> None:
    error = await refusal(store_file, store, mongodb, picture().ljust(UPLOAD_LIMIT + 1, b"\0"))
    assert isinstance(error, TooLarge)
    assert (error.reason, error.details) == ("UPLOAD_TOO_LARGE", {"limit": str(UPLOAD_LIMIT)})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "EMPTY_UPLOAD"),
        (b"MZ\x90\0", "UNSUPPORTED_MEDIA_TYPE"),
        (b"<html><script>1</script></html>", "UNSUPPORTED_MEDIA_TYPE"),
        (b"<html><svg></svg></html>", "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"name": "not a file"}', "UNSUPPORTED_MEDIA_TYPE"),
        (b"\x89PNG\r\n\x1a\n" + b"damaged" * 20, "IMAGE_UNREADABLE"),
        (b"\xff\xd8\xff" + b"damaged" * 20, "IMAGE_UNREADABLE"),
        (b"GIF89a", "IMAGE_UNREADABLE"),
        (b"RIFF\0\0\0\0WEBPVP8 damaged", "IMAGE_UNREADABLE"),
        (b"\0\0\0\x20ftypavif" + b"damaged" * 20, "IMAGE_UNREADABLE"),
    ],
)
async def test_other_types_and_damaged_images_are_refused(
    store_file: StoreFile, store: MediaStore, mongodb: Client, data: bytes, reason: str
) -> None:
    error = await refusal(store_file, store, mongodb, data)
    assert isinstance(error, InvalidArgument)
    assert error.reason == reason


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # the library's word, above half our limit
@pytest.mark.parametrize("size", [(50_000, 50_000), (15_000, 10_000), (MAX_PIXELS + 1, 1)])
async def test_a_pixel_bomb_is_refused_by_its_header(
    store_file: StoreFile, store: MediaStore, mongodb: Client, size: tuple[int, int]
) -> None:
    error = await refusal(store_file, store, mongodb, png_that_claims(*size))
    assert isinstance(error, TooLarge)
    assert (error.reason, error.details) == ("TOO_MANY_PIXELS", {"limit": str(MAX_PIXELS)})


@pytest.mark.parametrize(
    "path",
    [
        NEVER_STORED, f"{NEVER_STORED}/1", f"{NEVER_STORED}/../x", "", "/", ".", "..", "a/../b", "a//b", "nul\0",
        "line\n", "x" * 5000, "readiness", "\ud800",
    ],
)  # fmt: skip
async def test_what_is_not_stored_is_not_found_whatever_its_name(store: MediaStore, path: str) -> None:
    with pytest.raises(NotFound) as caught:
        await store.read(path)
    assert caught.value.reason == "MEDIA_NOT_FOUND"
