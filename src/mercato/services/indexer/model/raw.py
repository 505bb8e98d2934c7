"""Logs as they are kept for ever, paired with the facts that were read from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mercato.evm.logs import Fact, RawLog, Undecodable

_TOPIC = 32


class RawEvent(msgspec.Struct, frozen=True, gc=False):
    """A log as the node gave it, in bytes; `timestamp` is its block's, in Unix seconds."""

    block_number: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes
    tx_index: int
    address: bytes
    topics: bytes
    """32 bytes each, one after the other."""

    data: bytes
    timestamp: int
    canonical: bool = True

    def as_log(self) -> RawLog:
        """The log again, for decoding it anew."""
        return RawLog(
            address="0x" + self.address.hex(),
            topics=tuple("0x" + self.topics[at : at + _TOPIC].hex() for at in range(0, len(self.topics), _TOPIC)),
            data="0x" + self.data.hex(),
            block_number=hex(self.block_number),
            block_hash="0x" + self.block_hash.hex(),
            transaction_hash="0x" + self.tx_hash.hex(),
            transaction_index=hex(self.tx_index),
            log_index=hex(self.log_index),
            block_timestamp=hex(self.timestamp),
        )


class _Quantities(dict[str, int]):
    """JSON-RPC quantities, parsed once each."""

    def __missing__(self, text: str) -> int:
        value = self[text] = int(text, 16)
        return value


class _Data(dict[str, bytes]):
    """JSON-RPC data that many logs share, parsed once each."""

    def __missing__(self, text: str) -> bytes:
        value = self[text] = bytes.fromhex(text[2:])
        return value


def untimed_blocks(facts: Iterable[Fact]) -> set[int]:
    """Blocks, by number, whose time the logs of these facts do not tell."""
    return {
        int(fact.log.block_number, 16) if isinstance(fact, Undecodable) else fact.block.number
        for fact in facts
        if (fact.log.block_timestamp if isinstance(fact, Undecodable) else fact.block.timestamp) is None
    }


def raw_events(logs: Sequence[RawLog], facts: Sequence[Fact], timestamps: Mapping[bytes, int]) -> list[RawEvent]:
    """The logs that gave a fact or broke the layout of their event; what is not about tokens is left out.

    `facts` are those of ``decode(logs)``, in its order; `timestamps` are by block hash, for logs that do not tell.
    Raises `ValueError` for what is no hex.
    """
    quantities, shared = _Quantities(), _Data()
    kept: list[RawEvent] = []
    waiting = iter(facts)
    fact = next(waiting, None)
    for log in logs:
        if fact is None:
            break
        if not _is_of(fact, log, quantities):
            continue
        if not log.removed:
            kept.append(_event(log, quantities, shared, timestamps))
        while fact is not None and _is_of(fact, log, quantities):
            fact = next(waiting, None)
    return kept


def _is_of(fact: Fact, log: RawLog, quantities: _Quantities) -> bool:
    if isinstance(fact, Undecodable):
        return fact.log is log
    return fact.log_index == quantities[log.log_index] and fact.block.number == quantities[log.block_number]


def _event(log: RawLog, quantities: _Quantities, shared: _Data, timestamps: Mapping[bytes, int]) -> RawEvent:
    block_hash = shared[log.block_hash]
    told = log.block_timestamp
    return RawEvent(
        quantities[log.block_number],
        block_hash,
        quantities[log.log_index],
        shared[log.transaction_hash],
        quantities[log.transaction_index],
        shared[log.address],
        b"".join([shared[topic] for topic in log.topics]),
        bytes.fromhex(log.data[2:]),
        timestamps[block_hash] if told is None else quantities[told],
    )
