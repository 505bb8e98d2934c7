"""Metadata documents on real S3 and MongoDB: equal documents are one, folders name their entries by token id."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from media_parts import DOCUMENT_LIMIT, content, metadata

from mercato.kit.errors import InvalidArgument, MercatoError, NotFound, TooLarge
from mercato.kit.mongo import Client
from mercato.services.media import model
from mercato.services.media.model import MAX_FOLDER_ENTRIES
from mercato.services.media.store import MediaStore
from mercato.services.media.usecases import GetDocument, StoreDocument


async def test_a_document_is_stored_under_its_content_id(store_document: StoreDocument, store: MediaStore) -> None:
    document = metadata(attributes=[{"trait_type": "Mood", "value": "calm"}])
    stored = await store_document.one(json.dumps(document))
    assert json.loads(stored.json) == document
    assert stored.uri == f"ipfs://{model.content_id(stored.json.encode())}"
    assert await content(store, stored.cid) == ("application/json", len(stored.json.encode()), stored.json.encode())
    assert await GetDocument(store)(stored.uri) == stored


async def test_the_same_document_in_another_writing_has_the_same_uri(
    store_document: StoreDocument, mongodb: Client
) -> None:
    document = metadata(description="ü")
    first = await store_document.one(json.dumps(document))
    again = await store_document.one(json.dumps(dict(reversed(document.items())), indent=4, ensure_ascii=False))
    assert again == first
    assert await mongodb["metadata"]["docs"].count_documents({"uri": first.uri}) == 1


async def test_twenty_parallel_writes_of_a_document_are_one(store_document: StoreDocument, mongodb: Client) -> None:
    text = json.dumps(metadata())
    stored = await asyncio.gather(*(store_document.one(text) for _ in range(20)))
    assert len(set(stored)) == 1
    assert await mongodb["metadata"]["docs"].count_documents({"uri": stored[0].uri}) == 1


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("{", InvalidArgument, "METADATA_NOT_JSON"),
        ("[]", InvalidArgument, "METADATA_NOT_OBJECT"),
        ('{"image": "x"}', InvalidArgument, "METADATA_INVALID"),
        ('{"name": "deep", "a": ' + "[" * 400 + "]" * 400 + "}", InvalidArgument, "METADATA_INVALID"),
        ('{"name": "' + "x" * DOCUMENT_LIMIT + '"}', TooLarge, "METADATA_TOO_LARGE"),
    ],
)
async def test_a_refused_document_leaves_nothing_behind(
    store_document: StoreDocument, mongodb: Client, text: str, kind: type[MercatoError], reason: str
) -> None:
    before = await mongodb["metadata"]["docs"].count_documents({})
    with pytest.raises(kind) as caught:
        await store_document.one(text)
    assert caught.value.reason == reason
    assert await mongodb["metadata"]["docs"].count_documents({}) == before


@pytest.mark.parametrize(
    "uri", ["ipfs://bafynothing", "ipfs://", "", "https://example.org/1.json", "data:,{}", "http://["]
)
async def test_a_document_that_is_not_kept_here_is_not_found_and_not_fetched(store: MediaStore, uri: str) -> None:
    with pytest.raises(NotFound) as caught:
        await GetDocument(store)(uri)
    assert caught.value.reason == "METADATA_NOT_FOUND"


async def test_a_folder_names_its_entries_by_token_id(store_document: StoreDocument, store: MediaStore) -> None:
    documents = [metadata(), metadata(), metadata()]
    cid = await store_document.folder([json.dumps(d) for d in documents], first_token_id=41)
    for token_id, document in zip((41, 42, 43), documents, strict=True):
        kind, _, data = await content(store, f"{cid}/{token_id}")
        assert (kind, json.loads(data)) == ("application/json", document)
        assert (await GetDocument(store)(f"ipfs://{cid}/{token_id}")).json.encode() == data
    with pytest.raises(NotFound):
        await store.read(f"{cid}/44")


async def test_the_same_folder_again_is_the_same_and_another_start_is_another(store_document: StoreDocument) -> None:
    texts = [json.dumps(metadata()) for _ in range(3)]
    first = await store_document.folder(texts, 1)
    assert await store_document.folder(texts, 1) == first
    assert len({first, await store_document.folder(texts, 2), await store_document.folder(texts[::-1], 1)}) == 3


async def test_a_folder_has_entries_and_not_too_many(store_document: StoreDocument) -> None:
    for count in (0, MAX_FOLDER_ENTRIES + 1):
        with pytest.raises(InvalidArgument) as caught:
            await store_document.folder(['{"name": "x"}'] * count, 1)
        assert caught.value.reason == "FOLDER_SIZE"


async def test_one_bad_entry_refuses_the_whole_folder(store_document: StoreDocument, mongodb: Client) -> None:
    before = await mongodb["metadata"]["docs"].count_documents({})
    with pytest.raises(InvalidArgument):
        await store_document.folder([json.dumps(metadata()), '{"name": ""}'], 1)
    assert await mongodb["metadata"]["docs"].count_documents({}) == before


async def test_the_largest_folder_is_stored_whole(store_document: StoreDocument, mongodb: Client) -> None:
    texts = [json.dumps(metadata(edition=i)) for i in range(MAX_FOLDER_ENTRIES)]
    started = time.perf_counter()
    cid = await store_document.folder(texts, 1)
    print(f"{MAX_FOLDER_ENTRIES} documents in {time.perf_counter() - started:.1f} s")
    uris = {row["uri"] async for row in mongodb["metadata"]["docs"].find({"_id": {"$regex": f"^{cid}/"}}, {"uri": 1})}
    assert uris == {f"ipfs://{cid}/{i}" for i in range(1, MAX_FOLDER_ENTRIES + 1)}
