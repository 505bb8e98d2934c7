"""The chain registry and the indexer as the gateway reads them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mercato.kit.ids import Address, ChainId
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.indexer.v1 import indexer_pb2
from mercato.services.gateway.model.chains import Chain, ChainContract, Currency, IndexerStatus
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
        return [_chain(c) for c in answer.chains]


class IndexerClient:
    """Progress of the chain readers."""

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
            )
            for c in answer.chains
        ]


def _chain(c: chains_pb2.Chain) -> Chain:
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
