"""Stored files and metadata documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Asset(msgspec.Struct, frozen=True):
    cid: str
    uri: str
    content_type: str
    size: int
    width: int | None
    height: int | None
    created_at: datetime | None


class MetadataDocument(msgspec.Struct, frozen=True):
    uri: str
    json: Any
    created_at: datetime | None


class MetadataFolder(msgspec.Struct, frozen=True):
    cid: str
    uri: str
