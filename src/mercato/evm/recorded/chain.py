"""Recorded blocks and the JSON-RPC methods that can be answered from them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

_ENCODE = msgspec.json.encode
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = b"null"
_HASH_LENGTH = 66
_INVALID_PARAMS = -32602
_METHOD_NOT_FOUND = -32601


class Refused(Exception):
    """A request this node does not serve; becomes a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """A log as JSON, with what filters look at. Hex in lower case."""

    address: str
    topics: tuple[str, ...]
    json: bytes


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    """One block as the JSON of each answer that can be asked about it."""

    number: int
    hash: str
    light: bytes
    """With transaction hashes."""

    full: bytes
    """With transactions."""

    receipts: bytes
    transaction_hashes: tuple[str, ...]
    logs: tuple[RecordedLog, ...]


@dataclass
class RecordedChain:
    """Answers from blocks in ascending order; their numbers may have gaps, which answer null.

    The recording is over, so its last block is latest, safe and finalized at once. `max_range` makes eth_getLogs refuse
    longer ranges in the words of a real node; 0 allows all.
    """

    chain_id: int
    blocks: Sequence[RecordedBlock]
    max_range: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    """Requests answered, by method."""

    def __post_init__(self) -> None:
        self._numbers = [block.number for block in self.blocks]
        self._by_hash = {block.hash: i for i, block in enumerate(self.blocks)}
        self._transactions = {
            tx_hash: (i, k) for i, block in enumerate(self.blocks) for k, tx_hash in enumerate(block.transaction_hashes)
        }
        self._joined = [b",".join(log.json for log in block.logs) for block in self.blocks]
        self._addresses = {log.address for block in self.blocks for log in block.logs}
        self._first_topics = {log.topics[0] if log.topics else "" for block in self.blocks for log in block.logs}
        self._methods: dict[str, Callable[[list[Any]], bytes]] = {
            "eth_chainId": lambda _: _ENCODE(hex(self.chain_id)),
            "net_version": lambda _: _ENCODE(str(self.chain_id)),
            "web3_clientVersion": lambda _: b'"mercato-recorded/1"',
            "eth_syncing": lambda _: b"false",
            "eth_blockNumber": lambda _: _ENCODE(hex(self.head)),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getLogs": self._logs,
            "eth_getTransactionReceipt": lambda p: self._of_transaction(p[0], lambda block: block.receipts),
            "eth_getTransactionByHash": lambda p: self._of_transaction(p[0], _transactions_of),
        }

    @property
    def head(self) -> int:
        return self._numbers[-1]

    def answer(self, method: str, params: list[Any]) -> bytes:
        """The JSON of the result. Raises `Refused`."""
        self.calls[method] += 1
        answer = self._methods.get(method)
        if answer is None:
            raise Refused(_METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        try:
            return answer(params)
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused(_INVALID_PARAMS, f"invalid params for {method}: {error}") from error

    def _number(self, tag: str | None) -> int:
        if tag in (None, "latest", "safe", "finalized", "pending"):
            return self.head
        return self._numbers[0] if tag == "earliest" else int(str(tag), 16)

    def _find(self, number: int) -> int | None:
        i = bisect_left(self._numbers, number)
        return i if i < len(self._numbers) and self._numbers[i] == number else None

    def _block_by_number(self, params: list[Any]) -> bytes:
        return self._render(self._find(self._number(params[0])), params)

    def _block_by_hash(self, params: list[Any]) -> bytes:
        return self._render(self._by_hash.get(params[0].lower()), params)

    def _render(self, i: int | None, params: list[Any]) -> bytes:
        if i is None:
            return _NULL
        block = self.blocks[i]
        return block.full if len(params) > 1 and params[1] else block.light

    def _block_receipts(self, params: list[Any]) -> bytes:
        name = params[0]
        i = self._by_hash.get(name.lower()) if len(name) == _HASH_LENGTH else self._find(self._number(name))
        return _NULL if i is None else self.blocks[i].receipts

    def _of_transaction(self, tx_hash: str, part: Callable[[RecordedBlock], bytes]) -> bytes:
        place = self._transactions.get(tx_hash.lower())
        if place is None:
            return _NULL
        i, k = place
        return bytes(_RAW_LIST.decode(part(self.blocks[i]))[k])

    def _logs(self, params: list[Any]) -> bytes:
        wanted = params[0]
        low, high = self._span(wanted)
        addresses = _one_or_many(wanted.get("address"))
        places = [_one_or_many(place) for place in wanted.get("topics") or ()]
        while places and places[-1] is None:
            places.pop()
        if self._takes_everything(addresses, places):
            parts = [joined for joined in self._joined[low:high] if joined]
        else:
            parts = [
                log.json for block in self.blocks[low:high] for log in block.logs if _matches(log, addresses, places)
            ]
        return b"[" + b",".join(parts) + b"]"

    def _span(self, wanted: dict[str, Any]) -> tuple[int, int]:
        """The half-open range of indices of blocks that a filter names."""
        if wanted.get("blockHash"):
            i = self._by_hash.get(wanted["blockHash"].lower())
            if i is None:
                raise Refused(-32000, "unknown block")
            return i, i + 1
        first, last = self._number(wanted.get("fromBlock")), self._number(wanted.get("toBlock"))
        if first > last:
            raise Refused(_INVALID_PARAMS, "invalid block range params")
        if first > self.head:
            raise Refused(_INVALID_PARAMS, "block range extends beyond current head block")
        if self.max_range and last - first + 1 > self.max_range:
            raise Refused(_INVALID_PARAMS, f"query exceeds max block range {self.max_range}")
        return bisect_left(self._numbers, first), bisect_right(self._numbers, last)

    def _takes_everything(self, addresses: set[str] | None, places: list[set[str] | None]) -> bool:
        """The usual case of a recording of one contract: no log needs to be looked at."""
        if addresses is not None and not addresses >= self._addresses:
            return False
        return not places or (len(places) == 1 and places[0] is not None and places[0] >= self._first_topics)


def _matches(log: RecordedLog, addresses: set[str] | None, places: list[set[str] | None]) -> bool:
    if addresses is not None and log.address not in addresses:
        return False
    if len(places) > len(log.topics):
        return False
    return all(place is None or topic in place for place, topic in zip(places, log.topics, strict=False))


def _one_or_many(value: str | list[str] | None) -> set[str] | None:
    """A filter takes one value, several, or none at all; an empty list means any, as in Geth."""
    if not value:
        return None
    return {value.lower()} if isinstance(value, str) else {item.lower() for item in value}


def _transactions_of(block: RecordedBlock) -> bytes:
    return bytes(msgspec.json.decode(block.full, type=dict[str, msgspec.Raw])["transactions"])
