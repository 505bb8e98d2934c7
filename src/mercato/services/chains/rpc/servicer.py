"""The gRPC face of the registry: parse, call the use case, render."""

from __future__ import annotations

from typing import Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import cursors, tracing
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, Wei, parse_uint256
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceServicer
from mercato.rpc.common.v1 import common_pb2
from mercato.services.chains.model.audit import Change, Json
from mercato.services.chains.model.chains import Chain, ChainSpec, Contract, Endpoint, GasPolicy, IndexScope
from mercato.services.chains.model.edits import (
    HeaderChange,
    Instruction,
    RemoveContract,
    RemoveEndpoint,
    SetEnabled,
)
from mercato.services.chains.usecases import Audit, ReadChains, WriteChains

_SCOPES = {pb.INDEX_SCOPE_FOLLOWED: IndexScope.FOLLOWED, pb.INDEX_SCOPE_ALL: IndexScope.ALL}
_HEADER_CHANGES = {
    pb.HEADER_CHANGE_REPLACE: HeaderChange.REPLACE,
    pb.HEADER_CHANGE_KEEP: HeaderChange.KEEP,
}

_Write = (
    pb.PutChainRequest
    | pb.SetChainEnabledRequest
    | pb.PutEndpointRequest
    | pb.RemoveEndpointRequest
    | pb.PutContractRequest
    | pb.RemoveContractRequest
    | pb.PutGasPolicyRequest
)


class ChainsRpc(ChainsServiceServicer):
    """`chains.v1.ChainsService`."""

    def __init__(self, reads: ReadChains, writes: WriteChains, audit: Audit) -> None:
        self._reads = reads
        self._writes = writes
        self._audit = audit

    async def ListChains(self, request: pb.ListChainsRequest, context: Any) -> pb.ListChainsResponse:
        """Every chain, by number."""
        return pb.ListChainsResponse(chains=[_render(chain) for chain in await self._reads.all()])

    async def GetChain(self, request: pb.GetChainRequest, context: Any) -> pb.Chain:
        """One chain; NOT_FOUND CHAIN_UNKNOWN."""
        return _render(await self._reads.get(ChainId.parse(request.chain_id)))

    async def PutChain(self, request: pb.PutChainRequest, context: Any) -> pb.Chain:
        """Adds or changes a chain itself."""
        return _render(await self._writes.put_chain(_spec(request.chain), _instruction(request)))

    async def SetChainEnabled(self, request: pb.SetChainEnabledRequest, context: Any) -> pb.Chain:
        """Switches a chain on or off."""
        edit = SetEnabled(ChainId.parse(request.chain_id), request.enabled)
        return _render(await self._writes.set_enabled(edit, _instruction(request)))

    async def PutEndpoint(self, request: pb.PutEndpointRequest, context: Any) -> pb.Chain:
        """Adds or changes a node."""
        chain_id, headers = ChainId.parse(request.chain_id), _HEADER_CHANGES.get(request.header_change)
        if headers is None:
            raise InvalidArgument("INVALID_HEADER_CHANGE", "say what happens to the headers: REPLACE or KEEP")
        endpoint = _endpoint(request.endpoint)
        return _render(await self._writes.put_endpoint(chain_id, endpoint, headers, _instruction(request)))

    async def RemoveEndpoint(self, request: pb.RemoveEndpointRequest, context: Any) -> pb.Chain:
        """Takes a node away."""
        edit = RemoveEndpoint(ChainId.parse(request.chain_id), request.endpoint_id)
        return _render(await self._writes.remove_endpoint(edit, _instruction(request)))

    async def PutContract(self, request: pb.PutContractRequest, context: Any) -> pb.Chain:
        """Sets the contract of a kind."""
        chain_id, contract = ChainId.parse(request.chain_id), _contract(request.contract)
        return _render(await self._writes.put_contract(chain_id, contract, _instruction(request)))

    async def RemoveContract(self, request: pb.RemoveContractRequest, context: Any) -> pb.Chain:
        """Takes a contract away."""
        edit = RemoveContract(ChainId.parse(request.chain_id), request.kind, Address(request.address))
        return _render(await self._writes.remove_contract(edit, _instruction(request)))

    async def PutGasPolicy(self, request: pb.PutGasPolicyRequest, context: Any) -> pb.Chain:
        """Sets the gas policy."""
        chain_id, policy = ChainId.parse(request.chain_id), _gas_policy(request.gas_policy)
        return _render(await self._writes.put_gas_policy(chain_id, policy, _instruction(request)))

    async def ListChanges(self, request: pb.ListChangesRequest, context: Any) -> pb.ListChangesResponse:
        """The audit, newest first."""
        size = cursors.page_size(request.page.first)
        key = cursors.decode_numbers(request.page.after, 1, cursors.BIGINT_MAX)
        chain_id = ChainId.parse(request.chain_id) if request.chain_id else None
        found = await self._audit.list_changes(chain_id, size + 1, key[0] if key else None)
        shown, more = found[:size], len(found) > size
        return pb.ListChangesResponse(
            changes=[_change(one) for one in shown],
            cursors=[cursors.encode(one.ref) for one in shown],
            page=common_pb2.PageInfo(has_next_page=more, end_cursor=cursors.encode(shown[-1].ref) if shown else ""),
        )


def _instruction(request: _Write) -> Instruction:
    return Instruction(
        account=Address(request.requested_by) if request.requested_by else None,
        request_id=tracing.request_id.get(),
        expected_version=request.expected_version if request.HasField("expected_version") else None,
    )


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


def render_gas_policy(policy: GasPolicy) -> pb.GasPolicy:
    """A policy as callers see it and send it; wei as decimal text."""
    return pb.GasPolicy(
        base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
        max_priority_fee=str(policy.max_priority_fee),
        max_fee_cap=str(policy.max_fee_cap),
        gas_limit_margin_percent=policy.gas_limit_margin_percent,
        confirmations=policy.confirmations,
        finality_depth=policy.finality_depth,
    )


def _render(chain: Chain) -> pb.Chain:
    spec = chain.spec
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
            pb.Endpoint(
                url=e.url,
                priority=e.priority,
                weight=e.weight,
                headers=e.headers,
                ws_url=e.ws_url,
                id=e.id,
                shown_url=e.shown_url,
                shown_ws_url=e.shown_ws_url,
            )
            for e in chain.endpoints
        ],
        contracts=[
            pb.Contract(kind=c.kind, address=c.address, deployed_block=c.deployed_block) for c in chain.contracts
        ],
        gas_policy=render_gas_policy(chain.gas_policy),
    )


def _change(change: Change) -> pb.Change:
    at = Timestamp()
    at.FromDatetime(change.at)
    return pb.Change(
        id=str(change.ref),
        chain_id=change.chain_id.caip2,
        version=change.version,
        action=change.action,
        requested_by=change.account or b"",
        request_id=change.request_id,
        at=at,
        before=_json(change.before),
        after=_json(change.after),
    )


def _json(value: Json | None) -> str:
    return orjson.dumps(value).decode() if value is not None else ""
