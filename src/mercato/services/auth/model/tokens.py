"""The two tokens of a session: a short signed access token (RFC 7519, EdDSA) and an opaque rotating refresh token."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mercato.kit.errors import InvalidArgument, Unauthenticated
from mercato.kit.ids import Address, ChainId, SessionId, UserId

ALGORITHM = "EdDSA"
ADMIN = "admin"

_END_OF_KEY = b"-----END PRIVATE KEY-----"
_CLAIMS = ["iss", "sub", "sid", "addr", "chain", "roles", "iat", "exp"]


@dataclass(frozen=True)
class Principal:
    """Who an access token speaks for, and until when."""

    user_id: UserId
    session_id: SessionId
    address: Address
    chain: ChainId
    roles: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key pair; `kid` is its RFC 7638 thumbprint, so one key has one id everywhere."""

    private: Ed25519PrivateKey = field(repr=False)
    kid: str

    @classmethod
    def generate(cls) -> SigningKey:
        return cls._of(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """From PKCS #8 PEM. Raises `InvalidArgument` SIGNING_KEY_INVALID."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidArgument(
                "SIGNING_KEY_INVALID", "MERCATO_JWT_PRIVATE_KEY must be an Ed25519 key in PKCS #8 PEM"
            )
        return cls._of(key)

    @classmethod
    def all_from_pem(cls, pem: bytes) -> list[SigningKey]:
        """From any number of PEM blocks one after another, in their order. Raises `InvalidArgument`
        SIGNING_KEY_INVALID."""
        *blocks, rest = pem.split(_END_OF_KEY)
        if rest.strip():
            blocks.append(rest)
        return [cls.from_pem(block + _END_OF_KEY) for block in blocks]

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> SigningKey:
        return cls(private, thumbprint(private.public_key().public_bytes_raw()))

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self.private.public_key().public_bytes_raw()


def thumbprint(public: bytes) -> str:
    """RFC 7638 thumbprint of an Ed25519 public key (RFC 8037 §2)."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64url(public)}"}}'
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def jwk(kid: str, public: bytes) -> dict[str, str]:
    """One member of a JWK set (RFC 7517, RFC 8037)."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": _base64url(public)}


def sign_access_token(key: SigningKey, issuer: str, principal: Principal, now: datetime) -> str:
    """A JWT for `principal` until its `expires_at`."""
    claims = {
        "iss": issuer,
        "sub": str(principal.user_id),
        "sid": str(principal.session_id),
        "addr": principal.address.checksum,
        "chain": principal.chain.caip2,
        "roles": list(principal.roles),
        "iat": int(now.timestamp()),
        "exp": int(principal.expires_at.timestamp()),
    }
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})


def key_id(token: str) -> str:
    """The `kid` a token names, before anything of it is believed. Raises `Unauthenticated` TOKEN_INVALID."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.InvalidTokenError, ValueError):
        kid = None
    if not isinstance(kid, str):
        raise Unauthenticated("TOKEN_INVALID", "this is no access token; sign in")
    return kid


def read_access_token(token: str, key: Ed25519PublicKey, issuer: str, now: datetime) -> Principal:
    """Verifies and reads a token; the algorithm is ours, whatever the token's header says.

    Raises `Unauthenticated` TOKEN_INVALID or TOKEN_EXPIRED.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        principal = _principal(claims)
    except (jwt.InvalidTokenError, InvalidArgument, ValueError, TypeError, AttributeError, OverflowError):
        raise Unauthenticated("TOKEN_INVALID", "this is no access token; sign in") from None
    if principal.expires_at <= now:
        raise Unauthenticated("TOKEN_EXPIRED", "the access token has expired; refresh it")
    return principal


def _principal(claims: Mapping[str, Any]) -> Principal:
    return Principal(
        user_id=UserId(UUID(claims["sub"])),
        session_id=SessionId(UUID(claims["sid"])),
        address=Address.parse(claims["addr"]),
        chain=ChainId.parse(claims["chain"]),
        roles=tuple(str(role) for role in claims["roles"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def new_refresh_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def refresh_token_hash(token: str) -> bytes:
    """What is kept of a refresh token: SHA-256, enough for a secret that is random throughout."""
    return hashlib.sha256(token.encode()).digest()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
