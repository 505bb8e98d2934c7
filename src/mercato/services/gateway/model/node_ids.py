"""Global ids of the API (Relay): a type and its key as URL-safe base64, opaque to callers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from mercato.kit.errors import InvalidArgument, MercatoError
from mercato.kit.ids import Address, ChainId, parse_uint256
from mercato.services.gateway.model.keys import CollectionKey, TokenKey

_LONGEST = 300


class NodeId(NamedTuple):
    """A parsed global id: `kind` is the GraphQL type, `key` what finds the object."""

    kind: str
    key: ChainId | CollectionKey | TokenKey | UUID


def chain(chain_id: ChainId) -> str:
    return _encode("Chain", chain_id.caip2)


def collection(key: CollectionKey) -> str:
    return _encode("Collection", f"{key.chain_id.caip2}/{key.contract.text}")


def token(key: TokenKey) -> str:
    return _encode("Token", f"{key.chain_id.caip2}/{key.contract.text}/{key.token_id}")


def user(user_id: UUID) -> str:
    return _encode("User", str(user_id))


def intent(intent_id: UUID) -> str:
    return _encode("Intent", str(intent_id))


def local(kind: str, key: str) -> str:
    """An id for what cannot be read again by `node`: wallets, sessions, rows of lists."""
    return _encode(kind, key)


def parse(node_id: str) -> NodeId:
    """Raises `InvalidArgument` INVALID_ID for anything that `node` could not have given out."""
    kind, key = _decode(node_id)
    try:
        return NodeId(kind, _PARSERS[kind](key))
    except (KeyError, ValueError, MercatoError):
        raise _invalid() from None


def parse_session(node_id: str) -> str:
    """The key of a session's id. Raises `InvalidArgument` INVALID_ID."""
    kind, key = _decode(node_id)
    if kind != "Session" or not key:
        raise _invalid()
    return key


def parse_intent(node_id: str) -> UUID:
    """The intent behind an id; the bare UUID is accepted too. Raises `InvalidArgument` INVALID_ID."""
    if len(node_id) == 36:
        try:
            return UUID(node_id)
        except ValueError:
            raise _invalid() from None
    kind, key = parse(node_id)
    if kind != "Intent" or not isinstance(key, UUID):
        raise InvalidArgument("INVALID_ID", f"the id names a {kind}, not an Intent; use the id of a prepare mutation")
    return key


def parse_chain_endpoint(node_id: str) -> str:
    """The key of an endpoint's id. Raises `InvalidArgument` INVALID_ID."""
    kind, key = _decode(node_id)
    if kind != "ChainEndpoint" or not key:
        raise _invalid()
    return key


def parse_wallet(node_id: str) -> UUID:
    """The wallet behind an id. Raises `InvalidArgument` INVALID_ID."""
    kind, key = _decode(node_id)
    try:
        wallet_id = UUID(key)
    except ValueError:
        raise _invalid() from None
    if kind != "Wallet":
        raise InvalidArgument("INVALID_ID", f"the id names a {kind}, not a Wallet; use the id of one of your wallets")
    return wallet_id


def _encode(kind: str, key: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def _decode(node_id: str) -> tuple[str, str]:
    if len(node_id) > _LONGEST:
        raise _invalid()
    try:
        padded = node_id.encode("ascii") + b"=" * (-len(node_id) % 4)
        kind, _, key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeError, ValueError):
        raise _invalid() from None
    return kind, key


def _invalid() -> InvalidArgument:
    return InvalidArgument("INVALID_ID", "use an id exactly as an earlier answer gave it")


def _collection_key(key: str) -> CollectionKey:
    chain_id, contract = key.split("/")
    return CollectionKey(ChainId.parse(chain_id), Address.parse(contract))


def _token_key(key: str) -> TokenKey:
    chain_id, contract, token_id = key.split("/")
    return TokenKey(ChainId.parse(chain_id), Address.parse(contract), parse_uint256(token_id))


_PARSERS: dict[str, Callable[[str], ChainId | CollectionKey | TokenKey | UUID]] = {
    "Chain": ChainId.parse,
    "Collection": _collection_key,
    "Token": _token_key,
    "User": UUID,
    "Intent": UUID,
}
