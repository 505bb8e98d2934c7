"""The orchestrator's calls to others: the catalog over gRPC, and the nodes of every chain."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from mercato.evm.abi import ErrorTable, UndecodableData, decode_error
from mercato.evm.directory import ChainDirectory, ChainHandle
from mercato.evm.rpc import Reverted, RpcError
from mercato.intents.facts import Fact
from mercato.intents.model import Intent, UnsignedTransaction
from mercato.intents.sightings import Lookout, facts_of
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import Address, ChainId, Wei
from mercato.rpc.catalog.v1.catalog_pb2 import BatchGetCollectionsRequest, CollectionKey
from mercato.rpc.common.v1 import common_pb2
from mercato.services.orchestrator.model import (
    MINT_CONFIG_721,
    MINT_CONFIG_1155,
    GasPolicy,
    Mint,
    Standard,
    fees,
    gas_limit,
)

if TYPE_CHECKING:
    from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceAsyncStub

_INSUFFICIENT = re.compile("insufficient funds", re.IGNORECASE)
_LOOK_PATIENCE = 2.0
_STANDARDS = {
    common_pb2.STANDARD_ERC721: Standard.ERC721,
    common_pb2.STANDARD_ERC1155: Standard.ERC1155,
}


class CatalogClient:
    """Which contracts are collections that can be minted from."""

    def __init__(self, stub: CatalogServiceAsyncStub) -> None:
        self._stub = stub

    async def find_standard(self, chain_id: ChainId, contract: Address) -> Standard | None:
        """The standard of a known collection; None for a contract that the catalog does not know."""
        key = CollectionKey(chain_id=chain_id.caip2, contract=contract)
        answer = await self._stub.BatchGetCollections(BatchGetCollectionsRequest(keys=[key]))
        return _STANDARDS.get(answer.collections[0].standard) if answer.collections else None


class ChainsClient:
    """Contracts, prices, fees, estimates and sightings, each asked of a node now.

    All methods raise `NotFound` CHAIN_UNKNOWN, `FailedPrecondition` CHAIN_DISABLED, and `Unavailable` when no node
    answers.
    """

    def __init__(self, directory: ChainDirectory, errors: ErrorTable) -> None:
        self._directory = directory
        self._errors = errors

    async def factory(self, chain_id: ChainId, standard: Standard) -> tuple[Address, Address]:
        """The factory and what its collections of this standard are clones of. Raises `FailedPrecondition`
        CONTRACT_NOT_REGISTERED."""
        handle = await self._directory.get(chain_id)
        return handle.contract("factory"), handle.contract(standard.implementation)

    async def price(self, mint: Mint) -> Wei:
        """What the mint costs in all, by the sale terms in force on chain: the catalog's copy may be a block behind,
        and one token id of an ERC-1155 may have terms of its own."""
        handle = await self._directory.get(mint.chain_id)
        if mint.token_id is None:
            function, calldata = MINT_CONFIG_721, MINT_CONFIG_721.encode()
        else:
            function, calldata = MINT_CONFIG_1155, MINT_CONFIG_1155.encode(mint.token_id)
        try:
            ((price, *_),) = function.decode_result(await handle.pool.call(mint.contract, calldata))
        except (Reverted, UndecodableData):
            raise FailedPrecondition(
                "NOT_MINTABLE", f"{mint.contract} sells no tokens the way our collections do"
            ) from None
        return Wei(price * mint.quantity)

    async def to_sign(
        self, chain_id: ChainId, sender: Address, to: Address, data: bytes, value: Wei
    ) -> tuple[UnsignedTransaction, int]:
        """The call as a transaction with gas limit and fees by the chain's policy, and the sender's next nonce.

        Raises `FailedPrecondition`: WOULD_REVERT with the contract's error, INSUFFICIENT_FUNDS, CANNOT_ESTIMATE,
        GAS_PRICE_ABOVE_CAP, CHAIN_WITHOUT_BASE_FEE.
        """
        handle = await self._directory.get(chain_id)
        policy = _policy(handle)
        header, estimate, nonce = await asyncio.gather(
            handle.pool.find_header("latest"),
            self._estimate(handle, sender, to, data, value),
            handle.pool.transaction_count(sender),
        )
        if header is None or header.base_fee is None:
            raise FailedPrecondition("CHAIN_WITHOUT_BASE_FEE", f"{chain_id.caip2} does not price gas as EIP-1559 does")
        offered = fees(policy, header.base_fee)
        limit = gas_limit(policy, estimate, header.gas_limit)
        return UnsignedTransaction(to, data, value, limit, offered.max_fee, offered.max_priority_fee), nonce

    async def look(self, intent: Intent, tx_hash: bytes) -> list[Fact]:
        """What a node says now about a transaction claimed for an intent. Raises `Unavailable` after 2 s."""
        handle = await self._directory.get(intent.chain_id)
        try:
            async with asyncio.timeout(_LOOK_PATIENCE):
                sighting = await Lookout(handle.pool, self._errors).look(tx_hash)
        except (TimeoutError, RpcError) as error:
            raise Unavailable("NODE_UNSURE", f"no node could say what {tx_hash.hex()} is") from error
        return facts_of(intent, tx_hash, sighting, handle.chain.gas_policy.confirmations)

    async def _estimate(self, handle: ChainHandle, sender: Address, to: Address, data: bytes, value: Wei) -> int:
        try:
            return await handle.pool.estimate_gas(to, data, sender=sender, value=value)
        except Reverted as error:
            shown = decode_error(error.returned, self._errors)
            raise FailedPrecondition(
                "WOULD_REVERT", f"the contract refuses this now: {shown}", error=shown, name=shown.partition("(")[0]
            ) from error
        except RpcError as error:
            if error.retryable:
                raise
            if _INSUFFICIENT.search(error.message):
                raise FailedPrecondition(
                    "INSUFFICIENT_FUNDS", f"{sender} cannot pay {value} wei and gas; fund it and prepare again"
                ) from error
            raise FailedPrecondition("CANNOT_ESTIMATE", f"the node cannot estimate this: {error.message}") from error


def _policy(handle: ChainHandle) -> GasPolicy:
    policy = handle.chain.gas_policy
    return GasPolicy(
        base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
        max_priority_fee=Wei(int(policy.max_priority_fee)),
        max_fee_cap=Wei(int(policy.max_fee_cap)),
        gas_limit_margin_percent=policy.gas_limit_margin_percent,
    )
