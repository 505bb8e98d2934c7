"""The gRPC face of the registry: parse, call the use case, render."""

from __future__ import annotations

from typing import Any

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, Wei, parse_uint256
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceServicer
from mercato.services.chains.model import Chain, ChainSpec, Contract, Endpoint, GasPolicy, IndexScope
from mercato.services.chains.usecases import ReadChains, WriteChains

_SCOPES = {pb.INDEX_SCOPE_FOLLOWED: IndexScope.FOLLOWED, pb.INDEX_SCOPE_ALL: IndexScope.ALL}


class ChainsRpc(ChainsServiceServicer):
    """`chains.v1.ChainsService`."""

    def __init__(self, reads: ReadChains, writes: WriteChains) -> None:
        self._reads = reads
        self._writes = writes

    async def ListChains(self, request: pb.ListChainsRequest, context: Any) -> pb.ListChainsResponse:
        """Every chain, by number."""
        return pb.ListChainsResponse(chains=[_render(chain) for chain in await self._reads.all()])

    async def GetChain(self, request: pb.GetChainRequest, context: Any) -> pb.Chain:
        """One chain; NOT_FOUND CHAIN_UNKNOWN."""
        return _render(await self._reads.get(ChainId.parse(request.chain_id)))

    async def PutChain(self, request: pb.PutChainRequest, context: Any) -> pb.Chain:
        """Adds or changes a chain itself."""
        return _render(await self._writes.put_chain(_spec(request.chain)))

    async def PutEndpoint(self, request: pb.PutEndpointRequest, context: Any) -> pb.Chain:
        """Adds or changes a node."""
        chain_id = ChainId.parse(request.chain_id)
        return _render(await self._writes.put_endpoint(chain_id, _endpoint(request.endpoint)))

    async def PutContract(self, request: pb.PutContractRequest, context: Any) -> pb.Chain:
        """Sets the contract of a kind."""
        chain_id = ChainId.parse(request.chain_id)
        return _render(await self._writes.put_contract(chain_id, _contract(request.contract)))

    async def PutGasPolicy(self, request: pb.PutGasPolicyRequest, context: Any) -> pb.Chain:
        """Sets the gas policy."""
        chain_id = ChainId.parse(request.chain_id)
        return _render(await self._writes.put_gas_policy(chain_id, _gas_policy(request.gas_policy)))


def _spec(chain: pb.Chain) -> ChainSpec:
    scope = _SCOPES.get(chain.scope)
    if scope is None:
        raise InvalidArgument("INVALID_SCOPE", "say which contracts are indexed: FOLLOWED or ALL")
    return ChainSpec(
        chain_id=ChainId.parse(chain.chain_id),
        name=chain.name,
        currency_symbol=chain.currency_symbol,
        currency_decimals=chain.currency_decimals,
        explorer_url=chain.explorer_url,
        enabled=chain.enabled,
        scope=scope,
        start_block=chain.start_block,
    )


def _endpoint(endpoint: pb.Endpoint) -> Endpoint:
    """A weight that was not given is 1."""
    return Endpoint(endpoint.url, endpoint.priority, endpoint.weight or 1, dict(endpoint.headers), endpoint.ws_url)


def _contract(contract: pb.Contract) -> Contract:
    return Contract(contract.kind, Address(contract.address), contract.deployed_block)


def _gas_policy(policy: pb.GasPolicy) -> GasPolicy:
    return GasPolicy(
        base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
        max_priority_fee=Wei(parse_uint256(policy.max_priority_fee, "max_priority_fee")),
        max_fee_cap=Wei(parse_uint256(policy.max_fee_cap, "max_fee_cap")),
        gas_limit_margin_percent=policy.gas_limit_margin_percent,
        confirmations=policy.confirmations,
        finality_depth=policy.finality_depth,
    )


def _render(chain: Chain) -> pb.Chain:
    spec, policy = chain.spec, chain.gas_policy
    return pb.Chain(
        chain_id=spec.chain_id.caip2,
        name=spec.name,
        currency_symbol=spec.currency_symbol,
        currency_decimals=spec.currency_decimals,
        explorer_url=spec.explorer_url,
        enabled=spec.enabled,
        scope=f"INDEX_SCOPE_{spec.scope.value}",
        start_block=spec.start_block,
        version=chain.version,
        endpoints=[
            pb.Endpoint(url=e.url, priority=e.priority, weight=e.weight, headers=e.headers, ws_url=e.ws_url)
            for e in chain.endpoints
        ],
        contracts=[
            pb.Contract(kind=c.kind, address=c.address, deployed_block=c.deployed_block) for c in chain.contracts
        ],
        gas_policy=pb.GasPolicy(
            base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
            max_priority_fee=str(policy.max_priority_fee),
            max_fee_cap=str(policy.max_fee_cap),
            gas_limit_margin_percent=policy.gas_limit_margin_percent,
            confirmations=policy.confirmations,
            finality_depth=policy.finality_depth,
        ),
    )
