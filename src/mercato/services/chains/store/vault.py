"""Headers of endpoints as they lie in PostgreSQL and Redis: sealed (AES-256-GCM) when the operator gave a key."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from typing import Self

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mercato.kit.errors import FailedPrecondition

_SEALED = ""  # no header has this name
_KEY = 32
_NONCE = 12


class Vault:
    """Seals with its first key and opens with any of them; without a key, headers are stored as they are."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Keys of 32 bytes as base64, with commas. Raises `FailedPrecondition` CHAIN_SECRETS_KEY_INVALID."""
        try:
            keys = tuple(base64.b64decode(part.strip(), validate=True) for part in text.split(",") if part.strip())
        except binascii.Error:
            keys = (b"",)
        if any(len(key) != _KEY for key in keys):
            raise FailedPrecondition(
                "CHAIN_SECRETS_KEY_INVALID", "MERCATO_CHAIN_SECRETS_KEY is 32 bytes as base64: openssl rand -base64 32"
            )
        return cls(keys)

    def seal(self, headers: Mapping[str, str], place: str) -> dict[str, str]:
        """What is stored. Sealed headers open at `place` only."""
        if not self._ciphers or not headers:
            return dict(headers)
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[0].encrypt(nonce, orjson.dumps(dict(headers)), place.encode())
        return {_SEALED: base64.b64encode(nonce + sealed).decode()}

    def open(self, stored: Mapping[str, str], place: str) -> dict[str, str]:
        """The headers again; those stored before there was a key, too. Raises `FailedPrecondition`
        CHAIN_SECRETS_KEY_WRONG."""
        if _SEALED not in stored:
            return dict(stored)
        raw = base64.b64decode(stored[_SEALED])
        for cipher in self._ciphers:
            try:
                headers: dict[str, str] = orjson.loads(cipher.decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()))
                return headers
            except InvalidTag:
                continue
        raise FailedPrecondition(
            "CHAIN_SECRETS_KEY_WRONG",
            "no key of MERCATO_CHAIN_SECRETS_KEY opens the stored headers; give the earlier key",
        )
