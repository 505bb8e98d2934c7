"""What media is: content ids, file types told by their bytes, metadata documents and token URIs. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import orjson

from mercato.kit.errors import InvalidArgument, TooLarge

RAW_CODEC = 0x55
DAG_PB_CODEC = 0x70
MAX_FOLDER_ENTRIES = 1000
_TEXT_LIMIT = 10_000
_MAX_TRAITS = 200
_TRAIT_LIMIT = 500

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1aE\xdf\xa3", 0, "video/webm"),
    (b"ID3", 0, "audio/mpeg"),
    (b"\xff\xfb", 0, "audio/mpeg"),
    (b"glTF", 0, "model/gltf-binary"),
)
_SVG = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]", re.DOTALL)
_HEX_ID = re.compile(r"\{id\}")
_OWN_PATH = re.compile(r"b[a-z2-7]{58}(/[0-9]{1,78})?")
_IPFS_FOLDER = re.compile(r"ipfs://.*[^/]/", re.DOTALL)
_PATH_LIMIT = 1000


@dataclass(frozen=True)
class Asset:
    """A stored file. `width` and `height` are pixels, 0 when it is not a raster image."""

    cid: str
    content_type: str
    size: int
    width: int
    height: int
    created_at: datetime

    @property
    def uri(self) -> str:
        return f"ipfs://{self.cid}"


@dataclass(frozen=True)
class Document:
    """A stored metadata document; `json` is its exact text."""

    cid: str
    uri: str
    json: str
    created_at: datetime


@dataclass(frozen=True)
class Normalised:
    """The fields of the ERC-721/1155 metadata JSON that a marketplace shows, cut to sane lengths."""

    name: str = ""
    description: str = ""
    image: str = ""
    animation_url: str = ""
    external_url: str = ""
    traits: Sequence[tuple[str, str, str]] = field(default=())
    """(name, value, kind), in the document's order."""


# --- content ids ----------------------------------------------------------------------------------


def _cid(codec: int, block: bytes) -> tuple[str, bytes]:
    raw = bytes((1, codec, 0x12, 32)) + hashlib.sha256(block).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("="), raw


def content_id(data: bytes) -> str:
    """CIDv1 (raw codec, sha2-256, base32) of a file as one block: what ``ipfs add --cid-version 1 --raw-leaves`` gives
    for files up to its chunk size of 256 KiB."""
    return _cid(RAW_CODEC, data)[0]


def folder_content_id(entries: Mapping[str, bytes]) -> str:
    """CIDv1 of a UnixFS directory (dag-pb) whose files are single raw blocks. `entries` maps name to content."""
    node = b""
    for name in sorted(entries, key=lambda n: n.encode()):
        data = entries[name]
        link = _field(1, _cid(RAW_CODEC, data)[1]) + _field(2, name.encode()) + b"\x18" + _varint(len(data))
        node += _field(2, link)
    return _cid(DAG_PB_CODEC, node + _field(1, b"\x08\x01"))[0]


def is_own_path(path: str) -> bool:
    """Whether it has the form of what is stored here: a content id, or an entry of a folder by its token id."""
    return _OWN_PATH.fullmatch(path) is not None


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# --- files ----------------------------------------------------------------------------------------


def sniff(data: bytes) -> str:
    """The media type told by the bytes alone. Raises `InvalidArgument` UNSUPPORTED_MEDIA_TYPE."""
    for magic, offset, kind in _SIGNATURES:
        if data[offset : offset + len(magic)] == magic:
            return kind
    if _SVG.match(data[:4096]):
        return "image/svg+xml"
    raise InvalidArgument(
        "UNSUPPORTED_MEDIA_TYPE", "send PNG, JPEG, GIF, WebP, AVIF, SVG, MP4, WebM, MP3 or binary glTF"
    )


# --- metadata documents ---------------------------------------------------------------------------


def parse_document(text: str | bytes, limit: int) -> dict[str, Any]:
    """A metadata object from JSON. Raises `TooLarge` METADATA_TOO_LARGE or `InvalidArgument` METADATA_NOT_JSON,
    METADATA_NOT_OBJECT."""
    if len(text) > limit:
        raise TooLarge("METADATA_TOO_LARGE", f"a metadata document may have {limit} bytes", limit=str(limit))
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument("METADATA_NOT_JSON", f"the document is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidArgument("METADATA_NOT_OBJECT", "a metadata document is a JSON object with at least a name")
    return document


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are stored: keys sorted, no white space, so equal documents have one content id.

    Raises `InvalidArgument` METADATA_INVALID for a document nested deeper than can be written again.
    """
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise InvalidArgument("METADATA_INVALID", "the document is nested too deeply; 250 levels are taken") from None


def check_new_document(document: Mapping[str, Any]) -> None:
    """What we require of documents made here. Raises `InvalidArgument` METADATA_INVALID naming the field."""
    name = document.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise InvalidArgument("METADATA_INVALID", "name must be a text of 1 to 200 characters", field="name")
    for key in ("description", "image", "animation_url", "external_url"):
        if key in document and not isinstance(document[key], str):
            raise InvalidArgument("METADATA_INVALID", f"{key} must be a text", field=key)
    attributes = document.get("attributes", [])
    if not isinstance(attributes, list) or len(attributes) > _MAX_TRAITS or not all(map(_is_trait, attributes)):
        raise InvalidArgument(
            "METADATA_INVALID", f"attributes must be at most {_MAX_TRAITS} objects with trait_type and value",
            field="attributes",
        )  # fmt: skip


def _is_trait(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("trait_type"), str) and "value" in item


def normalise(document: Mapping[str, Any]) -> Normalised:
    """Takes what is usable from any document found in the wild; wrong types are passed over, never an error."""
    return Normalised(
        name=_text(document.get("name")),
        description=_text(document.get("description")),
        image=_text(document.get("image") or document.get("image_url") or document.get("image_data")),
        animation_url=_text(document.get("animation_url")),
        external_url=_text(document.get("external_url")),
        traits=_traits(document.get("attributes", document.get("traits"))),
    )


def _text(value: object) -> str:
    # NUL cannot be stored by PostgreSQL, and lone surrogates cannot be encoded at all.
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:_TEXT_LIMIT]


def _traits(value: object) -> tuple[tuple[str, str, str], ...]:
    if isinstance(value, dict):
        value = [{"trait_type": k, "value": v} for k, v in value.items()]
    if not isinstance(value, list):
        return ()
    found: dict[tuple[str, str, str], None] = {}
    for item in value[:_MAX_TRAITS]:
        if not isinstance(item, dict) or isinstance(item.get("value"), dict | list | None):
            continue
        raw = item["value"]
        shown = str(raw).lower() if isinstance(raw, bool) else _text(raw)
        name = _text(item.get("trait_type") or item.get("name") or "").strip()[:_TRAIT_LIMIT]
        kind = _text(item.get("display_type")) or ("number" if type(raw) in (int, float) else "string")
        found[(name, shown[:_TRAIT_LIMIT], kind[:50])] = None
    return tuple(found)


# --- token URIs -----------------------------------------------------------------------------------


def substitute_id(uri: str, token_id: int) -> str:
    """ERC-1155: ``{id}`` stands for the id as 64 lower-case hex digits, zero padded, without 0x.

    An ipfs:// folder (it ends in "/") stands for its entry with the decimal id: a contract of that standard gives the
    same URI for all ids, and a folder is no document.
    """
    named = _HEX_ID.sub(f"{token_id:064x}", uri)
    return f"{named}{token_id}" if _IPFS_FOLDER.fullmatch(named) else named


def ipfs_path(uri: str) -> str | None:
    """``{cid}`` or ``{cid}/{name…}`` of an ipfs:// URI or of a gateway URL's ``/ipfs/`` path; None for others, and for
    paths that climb or are longer than 1,000 characters."""
    if uri.startswith("ipfs://"):
        return _checked_path(uri.removeprefix("ipfs://").removeprefix("ipfs/").split("?")[0])
    if not uri.startswith(("http://", "https://")):  # urlsplit remembers what it is given, data: URIs too
        return None
    try:
        path = urlsplit(uri).path
    except ValueError:
        return None  # no URL at all; whoever reads it says so
    return _checked_path(path.removeprefix("/ipfs/")) if path.startswith("/ipfs/") else None


def _checked_path(path: str) -> str | None:
    path = path.strip("/")
    return path if 0 < len(path) <= _PATH_LIMIT and not {".", ".."} & set(path.split("/")) else None


def decode_data_uri(uri: str, limit: int) -> bytes:
    """The content of a data: URI (RFC 2397): base64, percent-encoded, or plain text as contracts write it.

    Raises `InvalidArgument` DATA_URI_MALFORMED, `TooLarge` METADATA_TOO_LARGE.
    """
    head, comma, payload = uri.removeprefix("data:").partition(",")
    if not comma:
        raise InvalidArgument("DATA_URI_MALFORMED", "a data: URI has a comma before its content")
    if len(payload) > limit * 2:
        raise TooLarge("METADATA_TOO_LARGE", f"a metadata document may have {limit} bytes", limit=str(limit))
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(payload)
    try:
        compact = "".join(unquote_to_bytes(payload).decode("ascii").split())
        return base64.b64decode(
            compact + "=" * (-len(compact) % 4), altchars=b"-_" if set("-_") & set(compact) else None
        )
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidArgument("DATA_URI_MALFORMED", f"not base64: {error}") from None
