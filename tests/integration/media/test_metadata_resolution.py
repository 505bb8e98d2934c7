"""From a token URI to its document: the own store, data: URIs and the web; what strangers write is never a failure."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from media_parts import DOCUMENT_LIMIT, Site, metadata

from mercato.kit.mongo import Client
from mercato.services.media import model
from mercato.services.media.model import Normalised
from mercato.services.media.usecases import ResolveMetadata, StoreDocument, StoreFile

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_a_document_of_our_own_is_read_from_the_store(
    resolve: ResolveMetadata, store_document: StoreDocument, site: Site
) -> None:
    document = metadata(description="Quiet", attributes=[{"trait_type": "Mood", "value": "calm"}])
    stored = await store_document.one(json.dumps(document))
    found = await resolve(stored.uri, 7)
    assert found.metadata == Normalised(
        name=document["name"], description="Quiet", image="ipfs://picture", traits=(("Mood", "calm", "string"),)
    )
    assert (found.uri, found.doc_id, found.failure) == (stored.uri, stored.cid, "")
    for spelling in (f" {stored.uri}\n", f"ipfs://ipfs/{stored.cid}", f"https://gateway.example/ipfs/{stored.cid}"):
        again = await resolve(spelling, 7)
        assert replace(again, uri=found.uri) == found
    assert site.asked == []


async def test_an_entry_of_a_folder_is_found_by_number_and_by_the_folder_alone(
    resolve: ResolveMetadata, store_document: StoreDocument, site: Site
) -> None:
    """ERC-721 contracts append the id; an ERC-1155 contract gives the folder for every id."""
    cid = await store_document.folder([json.dumps(metadata(name=f"Entry {i}")) for i in (1, 2, 3)], 1)
    for uri in (f"ipfs://{cid}/2", f"ipfs://{cid}/"):
        found = await resolve(uri, 2)
        assert (found.uri, found.metadata.name, found.failure) == (f"ipfs://{cid}/2", "Entry 2", "")
    assert site.asked == []


async def test_the_1155_id_is_put_into_the_uri(resolve: ResolveMetadata, site: Site) -> None:
    document = metadata()
    url = site.put(f"/{0xABC:064x}.json", document)
    found = await resolve(site.url + "/{id}.json", 0xABC)
    assert (found.uri, found.metadata.name) == (url, document["name"])


async def test_a_data_uri_carries_its_document(resolve: ResolveMetadata, mongodb: Client, site: Site) -> None:
    document = metadata()
    text = json.dumps(document)
    for uri in (
        "data:application/json;base64," + base64.b64encode(text.encode()).decode(),
        "data:application/json," + quote(text),
        "data:application/json;utf8," + text,
    ):
        found = await resolve(uri, 1)
        assert (found.metadata.name, found.failure) == (document["name"], "")
        assert found.doc_id == model.content_id(text.encode())
    assert await mongodb["metadata"]["docs"].count_documents({"_id": model.content_id(text.encode())}) == 1
    assert site.asked == []


async def test_a_web_document_is_kept_and_asked_for_again_each_time(
    resolve: ResolveMetadata, mongodb: Client, site: Site
) -> None:
    document = metadata()
    url = site.put("/7.json", document)
    first, second = await resolve(url, 7), await resolve(url, 7)
    assert first == second
    assert first.metadata.name == document["name"]
    row = await mongodb["metadata"]["docs"].find_one({"_id": first.doc_id})
    assert row is not None
    assert (row["uri"], json.loads(row["json"]), row["source"]) == (url, document, "resolved")
    assert site.asked == ["/7.json", "/7.json"]


async def test_foreign_ipfs_content_comes_through_the_gateway_once(resolve: ResolveMetadata, site: Site) -> None:
    document = metadata()
    cid = model.content_id(json.dumps(document).encode())
    site.put(f"/ipfs/{cid}/7.json", document)
    first, second = (
        await resolve(f"ipfs://{cid}/7.json", 7),
        await resolve(f"https://other.example/ipfs/{cid}/7.json", 7),
    )
    assert (first.metadata.name, first.doc_id) == (document["name"], f"{cid}/7.json")
    assert (second.metadata, second.doc_id) == (first.metadata, first.doc_id)
    assert site.asked == [f"/ipfs/{cid}/7.json"]


async def test_a_stored_file_that_is_no_document_says_so(
    resolve: ResolveMetadata, store_file: StoreFile, site: Site
) -> None:
    asset = await store_file(_PNG, "user", "dot.png")
    assert (await resolve(asset.uri, 1)).failure == "METADATA_NOT_JSON"
    assert site.asked == []


@pytest.mark.parametrize(
    ("page", "failure"),
    [
        (404, "FETCH_REFUSED"),
        (401, "FETCH_REFUSED"),
        (429, "FETCH_FAILED"),
        (503, "FETCH_FAILED"),
        (b"<html>", "METADATA_NOT_JSON"),
        (b"[]", "METADATA_NOT_OBJECT"),
        (b"{" * 5000, "METADATA_NOT_JSON"),
        (b" " * (DOCUMENT_LIMIT + 1), "METADATA_TOO_LARGE"),
    ],
)
async def test_what_a_source_answers_instead_is_told_by_its_reason(
    resolve: ResolveMetadata, site: Site, page: bytes | int, failure: str
) -> None:
    site.pages["/x.json"] = page
    found = await resolve(site.url + "/x.json", 1)
    assert (found.metadata, found.doc_id, found.failure) == (Normalised(), "", failure)


@pytest.mark.parametrize(
    ("uri", "failure"),
    [
        ("", "NO_URI"),
        ("   ", "NO_URI"),
        ("just words", "URI_SCHEME_REFUSED"),
        ("ar://abc", "URI_SCHEME_REFUSED"),
        ("file:///etc/passwd", "URI_SCHEME_REFUSED"),
        ("ipfs://", "URI_SCHEME_REFUSED"),
        ("ipfs://cid/../../api/v0/config", "URI_SCHEME_REFUSED"),
        ("ipfs://" + "x" * 5000, "URI_SCHEME_REFUSED"),
        ("http://[", "URI_MALFORMED"),
        ("https://[/ipfs/x", "URI_MALFORMED"),
        ("http://1.1.1.1:99999/", "URI_MALFORMED"),
        ("http://" + "a" * 70 + ".example/", "URI_MALFORMED"),
        ("http://a..example/", "URI_MALFORMED"),
        ("http://2130706433/", "URI_MALFORMED"),
        ("http://10.0.0.1/", "URI_ADDRESS_REFUSED"),
        ("http://[::1]/", "URI_ADDRESS_REFUSED"),
        ("data:application/json", "DATA_URI_MALFORMED"),
        ("data:;base64,a", "DATA_URI_MALFORMED"),
        ("data:," + "x" * (2 * DOCUMENT_LIMIT + 1), "METADATA_TOO_LARGE"),
        ("data:,nul%00", "METADATA_NOT_JSON"),
    ],
)
async def test_whatever_a_contract_names_as_its_uri_is_never_a_failure_of_ours(
    resolve: ResolveMetadata, site: Site, uri: str, failure: str
) -> None:
    found = await resolve(uri, 1)
    assert (found.metadata, found.doc_id, found.failure) == (Normalised(), "", failure)
    assert site.asked == []


@pytest.mark.parametrize(
    ("to", "failure"),
    [
        ("http://[::1", "URI_MALFORMED"),
        ("//[", "URI_MALFORMED"),
        ("http://a:b:c/", "URI_MALFORMED"),
        ("http://" + "a" * 70 + ".example/", "URI_MALFORMED"),
        ("http://10.0.0.1/", "URI_ADDRESS_REFUSED"),
        ("file:///etc/passwd", "URI_SCHEME_REFUSED"),
    ],
)
async def test_a_redirect_to_nowhere_is_told_by_its_reason(
    resolve: ResolveMetadata, site: Site, to: str, failure: str
) -> None:
    found = await resolve(f"{site.url}/start?to={quote(to)}", 1)
    assert found.failure == failure
    assert site.asked == ["/start"]


async def test_odd_ipfs_paths_reach_nothing_but_the_gateway(resolve: ResolveMetadata, site: Site) -> None:
    for path in ("a//b", "nul%00", "ü", "a b", "\0"):
        assert (await resolve(f"ipfs://{path}", 1)).failure in {"FETCH_REFUSED", "URI_MALFORMED", "FETCH_FAILED"}, path
    assert all(path.startswith("/ipfs/") for path in site.asked)


async def test_a_silent_source_is_retried_later_not_held_against_the_token(
    resolve: ResolveMetadata, site: Site
) -> None:
    site.pages["/later.json"] = 503
    assert (await resolve(site.url + "/later.json", 1)).failure == "FETCH_FAILED"
    document = metadata()
    url = site.put("/later.json", document)
    assert (await resolve(url, 1)).metadata.name == document["name"]
