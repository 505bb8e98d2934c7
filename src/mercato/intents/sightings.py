"""What a node says of a transaction, and the facts about an intent that follow from it.

A hash is only a claim. It is believed when the node shows sender, target, calldata and value of the intent; then its
receipt counts, and a revert is replayed to learn the contract's reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mercato.evm import artifacts
from mercato.evm.abi import ErrorTable, decode_error, error_table_of_abi
from mercato.evm.logs import TransferFact, decode
from mercato.evm.rpc import BlockUnknown, Receipt, Reverted, RpcError, RpcPool, Transaction
from mercato.intents.facts import Confirmed, Fact, Mined, Proven, Refused
from mercato.intents.model import Intent, is_confirmed
from mercato.kit.ids import ZERO_ADDRESS, Address, TokenId

CONTRACTS = ("CollectionFactory", "Collection721", "Collection1155")

_REPLAY_TIMEOUT = 3.0
_OUT_OF_GAS = "out of gas"


def contract_errors() -> ErrorTable:
    """The custom errors of all our contracts. Raises `FailedPrecondition` ARTIFACTS_MISSING before they are built."""
    return error_table_of_abi(*(artifacts.load(name).abi for name in CONTRACTS))


@dataclass(frozen=True)
class Sighting:
    """A transaction as one node saw it. `failure` is the decoded reason of a revert, empty otherwise."""

    transaction: Transaction | None
    receipt: Receipt | None
    head: int
    failure: str = ""


class Lookout:
    """Looks for transactions on one chain."""

    def __init__(self, pool: RpcPool, errors: ErrorTable) -> None:
        self._pool = pool
        self._errors = errors

    async def look(self, tx_hash: bytes) -> Sighting:
        """Raises `NodeUnavailable` or `RpcError`."""
        transaction, receipt, head = await asyncio.gather(
            self._pool.find_transaction(tx_hash), self._pool.find_receipt(tx_hash), self._pool.block_number()
        )
        failure = ""
        if transaction is not None and receipt is not None and not receipt.succeeded:
            failure = await self._why_reverted(transaction, receipt)
        # The head was read beside the receipt and may be older than its block.
        return Sighting(transaction, receipt, max(head, receipt.block_number if receipt else 0), failure)

    async def _why_reverted(self, transaction: Transaction, receipt: Receipt) -> str:
        """Replays on the state after the block, then on that before it: what else stood in the block decides which one
        shows the reason."""
        if receipt.gas_used >= transaction.gas:
            return _OUT_OF_GAS
        for block in (receipt.block_number, receipt.block_number - 1):
            returned = await self._replay(transaction, block, transaction.gas)
            if returned:
                return decode_error(returned, self._errors)
            # A clone that runs out inside its implementation leaves gas over and returns nothing.
            if returned == b"" and await self._replay(transaction, block, None) is None:
                return _OUT_OF_GAS
        return "reverted without a reason"

    async def _replay(self, transaction: Transaction, block: int, gas: int | None) -> bytes | None:
        """What the contract returns when it reverts; None when it does not, or the node cannot replay it."""
        try:
            await self._pool.call(
                transaction.to, transaction.data, block=block, gas=gas, sender=transaction.sender,
                value=transaction.value, timeout=_REPLAY_TIMEOUT,
            )  # fmt: skip
        except Reverted as error:
            return error.returned
        except RpcError:
            pass
        return None

    async def find_user_of_nonce(self, sender: Address, nonce: int) -> Transaction | None:
        """The mined transaction of `sender` with this nonce.

        There is no call for it: the block in which the sender's nonce passed is found by bisection. None when the
        nonce is free, or when the node no longer has the state of those days.
        """
        head = await self._pool.block_number()
        try:
            if not await self._is_past(sender, nonce, head):
                return None
            low, high = await self._bracket(sender, nonce, head)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if await self._is_past(sender, nonce, middle) else (middle, high)
            block = await self._pool.find_block(high)
        except BlockUnknown:
            return None
        found = block.transactions if block else ()
        return next((t for t in found if t.sender == sender and t.nonce == nonce), None)

    async def _bracket(self, sender: Address, nonce: int, head: int) -> tuple[int, int]:
        """A block at which the nonce was free, looked for backwards in growing steps, and one at which it was not."""
        high, step = head, 1
        while (low := max(-1, head - step)) >= 0 and await self._is_past(sender, nonce, low):
            high, step = low, step * 2
        return low, high

    async def _is_past(self, sender: Address, nonce: int, block: int) -> bool:
        return await self._pool.transaction_count(sender, block) > nonce


def difference(intent: Intent, transaction: Transaction) -> str:
    """Which parts of a transaction are not those of the intent, as a clause for people; empty when none."""
    wanted = intent.transaction
    parts: Sequence[tuple[str, bool]] = (
        ("sender", transaction.sender == intent.sender),
        ("target", transaction.to == wanted.to),
        ("calldata", transaction.data == wanted.data),
        ("value", transaction.value == wanted.value),
    )
    wrong = [name for name, equal in parts if not equal]
    if not wrong and transaction.nonce < intent.first_nonce:
        return "it was sent before this intent was prepared"
    return f"its {' and '.join(wrong)} {'differs' if len(wrong) == 1 else 'differ'}" if wrong else ""


def facts_of(intent: Intent, tx_hash: bytes, sighting: Sighting, confirmations: int) -> list[Fact]:
    """What a sighting of `tx_hash` says about the intent; nothing when the node does not know it."""
    transaction, receipt = sighting.transaction, sighting.receipt
    if transaction is None:
        return []
    if why := difference(intent, transaction):
        return [Refused(tx_hash, why)]
    facts: list[Fact] = [Proven(tx_hash, transaction.nonce)]
    if receipt is not None:
        facts.append(_mined(intent, receipt, sighting.failure))
        if is_confirmed(receipt.block_number, sighting.head, confirmations):
            facts.append(Confirmed(receipt.block_hash))
    return facts


def _mined(intent: Intent, receipt: Receipt, failure: str) -> Mined:
    minted = {
        TokenId(fact.token_id)
        for fact in decode(receipt.logs)
        if isinstance(fact, TransferFact)
        and (fact.contract, fact.from_, fact.to) == (intent.contract, ZERO_ADDRESS, intent.recipient)
    }
    text = "" if receipt.succeeded else failure or "reverted"
    return Mined(receipt.tx_hash, receipt.block_number, receipt.block_hash, text, tuple(sorted(minted)))
