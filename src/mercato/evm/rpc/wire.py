"""The JSON of nodes and the typed values made of it.

Two layers: `…Json` structs name the fields we read, as text; their values become `int` and `bytes` in one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from mercato.evm.logs.raw import RawLog
from mercato.kit.ids import Address, Wei

T = TypeVar("T")

_CHAIN_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}")

BlockTag = str
"""``latest``, ``safe``, ``finalized``, ``earliest`` or ``pending``."""

BlockId = int | bytes | BlockTag
"""A block by number, by 32-byte hash or by tag."""

TopicFilter = Sequence[str | Sequence[str] | None]
"""By place: a topic, a list of which one must match, or None for any (the form of eth_getLogs)."""


class ErrorJson(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class Answer(msgspec.Struct, Generic[T]):
    """A JSON-RPC response."""

    result: T | UnsetType = UNSET
    error: ErrorJson | None = None
    id: Any = None


class HeaderJson(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str
    gas_limit: str = "0x0"
    base_fee_per_gas: str | None = None


class TransactionJson(msgspec.Struct, rename="camel"):
    hash: str
    from_: str = msgspec.field(name="from")
    input: str
    nonce: str
    gas: str
    value: str
    to: str | None = None
    chain_id: str | None = None
    block_number: str | None = None
    block_hash: str | None = None
    transaction_index: str | None = None
    gas_price: str | None = None
    max_fee_per_gas: str | None = None
    max_priority_fee_per_gas: str | None = None


class BlockJson(HeaderJson, rename="camel", kw_only=True):
    transactions: list[TransactionJson]


class ReceiptJson(msgspec.Struct, rename="camel"):
    transaction_hash: str
    transaction_index: str
    block_number: str
    block_hash: str
    from_: str = msgspec.field(name="from")
    gas_used: str
    logs: tuple[RawLog, ...]
    to: str | None = None
    contract_address: str | None = None
    status: str | None = None
    effective_gas_price: str | None = None


class FeeHistoryJson(msgspec.Struct, rename="camel"):
    oldest_block: str
    base_fee_per_gas: list[str]
    reward: list[list[str]] | None = None


class Header(msgspec.Struct, frozen=True):
    """What following a chain needs of a block header."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    """Seconds since the Unix epoch."""

    logs_bloom: bytes
    """256 bytes; all zero on some chains that do not fill it."""

    gas_limit: int
    base_fee: Wei | None
    """None before EIP-1559."""


class Transaction(msgspec.Struct, frozen=True):
    """A transaction as a node reports it, pending or mined."""

    hash: bytes
    sender: Address
    to: Address | None
    """None creates a contract."""

    data: bytes
    value: Wei
    nonce: int
    gas: int
    chain_id: int | None
    """None for a legacy transaction without replay protection (EIP-155)."""

    block_number: int | None
    """None while pending, as the next two."""

    block_hash: bytes | None
    index: int | None
    max_fee: Wei
    """Most wei per gas it pays: maxFeePerGas, or gasPrice of a legacy transaction."""

    max_priority_fee: Wei


class Block(msgspec.Struct, frozen=True):
    """A block with its transactions."""

    header: Header
    transactions: tuple[Transaction, ...]


class Receipt(msgspec.Struct, frozen=True):
    """What became of a mined transaction."""

    tx_hash: bytes
    index: int
    block_number: int
    block_hash: bytes
    sender: Address
    to: Address | None
    contract_address: Address | None
    succeeded: bool
    """Receipts from before Byzantium have no status; they count as succeeded."""

    gas_used: int
    effective_gas_price: Wei | None
    logs: tuple[RawLog, ...]


class FeeHistory(msgspec.Struct, frozen=True):
    """eth_feeHistory: wei per gas, oldest block first."""

    oldest_block: int
    base_fees: tuple[Wei, ...]
    """One more than blocks: the last one is that of the next block."""

    rewards: tuple[tuple[Wei, ...], ...]
    """For each block the priority fees at the percentiles asked."""


def header_of(json: HeaderJson) -> Header:
    return Header(
        number=int(json.number, 16),
        hash=bytes_of(json.hash),
        parent_hash=bytes_of(json.parent_hash),
        timestamp=int(json.timestamp, 16),
        logs_bloom=bytes_of(json.logs_bloom),
        gas_limit=int(json.gas_limit, 16),
        base_fee=None if json.base_fee_per_gas is None else Wei(int(json.base_fee_per_gas, 16)),
    )


def block_of(json: BlockJson) -> Block:
    return Block(header_of(json), tuple(map(transaction_of, json.transactions)))


def transaction_of(json: TransactionJson) -> Transaction:
    price = json.max_fee_per_gas or json.gas_price or "0x0"
    return Transaction(
        hash=bytes_of(json.hash),
        sender=Address(bytes_of(json.from_)),
        to=_address(json.to),
        data=bytes_of(json.input),
        value=Wei(int(json.value, 16)),
        nonce=int(json.nonce, 16),
        gas=int(json.gas, 16),
        chain_id=_number(json.chain_id),
        block_number=_number(json.block_number),
        block_hash=None if json.block_hash is None else bytes_of(json.block_hash),
        index=_number(json.transaction_index),
        max_fee=Wei(int(price, 16)),
        max_priority_fee=Wei(int(json.max_priority_fee_per_gas or price, 16)),
    )


def receipt_of(json: ReceiptJson) -> Receipt:
    return Receipt(
        tx_hash=bytes_of(json.transaction_hash),
        index=int(json.transaction_index, 16),
        block_number=int(json.block_number, 16),
        block_hash=bytes_of(json.block_hash),
        sender=Address(bytes_of(json.from_)),
        to=_address(json.to),
        contract_address=_address(json.contract_address),
        succeeded=json.status is None or int(json.status, 16) == 1,
        gas_used=int(json.gas_used, 16),
        effective_gas_price=None if json.effective_gas_price is None else Wei(int(json.effective_gas_price, 16)),
        logs=json.logs,
    )


def fee_history_of(json: FeeHistoryJson) -> FeeHistory:
    return FeeHistory(
        oldest_block=int(json.oldest_block, 16),
        base_fees=tuple(Wei(int(fee, 16)) for fee in json.base_fee_per_gas),
        rewards=tuple(tuple(Wei(int(fee, 16)) for fee in block) for block in json.reward or ()),
    )


def chain_number_of(text: str) -> int:
    """The result of eth_chainId (EIP-695). Raises `ValueError` for what is no number of at most 256 bits."""
    if not _CHAIN_NUMBER.fullmatch(text):
        raise ValueError("malformed chain id")
    return int(text, 16)


def bytes_of(text: str) -> bytes:
    """From 0x-hex. Raises `ValueError`."""
    return bytes.fromhex(text[2:])


def hex_of(raw: bytes) -> str:
    """0x-hex in lower case."""
    return "0x" + raw.hex()


def block_parameter(block: BlockId) -> str | dict[str, str]:
    """The last argument of state calls: a quantity, a tag, or an EIP-1898 object for a hash."""
    if isinstance(block, bytes):
        return {"blockHash": hex_of(block)}
    return hex(block) if isinstance(block, int) else block


def _address(text: str | None) -> Address | None:
    return None if text is None else Address(bytes_of(text))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text, 16)
