"""Transactions before and after the wallet: what it is asked to sign, and whether what was mined is that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mercato.evm.rpc import Transaction
from mercato.kit.ids import Address, ChainId, Wei


@dataclass(frozen=True)
class UnsignedTransaction:
    """An EIP-1559 transaction to sign. The nonce is the wallet's to choose."""

    chain_id: ChainId
    sender: Address
    to: Address
    data: bytes
    value: Wei
    gas: int
    max_fee: Wei
    """maxFeePerGas, in wei per gas."""

    max_priority_fee: Wei
    """maxPriorityFeePerGas, in wei per gas; not above `max_fee`."""

    def for_wallet(self) -> dict[str, str]:
        """As ``eth_sendTransaction`` of a wallet takes it (EIP-1193, EIP-1474): numbers as 0x-hex quantities."""
        return {
            "type": "0x2",
            "chainId": hex(self.chain_id),
            "from": self.sender.checksum,
            "to": self.to.checksum,
            "data": "0x" + self.data.hex(),
            "value": hex(self.value),
            "gas": hex(self.gas),
            "maxFeePerGas": hex(self.max_fee),
            "maxPriorityFeePerGas": hex(self.max_priority_fee),
        }


@dataclass(frozen=True)
class ExpectedCall:
    """What a transaction must be to count as the one that was prepared. Fees, gas and nonce are the wallet's."""

    chain_id: ChainId
    sender: Address
    to: Address
    data: bytes
    value: Wei


class Difference(Enum):
    """A part in which a transaction is not the expected one."""

    CHAIN = "chain"
    SENDER = "sender"
    TARGET = "to"
    CALLDATA = "data"
    VALUE = "value"


def differences(expected: ExpectedCall, seen: Transaction) -> tuple[Difference, ...]:
    """In what `seen`, as a node of the expected chain reports it, is another transaction; empty when it is the one.

    A legacy transaction names no chain and counts as of the chain it was found on.
    """
    differs = {
        Difference.CHAIN: seen.chain_id not in (None, expected.chain_id),
        Difference.SENDER: seen.sender != expected.sender,
        Difference.TARGET: seen.to != expected.to,
        Difference.CALLDATA: seen.data != expected.data,
        Difference.VALUE: seen.value != expected.value,
    }
    return tuple(part for part, differ in differs.items() if differ)
