"""Nonces: made once, bound to an address, a chain, a domain and a purpose, used once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from mercato.kit.errors import Unauthenticated
from mercato.kit.ids import Address, ChainId, UserId
from mercato.services.auth.model.siwe import SiweMessage


@dataclass(frozen=True)
class Nonce:
    """A nonce as it was issued; `used_at` is set by the one request that consumed it.

    `domain` is the one whose page asked for it and shows the message. `link_user` is the user who wants to link the
    address; None when it is to sign in.
    """

    value: str
    address: Address
    chain: ChainId
    domain: str
    expires_at: datetime
    used_at: datetime | None = None
    link_user: UserId | None = None


def new_nonce() -> str:
    """128 random bits in 32 characters of EIP-4361's alphabet."""
    return secrets.token_hex(16)


def check_nonce(message: SiweMessage, nonce: Nonce | None, now: datetime, link_user: UserId | None = None) -> None:
    """Raises `Unauthenticated` NONCE_UNKNOWN, SIWE_ADDRESS_MISMATCH, SIWE_CHAIN_MISMATCH, SIWE_DOMAIN_MISMATCH,
    NONCE_PURPOSE, NONCE_USED or NONCE_EXPIRED when this nonce cannot serve the message, be it to sign in or to link a
    wallet to `link_user`."""
    if nonce is None:
        raise Unauthenticated("NONCE_UNKNOWN", "this nonce was not issued here; ask for one")
    if nonce.address != message.address:
        raise Unauthenticated("SIWE_ADDRESS_MISMATCH", "the nonce was issued to another address; ask for one")
    if nonce.chain != message.chain:
        raise Unauthenticated("SIWE_CHAIN_MISMATCH", f"the nonce was issued for {nonce.chain.caip2}")
    if nonce.domain != message.domain:
        raise Unauthenticated("SIWE_DOMAIN_MISMATCH", f"the nonce was issued for {nonce.domain}; ask for one there")
    if nonce.link_user != link_user:
        raise Unauthenticated("NONCE_PURPOSE", "the nonce was issued for something else; ask for one for this purpose")
    if nonce.used_at is not None:
        raise Unauthenticated("NONCE_USED", "this message was used already; ask for a new nonce")
    if nonce.expires_at <= now:
        raise Unauthenticated("NONCE_EXPIRED", "the nonce has expired; ask for a new one")
