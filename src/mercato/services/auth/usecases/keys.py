"""The keys this process signs with and believes, kept in step with the other processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mercato.kit.errors import FailedPrecondition, Unauthenticated
from mercato.services.auth.model.tokens import SigningKey, jwk
from mercato.services.auth.usecases.ports import Clock, Keys

REFRESH_INTERVAL = 60.0
"""Seconds between two looks at the shared keys."""

_RELOAD_PAUSE = timedelta(seconds=2)


class KeyRing:
    """Signs with the first configured key or, in development, with the one that all processes share through the store.

    The other configured keys are published and believed: the next one before it signs, so that nobody meets a token of
    a key not heard of, and the one before, for as long as it is left there. A key is believed for as long as a token
    that it signed can live, counted from the last time a process named it.
    """

    def __init__(self, store: Keys, configured: Sequence[SigningKey], access_ttl: timedelta, clock: Clock) -> None:
        self._store = store
        self._configured = tuple(configured)
        self._memory = access_ttl + timedelta(seconds=3 * REFRESH_INTERVAL)
        self._clock = clock
        self._signing: SigningKey | None = configured[0] if configured else None
        self._public: dict[str, Ed25519PublicKey] = {}
        self._loaded_at: datetime | None = None

    async def load(self) -> None:
        """Says which key signs here and learns which others do; called at start and every `REFRESH_INTERVAL`."""
        now = self._clock()
        for key in self._configured:
            await self._store.touch(key, now)
        if not self._configured:
            self._signing = await self._store.shared(SigningKey.generate, now)
        await self._learn(now)

    async def rotate(self) -> str:
        """Retires the shared key for a new one, which other processes sign with after `REFRESH_INTERVAL` at the latest;
        returns its `kid`. Tokens of the old one stay good to their end.

        Raises `FailedPrecondition` KEY_CONFIGURED where the keys come from the settings.
        """
        if self._configured:
            raise FailedPrecondition(
                "KEY_CONFIGURED", "put the new key before the old one in MERCATO_JWT_PRIVATE_KEY and restart auth"
            )
        await self._store.retire(self._clock())
        await self.load()
        return self.signing.kid

    @property
    def signing(self) -> SigningKey:
        assert self._signing is not None, "load() comes first"
        return self._signing

    async def public(self, kid: str) -> Ed25519PublicKey:
        """The key a token names. An unknown one is looked up again, at most every 2 s, so that made-up names cost
        nothing. Raises `Unauthenticated` TOKEN_INVALID."""
        now = self._clock()
        if kid not in self._public and (self._loaded_at is None or now - self._loaded_at > _RELOAD_PAUSE):
            await self._learn(now)
        key = self._public.get(kid)
        if key is None:
            raise Unauthenticated("TOKEN_INVALID", "the token was signed by no key of ours; sign in")
        return key

    def jwks(self) -> str:
        """All keys that are believed, as JWK set text (RFC 7517)."""
        return orjson.dumps(
            {"keys": [jwk(kid, key.public_bytes_raw()) for kid, key in sorted(self._public.items())]}
        ).decode()

    async def _learn(self, now: datetime) -> None:
        self._loaded_at = now
        found = await self._store.public_keys(now - self._memory)
        self._public = {kid: Ed25519PublicKey.from_public_bytes(raw) for kid, raw in found.items()}
