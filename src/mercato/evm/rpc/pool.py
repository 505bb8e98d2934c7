"""The calls Mercato makes to a chain's nodes, with typed arguments and results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from msgspec.json import Decoder

from mercato.evm.logs.raw import RawLog
from mercato.evm.rpc import wire
from mercato.evm.rpc.dialects import ALREADY_KNOWN
from mercato.evm.rpc.endpoints import EndpointState
from mercato.evm.rpc.errors import BlockUnknown, RpcError
from mercato.evm.rpc.transport import Call, Transport
from mercato.evm.rpc.wire import (
    Answer,
    Block,
    BlockId,
    FeeHistory,
    Header,
    Receipt,
    TopicFilter,
    Transaction,
    block_parameter,
    bytes_of,
    hex_of,
)
from mercato.kit.ids import Address, ChainId, Wei, keccak256

T = TypeVar("T")

BATCH_LIMIT = 100
"""Calls in one JSON-RPC batch; what most providers take."""

_TEXT = Decoder(Answer[str])
_LOGS = Decoder(Answer[list[RawLog] | None])
_HEADER = Decoder(Answer[wire.HeaderJson | None])
_BLOCK = Decoder(Answer[wire.BlockJson | None])
_RECEIPT = Decoder(Answer[wire.ReceiptJson | None])
_RECEIPTS = Decoder(Answer[list[wire.ReceiptJson] | None])
_TRANSACTION = Decoder(Answer[wire.TransactionJson | None])
_FEE_HISTORY = Decoder(Answer[wire.FeeHistoryJson])
_ANY = Decoder(Answer[Any])
_TEXT_BATCH = Decoder(list[Answer[str]] | Answer[Any])
_HEADER_BATCH = Decoder(list[Answer[wire.HeaderJson | None]] | Answer[Any])
_RECEIPT_BATCH = Decoder(list[Answer[wire.ReceiptJson | None]] | Answer[Any])


class RpcPool(Transport):
    """One chain's endpoints as one node: ``async with RpcPool(chain_id, [Endpoint(url)]) as pool: …``.

    Every method raises `NodeUnavailable` when no endpoint answers in time and `RpcError` (or a kind of it) when a
    node refuses. What a node does not have is None from `find_…`.
    """

    async def chain_id(self) -> ChainId:
        """eth_chainId."""
        return await self.request(Call("eth_chainId"), _TEXT, lambda text: ChainId(int(text, 16)))

    async def block_number(self) -> int:
        """The newest block's number, as one endpoint sees it: it may be lower than the last answer."""
        return await self.request(Call("eth_blockNumber"), _TEXT, _quantity)

    async def find_header(self, block: BlockId) -> Header | None:
        """A block's header by number, hash or tag."""
        return await self.request(_get_block(block, "hashes"), _HEADER, _header_or_none)

    async def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The headers of many blocks, in order, in batches of `BATCH_LIMIT`."""
        calls = [_get_block(number, "hashes") for number in numbers]
        answers = await asyncio.gather(*(self.batch(part, _HEADER_BATCH, _header_or_none) for part in _parts(calls)))
        return [_unless_refused(answer) for part in answers for answer in part]

    async def headers_of(
        self, state: EndpointState, blocks: Sequence[BlockId], timeout: float
    ) -> list[Header | None] | None:
        """What one of `endpoints` says of some blocks, in order; None when it does not answer within `timeout` s."""
        calls = [_get_block(block, "hashes") for block in blocks]
        answers = await self.batch_of_one(state, calls, _HEADER_BATCH, _header_or_none, timeout)
        return None if answers is None else [None if isinstance(a, RpcError) else a for a in answers]

    async def find_block(self, block: BlockId) -> Block | None:
        """A block with its full transactions."""
        return await self.request(
            _get_block(block, "transactions"), _BLOCK, lambda json: None if json is None else wire.block_of(json)
        )

    async def logs(
        self,
        from_block: int,
        to_block: int,
        *,
        addresses: Sequence[Address] = (),
        topics: TopicFilter = (),
    ) -> list[RawLog]:
        """eth_getLogs over a range, both ends included. Raises `RangeTooLarge` when the node wants a shorter one."""
        where = {"fromBlock": hex(from_block), "toBlock": hex(to_block)}
        call = Call("eth_getLogs", [where | _log_filter(addresses, topics)], (from_block, to_block))
        return await self.request(call, _LOGS, _logs)

    async def logs_by_hash(
        self, block_hash: bytes, *, addresses: Sequence[Address] = (), topics: TopicFilter = ()
    ) -> list[RawLog]:
        """The logs of exactly this block (EIP-234). Raises `BlockUnknown` when the node does not have it."""
        call = Call("eth_getLogs", [{"blockHash": hex_of(block_hash)} | _log_filter(addresses, topics)])
        return await self.request(call, _LOGS, _logs)

    async def find_receipt(self, tx_hash: bytes) -> Receipt | None:
        """None until the transaction is mined."""
        return await self.request(_get_receipt(tx_hash), _RECEIPT, _receipt_or_none)

    async def receipts(self, tx_hashes: Sequence[bytes]) -> list[Receipt | None]:
        """The receipts of many transactions, in order, in batches of `BATCH_LIMIT`."""
        calls = [_get_receipt(tx_hash) for tx_hash in tx_hashes]
        answers = await asyncio.gather(*(self.batch(part, _RECEIPT_BATCH, _receipt_or_none) for part in _parts(calls)))
        return [_unless_refused(answer) for part in answers for answer in part]

    async def block_receipts(self, block: int | bytes) -> list[Receipt]:
        """eth_getBlockReceipts: every receipt of a block. Raises `BlockUnknown`."""
        name = hex_of(block) if isinstance(block, bytes) else hex(block)
        return await self.request(Call("eth_getBlockReceipts", [name]), _RECEIPTS, _receipts)

    async def find_transaction(self, tx_hash: bytes) -> Transaction | None:
        """Pending or mined."""
        return await self.request(
            Call("eth_getTransactionByHash", [hex_of(tx_hash)]),
            _TRANSACTION,
            lambda json: None if json is None else wire.transaction_of(json),
        )

    async def transaction_count(self, address: Address, block: BlockId = "latest") -> int:
        """How many transactions the account has sent: its next nonce."""
        return await self.request(_state("eth_getTransactionCount", address, block), _TEXT, _quantity)

    async def balance(self, address: Address, block: BlockId = "latest") -> Wei:
        """In wei of the chain's own currency."""
        return Wei(await self.request(_state("eth_getBalance", address, block), _TEXT, _quantity))

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        """Run-time code; empty where there is no contract."""
        return await self.request(_state("eth_getCode", address, block), _TEXT, bytes_of)

    async def call(
        self,
        to: Address | None,
        data: bytes,
        *,
        block: BlockId = "latest",
        gas: int | None = None,
        sender: Address | None = None,
        value: int = 0,
        timeout: float | None = None,
    ) -> bytes:
        """eth_call: what the contract would return. Raises `Reverted` when it reverts.

        `to` None runs `data` as creation code; an address without code returns nothing. `gas` caps what a contract
        of strangers may burn, `timeout` (seconds) what it may cost us.
        """
        fields = _call_fields(to, data, gas, sender, value)
        call = Call("eth_call", [fields, block_parameter(block)])
        return await self.request(call, _TEXT, bytes_of, timeout)

    async def call_many(
        self, calls: Sequence[tuple[Address, bytes]], *, block: BlockId = "latest", gas: int | None = None
    ) -> list[bytes | RpcError]:
        """Many eth_calls of (to, data), in order, in batches of `BATCH_LIMIT`; `Reverted` stands where one did."""
        parameters = block_parameter(block)
        requests = [Call("eth_call", [_call_fields(to, data, gas, None, 0), parameters]) for to, data in calls]
        answers = await asyncio.gather(*(self.batch(part, _TEXT_BATCH, bytes_of) for part in _parts(requests)))
        return [answer for part in answers for answer in part]

    async def estimate_gas(
        self, to: Address | None, data: bytes, *, sender: Address | None = None, value: int = 0
    ) -> int:
        """Gas units the transaction would need. Raises `Reverted` when it would revert."""
        return await self.request(
            Call("eth_estimateGas", [_call_fields(to, data, None, sender, value)]), _TEXT, _quantity
        )

    async def gas_price(self) -> Wei:
        """The node's proposal for legacy transactions, in wei per gas."""
        return Wei(await self.request(Call("eth_gasPrice"), _TEXT, _quantity))

    async def max_priority_fee(self) -> Wei:
        """The node's proposal for maxPriorityFeePerGas, in wei per gas."""
        return Wei(await self.request(Call("eth_maxPriorityFeePerGas"), _TEXT, _quantity))

    async def fee_history(
        self, blocks: int, *, newest: BlockId = "latest", percentiles: Sequence[float] = ()
    ) -> FeeHistory:
        """eth_feeHistory over `blocks` blocks up to `newest`."""
        call = Call("eth_feeHistory", [hex(blocks), block_parameter(newest), list(percentiles)])
        return await self.request(call, _FEE_HISTORY, wire.fee_history_of)

    async def send_raw(self, signed: bytes) -> bytes:
        """Publishes a signed transaction and gives its hash; one the node already has is no error."""
        try:
            return await self.request(Call("eth_sendRawTransaction", [hex_of(signed)]), _TEXT, bytes_of)
        except RpcError as error:
            if ALREADY_KNOWN.search(error.message):
                return keccak256(signed)
            raise

    async def raw(self, method: str, *params: object) -> Any:
        """Any other method, its result as plain JSON values: what development nodes and tools need."""
        return await self.request(Call(method, params), _ANY, lambda result: result)


def _quantity(text: str) -> int:
    return int(text, 16)


def _get_block(block: BlockId, detail: Literal["hashes", "transactions"]) -> Call:
    full = detail == "transactions"
    if isinstance(block, bytes):
        return Call("eth_getBlockByHash", [hex_of(block), full])
    return Call("eth_getBlockByNumber", [hex(block) if isinstance(block, int) else block, full])


def _get_receipt(tx_hash: bytes) -> Call:
    return Call("eth_getTransactionReceipt", [hex_of(tx_hash)])


def _state(method: str, address: Address, block: BlockId) -> Call:
    return Call(method, [address.text, block_parameter(block)])


def _log_filter(addresses: Sequence[Address], topics: TopicFilter) -> dict[str, object]:
    fields: dict[str, object] = {}
    if addresses:
        fields["address"] = [address.text for address in addresses]
    if topics:
        fields["topics"] = topics
    return fields


def _call_fields(
    to: Address | None, data: bytes, gas: int | None, sender: Address | None, value: int
) -> dict[str, str]:
    fields = {"data": hex_of(data)}
    if to is not None:
        fields["to"] = to.text
    if gas is not None:
        fields["gas"] = hex(gas)
    if sender is not None:
        fields["from"] = sender.text
    if value:
        fields["value"] = hex(value)
    return fields


def _logs(logs: list[RawLog] | None) -> list[RawLog]:
    if logs is None:  # some nodes answer null for a block they do not have
        raise BlockUnknown(0, "the node answered null for logs")
    return logs


def _receipts(json: list[wire.ReceiptJson] | None) -> list[Receipt]:
    if json is None:
        raise BlockUnknown(0, "the node answered null for receipts")
    return list(map(wire.receipt_of, json))


def _header_or_none(json: wire.HeaderJson | None) -> Header | None:
    return None if json is None else wire.header_of(json)


def _receipt_or_none(json: wire.ReceiptJson | None) -> Receipt | None:
    return None if json is None else wire.receipt_of(json)


def _parts(calls: list[Call]) -> list[list[Call]]:
    return [calls[i : i + BATCH_LIMIT] for i in range(0, len(calls), BATCH_LIMIT)]


def _unless_refused(answer: T | RpcError) -> T:
    if isinstance(answer, RpcError):
        raise answer
    return answer
