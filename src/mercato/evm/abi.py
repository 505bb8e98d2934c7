"""Contract calls, results and reverts in the contract ABI, from signatures as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.decoding import AddressDecoder, StringDecoder
from eth_abi.encoding import AddressEncoder, TextStringEncoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as _default_registry

from mercato.kit.errors import FailedPrecondition
from mercato.kit.ids import Address, keccak256

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_TYPE = re.compile(r"((?:u?int)(?:[0-9]{1,3})?|address|bool|string|bytes(?:[0-9]{1,2})?)((?:\[[0-9]*\])*)")
_ARRAY_SUFFIX = re.compile(r"(?:\[[0-9]*\])*")
_NOT_NAMES = frozenset({"indexed", "memory", "calldata", "storage", "payable"})
_TEXT_LIMIT = 500

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x00: "generic compiler panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "invalid enum value",
    0x22: "corrupt storage byte array",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialised function pointer",
}

UNDECODABLE = (DecodingError, OverflowError)
"""What decoding of bytes from strangers may raise; everything else is a mistake of our own."""


class UndecodableData(FailedPrecondition):
    """Bytes that are not an ABI encoding of the types wanted: the other side is not the contract we take it for."""


def decode_text(raw: bytes) -> str:
    """Text from a contract as tables and JSON can carry it: broken UTF-8 and NUL become U+FFFD."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


class _AddressDecoder(AddressDecoder):
    decoder_fn = staticmethod(Address)  # type: ignore[assignment]  # eth-abi promises hex text


class _TextDecoder(StringDecoder):
    @staticmethod
    def decoder_fn(data: bytes, handle_string_errors: str = "replace") -> str:
        return decode_text(data)


def _codec() -> ABICodec:
    registry = _default_registry.copy()  # type: ignore[no-untyped-call]
    for kind, encoder, decoder in (
        ("address", AddressEncoder, _AddressDecoder),
        ("string", TextStringEncoder, _TextDecoder),
    ):
        registry.unregister(kind)
        registry.register(BaseEquals(kind), encoder, decoder, label=kind)  # type: ignore[no-untyped-call]
    return ABICodec(registry)


_CODEC = _codec()


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """ABI encoding of `values`. Addresses may be `Address` or 0x-hex. Raises eth-abi's `EncodingError`."""
    return bytes(_CODEC.encode(types, values))


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values of an ABI encoding: addresses as `Address`, strings by `decode_text`. Raises one of `UNDECODABLE`."""
    return tuple(_CODEC.decode(types, data))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a signature: its canonical type and its name, empty when none was written."""

    type: str
    name: str = ""


@dataclass(frozen=True)
class Signature:
    """A function, event or error as Solidity names it."""

    name: str
    parameters: tuple[Parameter, ...]

    @classmethod
    def parse(cls, text: str) -> Signature:
        """From ``name(type [indexed] [name], …)``; tuples are written in parentheses, `uint` means `uint256`.

        Raises `ValueError` for anything else: signatures are written by us.
        """
        name, opened, rest = text.strip().partition("(")
        if not opened or not rest.endswith(")") or _NAME.fullmatch(name) is None:
            raise ValueError(f"{text!r} is not a signature such as 'mint(address to, uint256 quantity)'")
        return cls(name, tuple(_parameter(part) for part in _split(rest[:-1])))

    @classmethod
    def of_abi_entry(cls, entry: Mapping[str, Any]) -> Signature:
        """From an entry of a JSON ABI that has a name."""
        parameters = (Parameter(_abi_type(i), i.get("name", "")) for i in entry.get("inputs", ()))
        return cls(entry["name"], tuple(parameters))

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(p.type for p in self.parameters)

    @property
    def canonical(self) -> str:
        """The form that is hashed: no names, no spaces."""
        return f"{self.name}({','.join(self.types)})"

    @property
    def hash(self) -> bytes:
        """Keccak-256 of the canonical form: topic 0 of an event; its first four bytes select a function or error."""
        return keccak256(self.canonical.encode())


class Function:
    """A contract function: ``Function("mint(address,uint256,bytes32[])").encode(to, 3, proof)``."""

    def __init__(self, signature: str, returns: str = "()") -> None:
        """`returns` lists the result types in parentheses: ``"(uint256,string)"``."""
        self.signature = Signature.parse(signature)
        self.selector = self.signature.hash[:4]
        self._types = self.signature.types
        self._results = Signature.parse(f"returns{returns}").types

    def encode(self, *arguments: Any) -> bytes:
        """Calldata: the selector and the arguments. Raises eth-abi's `EncodingError` when they do not fit."""
        return self.selector + encode(self._types, arguments)

    def decode_arguments(self, calldata: bytes) -> tuple[Any, ...]:
        """Arguments of a call to this function. Raises `UndecodableData` for a call of anything else."""
        if calldata[:4] != self.selector:
            raise UndecodableData("OTHER_FUNCTION", f"not a call of {self.signature.canonical}")
        return self._decode(self._types, calldata[4:])

    def decode_result(self, data: bytes) -> tuple[Any, ...]:
        """What a call returned. Raises `UndecodableData`, also for the empty answer of an address without code."""
        return self._decode(self._results, data)

    def _decode(self, types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
        try:
            return decode(types, data)
        except UNDECODABLE as error:
            raise UndecodableData(
                "UNDECODABLE_DATA", f"{len(data)} bytes are no {types} of {self.signature.canonical}"
            ) from error

    def __repr__(self) -> str:
        return f"Function({self.signature.canonical!r})"


ErrorTable = Mapping[bytes, Signature]
"""Custom errors by their four-byte selector."""


def error_table(signatures: Iterable[str]) -> ErrorTable:
    """From signatures such as ``"SoldOut(uint256 maxSupply, uint256 requested)"``."""
    parsed = (Signature.parse(text) for text in signatures)
    return {signature.hash[:4]: signature for signature in parsed}


def error_table_of_abi(*abis: Iterable[Mapping[str, Any]]) -> ErrorTable:
    """The custom errors of some JSON ABIs."""
    entries = (entry for abi in abis for entry in abi if entry.get("type") == "error")
    return {signature.hash[:4]: signature for signature in map(Signature.of_abi_entry, entries)}


def decode_error(data: bytes, table: ErrorTable) -> str:
    """A line for people from what a reverted call returned: ``SoldOut(maxSupply=10, requested=3)``.

    Knows `table`, Solidity's ``Error(string)`` and ``Panic(uint256)``; never raises.
    """
    selector, body = data[:4], data[4:]
    if not data:
        return "reverted without a reason"
    try:
        if selector == _ERROR_STRING:
            return _printable(decode(("string",), body)[0])
        if selector == _PANIC:
            (code,) = decode(("uint256",), body)
            return f"Panic({code:#04x}: {_PANICS.get(code, 'unknown code')})"
        signature = table.get(selector)
        if signature is None:
            return f"unknown error 0x{selector.hex()}"
        return _render(signature, decode(signature.types, body))
    except UNDECODABLE:
        name = table[selector].name if selector in table else f"0x{selector.hex()}"
        return f"{name}(undecodable)"


def _render(signature: Signature, values: tuple[Any, ...]) -> str:
    parts = []
    for parameter, value in zip(signature.parameters, values, strict=True):
        shown = _show(value)
        parts.append(f"{parameter.name}={shown}" if parameter.name else shown)
    return f"{signature.name}({', '.join(parts)})"


def _show(value: Any) -> str:
    if isinstance(value, Address):
        return value.checksum
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_show, value)) + ")"
    return str(value)


def _printable(text: str) -> str:
    """One line without control characters, cut at 500 characters: it ends in logs and on screens."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:_TEXT_LIMIT])


def _split(text: str) -> list[str]:
    """Parts between the commas that stand outside all parentheses."""
    if not text.strip():
        return []
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _parameter(text: str) -> Parameter:
    text = text.strip()
    if text.startswith("("):
        close = text.rindex(")")
        suffix = _ARRAY_SUFFIX.match(text, close + 1)
        end = suffix.end() if suffix else close + 1
        inner = (_parameter(part).type for part in _split(text[1:close]))
        kind = f"({','.join(inner)}){text[close + 1 : end]}"
    else:
        end = len(text.split(maxsplit=1)[0]) if text else 0
        kind = _canonical_type(text[:end])
    names = [word for word in text[end:].split() if word not in _NOT_NAMES]
    if len(names) > 1 or (names and _NAME.fullmatch(names[0]) is None):
        raise ValueError(f"{text!r} is not a parameter")
    return Parameter(kind, names[0] if names else "")


def _canonical_type(text: str) -> str:
    match = _TYPE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ABI type")
    return ({"uint": "uint256", "int": "int256"}.get(match[1]) or match[1]) + match[2]


def _abi_type(entry: Mapping[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_abi_type, entry['components']))}){kind.removeprefix('tuple')}"
