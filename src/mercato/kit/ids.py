"""Identity and unit types of the whole system, and the only conversions between their written forms."""

from __future__ import annotations

import re
from typing import NewType
from uuid import UUID

import sha3
import uuid_utils.compat

from mercato.kit.errors import InvalidArgument

TokenId = NewType("TokenId", int)
"""A uint256 token id. ``NUMERIC(78,0)`` in tables, decimal string at the edges."""

Wei = NewType("Wei", int)
"""An amount in the smallest unit of a currency. Never a float."""

UserId = NewType("UserId", UUID)
IntentId = NewType("IntentId", UUID)
SessionId = NewType("SessionId", UUID)

UINT256_MAX = 2**256 - 1
MAX_CHAIN_NUMBER = 2**53 - 1

_CAIP2 = re.compile(r"eip155:([1-9][0-9]{0,15})")
_HEX_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")


def new_id() -> UUID:
    """A time-ordered UUIDv7 (RFC 9562), so that primary keys grow at the right of their index."""
    return uuid_utils.compat.uuid7()


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (the pre-standard padding, not NIST SHA3-256)."""
    return bytes(sha3.keccak_256(data).digest())


class ChainId(int):
    """An EVM chain: the number of EIP-155, written ``eip155:1`` (CAIP-2) in the API and in events."""

    def __new__(cls, number: int) -> ChainId:
        if not 1 <= number <= MAX_CHAIN_NUMBER:
            raise InvalidArgument("INVALID_CHAIN_ID", f"chain number {number} is out of range")
        return super().__new__(cls, number)

    @classmethod
    def parse(cls, caip2: str) -> ChainId:
        """From CAIP-2 text. Raises `InvalidArgument` INVALID_CHAIN_ID with the form wanted."""
        match = _CAIP2.fullmatch(caip2)
        if match is None:
            raise InvalidArgument("INVALID_CHAIN_ID", f"{caip2[:40]!r} is not a CAIP-2 id such as 'eip155:1'")
        return cls(int(match[1]))

    @property
    def caip2(self) -> str:
        return f"eip155:{int(self)}"

    @property
    def routing(self) -> str:
        """Two words of an AMQP routing key: ``eip155.1``."""
        return f"eip155.{int(self)}"

    def __repr__(self) -> str:
        return f"ChainId({int(self)})"

    __str__ = int.__repr__


class Address(bytes):
    """A 20-byte account or contract address: bytes in tables, EIP-55 text in the API."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Address:
        if len(raw) != 20:
            raise InvalidArgument("INVALID_ADDRESS", f"an address has 20 bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def parse(cls, text: str) -> Address:
        """From 0x-hex in lower, upper or EIP-55 mixed case; a wrong mixed-case checksum is refused."""
        if _HEX_ADDRESS.fullmatch(text) is None:
            raise InvalidArgument("INVALID_ADDRESS", f"{text[:50]!r} is not a 0x-prefixed 20-byte hex address")
        address = cls(bytes.fromhex(text[2:]))
        digits = text[2:]
        if digits not in (digits.lower(), digits.upper()) and address.checksum != text:
            raise InvalidArgument("INVALID_ADDRESS", f"{text} has a wrong EIP-55 checksum; expected {address.checksum}")
        return address

    @property
    def text(self) -> str:
        """Lower-case 0x-hex, the form of routing keys and JSON-RPC."""
        return "0x" + self.hex()

    @property
    def checksum(self) -> str:
        """EIP-55 mixed-case form."""
        digits = self.hex()
        marks = keccak256(digits.encode()).hex()
        return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(digits, marks, strict=False))

    def __str__(self) -> str:
        return self.checksum

    def __repr__(self) -> str:
        return f"Address({self.checksum})"


ZERO_ADDRESS = Address(bytes(20))


def parse_uint256(text: str, what: str = "amount") -> int:
    """From a decimal string at an API edge. Raises `InvalidArgument` INVALID_UINT256."""
    if _DECIMAL.fullmatch(text) is None or (value := int(text)) > UINT256_MAX:
        raise InvalidArgument("INVALID_UINT256", f"{what} must be a decimal string between 0 and 2^256-1")
    return value


def parse_hash(text: str, what: str = "hash") -> bytes:
    """A 32-byte hash from 0x-hex. Raises `InvalidArgument` INVALID_HASH."""
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", text) is None:
        raise InvalidArgument("INVALID_HASH", f"{what} must be 0x followed by 64 hex digits")
    return bytes.fromhex(text[2:])


def parse_id(text: str, what: str = "id") -> UUID:
    """One of our own ids from its hyphenated text. Raises `InvalidArgument` INVALID_ID."""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise InvalidArgument("INVALID_ID", f"{what} must be a UUID such as 0190a0c4-5d1e-7c3a-9d42-6f1c2b3a4d5e")
    return found
