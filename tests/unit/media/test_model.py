"""Content ids, sniffing, documents and token URIs."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument, TooLarge
from mercato.services.media import model


def test_content_id_is_what_ipfs_gives_for_a_raw_leaf() -> None:
    # The well-known CIDv1 of "hello world" as a raw block.
    assert model.content_id(b"hello world") == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def test_an_empty_folder_has_the_well_known_content_id() -> None:
    assert model.folder_content_id({}) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def test_folder_content_id_depends_on_names_and_bytes_but_not_on_order() -> None:
    one = model.folder_content_id({"1": b"a", "2": b"b"})
    assert model.folder_content_id({"2": b"b", "1": b"a"}) == one
    assert len({one, model.folder_content_id({"1": b"b", "2": b"a"}), model.folder_content_id({"1": b"a"})}) == 3


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x20ftypavif", "image/avif"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"glTF\x02\x00", "model/gltf-binary"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml"),
        (b"<!-- hi --><svg>", "image/svg+xml"),
    ],
)
def test_the_type_is_told_by_the_bytes(data: bytes, kind: str) -> None:
    assert model.sniff(data) == kind


@pytest.mark.parametrize("data", [b"<html><svg></svg></html>", b"MZ\x90", b"{}", b"#!/bin/sh", b" "])
def test_other_content_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        model.sniff(data)
    assert caught.value.reason == "UNSUPPORTED_MEDIA_TYPE"


def test_equal_documents_have_equal_bytes() -> None:
    left = model.parse_document('{"name": "a", "image": "b"}', 100)
    right = model.parse_document('{"image":"b","name":"a"}', 100)
    assert model.canonical(left) == model.canonical(right)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[1]", "METADATA_NOT_OBJECT"), ("nope", "METADATA_NOT_JSON"), ("\ud800", "METADATA_NOT_JSON")],
)
def test_a_document_must_be_a_json_object(text: str, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        model.parse_document(text.encode("utf-8", "surrogatepass"), 100)
    assert caught.value.reason == reason


def test_a_document_over_the_limit_is_refused_before_parsing() -> None:
    with pytest.raises(TooLarge) as caught:
        model.parse_document("x" * 101, 100)
    assert (caught.value.reason, caught.value.details) == ("METADATA_TOO_LARGE", {"limit": "100"})


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a", "image": 1}, "image"),
        ({"name": "a", "attributes": {}}, "attributes"),
        ({"name": "a", "attributes": [{"value": 1}]}, "attributes"),
        ({"name": "a", "attributes": [{"trait_type": "t", "value": 1}] * 201}, "attributes"),
    ],
)
def test_a_new_document_says_which_field_is_wrong(document: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        model.check_new_document(document)
    assert (caught.value.reason, caught.value.details["field"]) == ("METADATA_INVALID", field)


def test_normalise_keeps_what_is_usable_and_passes_over_the_rest() -> None:
    found = model.normalise(
        {
            "name": "A\0B", "description": ["no"], "image_url": "ipfs://x", "attributes": [
                {"trait_type": "Hat", "value": "red"}, {"trait_type": "Age", "value": 3, "display_type": "date"},
                {"trait_type": "Hat", "value": "red"}, {"value": True}, {"trait_type": "bad", "value": {}}, 7,
            ],
        }
    )  # fmt: skip
    assert (found.name, found.description, found.image) == ("AB", "", "ipfs://x")
    assert found.traits == (("Hat", "red", "string"), ("Age", "3", "date"), ("", "true", "string"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["name", "image", "attributes", "traits", "description"]), json_values))
def test_normalise_takes_any_document(document: dict[str, object]) -> None:
    found = model.normalise(document)
    assert "\0" not in found.name
    assert all(len(v) <= 500 for _, v, _ in found.traits)


def test_the_1155_id_is_64_lower_case_hex_digits() -> None:
    assert model.substitute_id("ipfs://x/{id}.json", 0xABC) == f"ipfs://x/{'0' * 61}abc.json"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("ipfs://bafy/1", "bafy/1"),
        ("ipfs://ipfs/bafy", "bafy"),
        ("https://gateway.example/ipfs/bafy/2.json", "bafy/2.json"),
        ("https://example.org/1.json", None),
        ("ipfs://", None),
        ("ar://x", None),
    ],
)
def test_ipfs_paths(uri: str, path: str | None) -> None:
    assert model.ipfs_path(uri) == path


@pytest.mark.parametrize(
    "uri",
    [
        "data:application/json;base64," + base64.b64encode(b'{"name":"a?>"}').decode(),
        "data:application/json;base64," + base64.urlsafe_b64encode(b'{"name":"a?>"}').decode().rstrip("="),
        "data:application/json,%7B%22name%22%3A%22a%3F%3E%22%7D",
        'data:application/json;utf8,{"name":"a?>"}',
    ],
)
def test_data_uris_in_every_encoding(uri: str) -> None:
    assert model.decode_data_uri(uri, 100) == b'{"name":"a?>"}'


@pytest.mark.parametrize("uri", ["data:application/json", "data:;base64,*not*base64*", "data:;base64,a"])
def test_a_malformed_data_uri_is_refused(uri: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        model.decode_data_uri(uri, 100)
    assert caught.value.reason == "DATA_URI_MALFORMED"
