"""Subscriptions' calls to others: the catalog over gRPC, and the nodes of every chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mercato.evm.abi import ErrorTable
from mercato.evm.directory import ChainDirectory
from mercato.intents.sightings import Lookout, Sighting
from mercato.kit.errors import MercatoError, Unavailable
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId
from mercato.rpc.catalog.v1.catalog_pb2 import BatchGetCollectionsRequest, CollectionKey, ListTransfersRequest
from mercato.rpc.common.v1.common_pb2 import PageRequest
from mercato.services.subscriptions.model import Place

if TYPE_CHECKING:
    from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceAsyncStub

_NEWEST = 20


class CatalogClient:
    """Where collections come from."""

    def __init__(self, stub: CatalogServiceAsyncStub) -> None:
        self._stub = stub

    async def find_creation(self, chain_id: ChainId, contract: Address) -> bytes | None:
        """Hash of the transaction in which a factory made the collection. Raises `Unavailable` CATALOG_UNSURE."""
        key = CollectionKey(chain_id=chain_id.caip2, contract=contract)
        try:
            answer = await self._stub.BatchGetCollections(BatchGetCollectionsRequest(keys=[key]))
        except MercatoError as error:
            raise Unavailable("CATALOG_UNSURE", f"the catalog does not tell of {contract}: {error}") from error
        bindings = [b for c in answer.collections for b in c.bindings if b.kind == "factory" and b.tx_hash]
        return bindings[0].tx_hash if bindings else None

    async def list_mints(self, chain_id: ChainId, contract: Address, recipient: Address) -> list[Place]:
        """Where the catalog has the newest mints to `recipient`, one place for each transaction. Raises `Unavailable`
        CATALOG_UNSURE."""
        request = ListTransfersRequest(
            chain_id=chain_id.caip2, contract=contract, account=recipient, page=PageRequest(first=_NEWEST)
        )
        try:
            answer = await self._stub.ListTransfers(request)
        except MercatoError as error:
            raise Unavailable("CATALOG_UNSURE", f"the catalog does not tell of {contract}: {error}") from error
        minted = [t.position for t in answer.transfers if getattr(t, "from") == ZERO_ADDRESS and t.to == recipient]
        return list(dict.fromkeys(Place(chain_id, p.tx_hash, p.block.number, p.block.hash) for p in minted))


class ChainsClient:
    """Transactions, as the nodes of every enabled chain show them."""

    def __init__(self, directory: ChainDirectory, errors: ErrorTable) -> None:
        self._directory = directory
        self._errors = errors

    async def look(self, chain_id: ChainId, tx_hash: bytes) -> tuple[Sighting, int]:
        """A transaction that was mined, and the confirmations its chain asks for.

        Raises `Unavailable` NODE_UNSURE whatever went wrong, so that the message is tried again; also when the node
        does not know the transaction: then it lags behind the one that the indexer reads.
        """
        try:
            handle = await self._directory.get(chain_id)
            sighting = await Lookout(handle.pool, self._errors).look(tx_hash)
        except MercatoError as error:
            raise Unavailable("NODE_UNSURE", f"0x{tx_hash.hex()} cannot be looked up: {error}") from error
        if sighting.transaction is None or sighting.receipt is None:
            raise Unavailable("NODE_UNSURE", f"the node does not know 0x{tx_hash.hex()} yet")
        return sighting, handle.chain.gas_policy.confirmations
