"""Loops of the auth service: keys in step, the blacklist restored, what has expired forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from mercato.services.auth.store.nonces import NonceStore
from mercato.services.auth.store.sessions import SessionStore
from mercato.services.auth.usecases.keys import REFRESH_INTERVAL, KeyRing
from mercato.services.auth.usecases.ports import Clock

_BLACKLIST_INTERVAL = 5.0
_PURGE_INTERVAL = 600.0

# Kept for a while, so that a late replay is told "expired" or "closed" and not "unknown".
_NONCE_MEMORY = timedelta(days=1)
_SESSION_MEMORY = timedelta(days=7)


async def keep_keys(keys: KeyRing) -> None:
    """Says every minute which key signs here and learns the others'."""
    while True:
        await asyncio.sleep(REFRESH_INTERVAL)
        await keys.load()


async def keep_blacklist(sessions: SessionStore, clock: Clock) -> None:
    """Every 5 s puts back what Redis may have missed or lost of lately revoked sessions."""
    while True:
        await sessions.restore_blacklist(clock())
        await asyncio.sleep(_BLACKLIST_INTERVAL)


async def purge(nonces: NonceStore, sessions: SessionStore, clock: Clock) -> None:
    """Every 10 minutes forgets nonces a day and sessions a week after they expired; the log of sign-ins stays."""
    while True:
        await nonces.purge(clock() - _NONCE_MEMORY)
        await sessions.purge(clock() - _SESSION_MEMORY)
        await asyncio.sleep(_PURGE_INTERVAL)
