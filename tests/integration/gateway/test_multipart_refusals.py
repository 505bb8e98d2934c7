"""Multipart bodies that no client library writes: each is a client's error, and no file of theirs goes anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_parts import Answer, Gateway
from gateway_site import another_gateway

UPLOAD = "mutation ($file: Upload!) { uploadMedia(file: $file) { asset { cid } } }"
PNG = b"\x89PNG\r\n\x1a\n"
OPERATIONS = json.dumps({"query": UPLOAD, "variables": {"file": None}}).encode()
PLACES = b'{"0": ["variables.file"]}'


def part(name: bytes, body: bytes, more: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + body + b"\r\n"


def multipart(
    operations: bytes = OPERATIONS, places: bytes = PLACES, file: bytes = part(b"0", PNG, b'; filename="a.png"')
) -> bytes:
    return part(b"operations", operations) + part(b"map", places) + file + b"--x--\r\n"


async def send(gateway: Gateway, body: bytes, charset: str = "", token: str | None = "token-alice") -> Answer:
    kind = "multipart/form-data; boundary=x" + (f"; charset={charset}" if charset else "")
    headers = {"Content-Type": kind, "graphql-require-preflight": "1"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with gateway.session.post(f"{gateway.url}/graphql", data=body, headers=headers) as response:
        return Answer(response.status, response.headers, json.loads(await response.read()))


def operations(**variables: Any) -> bytes:
    return json.dumps({"query": "{ __typename }", "variables": variables}).encode()


CASES: dict[str, tuple[bytes, str]] = {
    "an index of 5000 digits": (
        multipart(operations(files=[None]), b'{"0": ["variables.files.%s"]}' % (b"1" * 5000)), "MULTIPART_INVALID",
    ),
    "an index below zero": (
        multipart(operations(files=[None]), b'{"0": ["variables.files.-1"]}'), "MULTIPART_INVALID",
    ),
    "an index in digits of another script": (
        multipart(operations(files=[None]), '{"0": ["variables.files.٠"]}'.encode()), "MULTIPART_INVALID",
    ),
    "a path into a number": (multipart(operations(file=7), b'{"0": ["variables.file.0"]}'), "MULTIPART_INVALID"),
    "a path into a file": (
        multipart(OPERATIONS, b'{"0": ["variables.file", "variables.file.name"]}'), "MULTIPART_INVALID",
    ),
    "a path outside of the variables": (multipart(OPERATIONS, b'{"0": ["query"]}'), "MULTIPART_INVALID"),
    "a place that is not null": (multipart(operations(file="x")), "MULTIPART_INVALID"),
    "map is a list": (multipart(places=b"[]"), "MULTIPART_INVALID"),
    "map 300 deep": (multipart(places=b'{"0": %s}' % (b"[" * 300 + b"]" * 300)), "INVALID_JSON"),
    "paths are numbers": (multipart(places=b'{"0": [0]}'), "MULTIPART_INVALID"),
    "operations are a batch": (multipart(b"[]"), "MULTIPART_INVALID"),
    "operations as a file": (
        part(b"operations", OPERATIONS, b'; filename="o"') + multipart()[len(part(b"operations", OPERATIONS)) :],
        "MULTIPART_INVALID",
    ),
    "NUL in operations": (multipart(operations(file="\0")), "INVALID_TEXT"),
    "NUL in a file's name": (multipart(file=part(b"0", PNG, b'; filename="a\0b"')), "MULTIPART_INVALID"),
    "NUL in a file's type": (
        multipart(file=part(b"0", PNG, b'; filename="a"\r\nContent-Type: image/\0png')), "MULTIPART_INVALID",
    ),
    "a part without a name": (multipart(file=part(b"0", PNG).replace(b'; name="0"', b"")), "MULTIPART_INVALID"),
    "cut off": (multipart()[:-40], "MULTIPART_INVALID"),
    "no end": (multipart().removesuffix(b"--x--\r\n"), "MULTIPART_INVALID"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_wrong_multipart_body_is_a_clients_error_and_nothing_is_stored(gateway: Gateway, name: str) -> None:
    body, reason = CASES[name]
    answer = await send(gateway, body)
    assert (answer.status, answer.reason) == (400, reason), answer.body
    assert gateway.world.uploads == []


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "unicode_escape", "utf-16", "rot13", "nothing"])
async def test_text_in_another_encoding_is_refused(gateway: Gateway, charset: str) -> None:
    named = multipart(file=part(b"0", PNG, b'; filename="\\ud800.png"'))
    answer = await send(gateway, named, charset)
    assert (answer.status, answer.reason) == (415, "CONTENT_TYPE_UNSUPPORTED"), answer.body
    assert gateway.world.uploads == []


@pytest.mark.parametrize("charset", ["", "utf-8", '"UTF-8"'])
async def test_utf_8_need_not_be_named(gateway: Gateway, charset: str) -> None:
    named = multipart(file=part(b"0", PNG, '; filename="größe.png"'.encode()))
    assert (await send(gateway, named, charset)).status == 200
    assert [upload[0] for upload in gateway.world.uploads] == ["größe.png"]


async def test_a_file_that_a_query_has_no_use_for_changes_nothing_of_its_answer(gateway: Gateway) -> None:
    """Also where answers are kept by what was asked: a file is not part of that."""
    body = multipart(json.dumps({"query": "{ chains { name } }", "variables": {"file": None}}).encode())
    async with another_gateway(gateway, read_cache=True) as keeping:
        for _ in range(2):
            answer = await send(keeping, body, token=None)
            assert (answer.status, answer.data["chains"][0]) == (200, {"name": "Local"})
