"""Paths under which stored files are served: ``{cid}`` or ``{cid}/{name}``."""

from __future__ import annotations

import re

_PATH = re.compile(r"[A-Za-z0-9]{20,120}(?:/(?!\.{1,2}$)[A-Za-z0-9._-]{1,120})?")
_IPFS = "ipfs://"


def is_path(path: str) -> bool:
    """Whether `path` can name a stored file."""
    return _PATH.fullmatch(path) is not None


def find_url(uri: str | None) -> str | None:
    """The path on this server of an ``ipfs://`` URI; None for any other."""
    if uri is None or not uri.startswith(_IPFS):
        return None
    path = uri.removeprefix(_IPFS).removeprefix("ipfs/").rstrip("/")
    return f"/media/{path}" if is_path(path) else None
