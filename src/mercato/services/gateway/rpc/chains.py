"""The chain registry and the indexer as the gateway reads them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mercato.kit.ids import Address, ChainId
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.indexer.v1 import indexer_pb2
from mercato.services.gateway.model.chains import Chain, ChainContract, CollectionImport, Currency, IndexerStatus
from mercato.services.gateway.model.keys import Page, PageQuery
from mercato.services.gateway.rpc import wire

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceAsyncStub


class ChainsClient:
    """The registry's public side: endpoints and their headers stay behind."""

    def __init__(self, stub: ChainsServiceAsyncStub) -> None:
        self._stub = stub

    async def list_chains(self) -> list[Chain]:
        answer = await self._stub.ListChains(chains_pb2.ListChainsRequest())
        return [public_chain(c) for c in answer.chains]


class IndexerClient:
    """Progress of the chain readers, and contracts brought in by hand."""

    def __init__(self, stub: IndexerServiceAsyncStub) -> None:
        self._stub = stub

    async def status(self) -> list[IndexerStatus]:
        answer = await self._stub.GetStatus(indexer_pb2.GetStatusRequest())
        return [
            IndexerStatus(
                chain_id=ChainId.parse(c.chain_id),
                state=c.state.upper(),
                reason=wire.text(c.reason),
                head=c.head,
                indexed=c.indexed,
                indexed_hash=c.indexed_hash or None,
                finalized=c.finalized,
                observed_at=wire.find_moment(c.observed_at),
                seen=c.seen,
                head_time=wire.find_moment(c.head_time),
            )
            for c in answer.chains
        ]

    async def import_collection(
        self, chain_id: ChainId, contract: Address, from_block: int | None, requested_by: Address
    ) -> CollectionImport:
        request = indexer_pb2.ImportCollectionRequest(
            chain_id=chain_id.caip2, contract=contract, from_block=from_block, requested_by=requested_by
        )
        return _import((await self._stub.ImportCollection(request)).imported)

    async def list_imports(
        self, chain_id: ChainId | None, contract: Address | None, page: PageQuery
    ) -> Page[CollectionImport]:
        """Newest first."""
        request = indexer_pb2.ListImportsRequest(
            chain_id=wire.caip2(chain_id), contract=wire.raw(contract), page=wire.page_request(page)
        )
        answer = await self._stub.ListImports(request)
        return wire.page(map(_import, answer.imports), answer.cursors, answer.page, page)


def _import(i: indexer_pb2.CollectionImport) -> CollectionImport:
    return CollectionImport(
        chain_id=ChainId.parse(i.chain_id),
        contract=Address(i.contract),
        standard=wire.STANDARDS[i.standard],
        name=i.name,
        symbol=i.symbol,
        state=i.state.upper(),
        reason=wire.text(i.reason),
        from_block=i.from_block if i.HasField("from_block") else None,
        blocks_read=i.blocks_read,
        blocks_total=i.blocks_total,
        facts_published=i.facts_published,
        requested_by=wire.find_address(i.requested_by),
        requested_at=wire.moment(i.requested_at),
        updated_at=wire.moment(i.updated_at),
    )


def public_chain(c: chains_pb2.Chain) -> Chain:
    """What everybody may see of a chain."""
    return Chain(
        chain_id=ChainId.parse(c.chain_id),
        name=c.name,
        currency=Currency(c.currency_symbol, c.currency_decimals),
        explorer_url=wire.text(c.explorer_url),
        enabled=c.enabled,
        contracts=[ChainContract(k.kind, Address(k.address), k.deployed_block) for k in c.contracts],
        confirmations=c.gas_policy.confirmations,
        finality_depth=c.gas_policy.finality_depth,
        local_rpc_url=_local_url(c.endpoints),
    )


def _local_url(endpoints: Sequence[chains_pb2.Endpoint]) -> str | None:
    for endpoint in sorted(endpoints, key=lambda e: e.priority):
        if not endpoint.headers and _is_loopback(endpoint.url):
            return endpoint.url
    return None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
