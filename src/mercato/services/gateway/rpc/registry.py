"""The chain registry as the gateway has it changed by admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mercato.kit.ids import Address, ChainId, Wei
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.services.gateway.model.keys import Page, PageQuery
from mercato.services.gateway.model.registry import (
    ChainChange,
    ChainEndpoint,
    ChainTerms,
    EndpointTerms,
    GasPolicy,
    RegisteredChain,
    Wish,
)
from mercato.services.gateway.rpc import wire
from mercato.services.gateway.rpc.chains import public_chain

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub

_SCOPES = {pb.INDEX_SCOPE_FOLLOWED: "FOLLOWED", pb.INDEX_SCOPE_ALL: "ALL"}
_SCOPE_NUMBERS = {name: number for number, name in _SCOPES.items()}


class RegistryClient:
    """Each write gives the chain as it is then. Values of headers and whole URLs go in and never come out."""

    def __init__(self, stub: ChainsServiceAsyncStub) -> None:
        self._stub = stub

    async def list_chains(self) -> list[RegisteredChain]:
        answer = await self._stub.ListChains(pb.ListChainsRequest())
        return [_registered(chain) for chain in answer.chains]

    async def list_changes(self, chain_id: ChainId | None, page: PageQuery) -> Page[ChainChange]:
        """Newest first."""
        request = pb.ListChangesRequest(chain_id=wire.caip2(chain_id), page=wire.page_request(page))
        answer = await self._stub.ListChanges(request)
        return wire.page(map(_change, answer.changes), answer.cursors, answer.page, page)

    async def put_chain(self, wish: Wish, terms: ChainTerms) -> RegisteredChain:
        chain = pb.Chain(
            chain_id=wish.chain_id.caip2,
            name=terms.name,
            currency_symbol=terms.currency_symbol,
            currency_decimals=terms.currency_decimals,
            explorer_url=terms.explorer_url,
            enabled=terms.enabled,
            scope=_SCOPE_NUMBERS[terms.scope],
            start_block=terms.start_block,
        )
        request = pb.PutChainRequest(
            chain=chain, requested_by=wish.requested_by, expected_version=wish.expected_version
        )
        return _registered(await self._stub.PutChain(request))

    async def set_enabled(self, wish: Wish, enabled: bool) -> RegisteredChain:
        request = pb.SetChainEnabledRequest(enabled=enabled, **_common(wish))
        return _registered(await self._stub.SetChainEnabled(request))

    async def put_endpoint(self, wish: Wish, terms: EndpointTerms) -> RegisteredChain:
        request = pb.PutEndpointRequest(
            endpoint=pb.Endpoint(
                url=terms.url,
                ws_url=terms.ws_url,
                priority=terms.priority,
                weight=terms.weight,
                headers=terms.headers or {},
            ),
            header_change=pb.HEADER_CHANGE_KEEP if terms.headers is None else pb.HEADER_CHANGE_REPLACE,
            **_common(wish),
        )
        return _registered(await self._stub.PutEndpoint(request))

    async def remove_endpoint(self, wish: Wish, endpoint_id: str) -> RegisteredChain:
        request = pb.RemoveEndpointRequest(endpoint_id=endpoint_id, **_common(wish))
        return _registered(await self._stub.RemoveEndpoint(request))

    async def put_contract(self, wish: Wish, kind: str, address: Address, deployed_block: int) -> RegisteredChain:
        contract = pb.Contract(kind=kind, address=address, deployed_block=deployed_block)
        return _registered(await self._stub.PutContract(pb.PutContractRequest(contract=contract, **_common(wish))))

    async def remove_contract(self, wish: Wish, kind: str, address: Address) -> RegisteredChain:
        request = pb.RemoveContractRequest(kind=kind, address=address, **_common(wish))
        return _registered(await self._stub.RemoveContract(request))

    async def put_gas_policy(self, wish: Wish, policy: GasPolicy) -> RegisteredChain:
        wanted = pb.GasPolicy(
            base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
            max_priority_fee=str(policy.max_priority_fee),
            max_fee_cap=str(policy.max_fee_cap),
            gas_limit_margin_percent=policy.gas_limit_margin_percent,
            confirmations=policy.confirmations,
            finality_depth=policy.finality_depth,
        )
        return _registered(await self._stub.PutGasPolicy(pb.PutGasPolicyRequest(gas_policy=wanted, **_common(wish))))


def _common(wish: Wish) -> dict[str, Any]:
    return {
        "chain_id": wish.chain_id.caip2,
        "requested_by": bytes(wish.requested_by),
        "expected_version": wish.expected_version,
    }


def _registered(c: pb.Chain) -> RegisteredChain:
    policy = c.gas_policy
    return RegisteredChain(
        chain=public_chain(c),
        version=c.version,
        scope=_SCOPES.get(c.scope, "FOLLOWED"),
        start_block=c.start_block,
        endpoints=[
            ChainEndpoint(e.id, e.shown_url, wire.text(e.shown_ws_url), e.priority, e.weight, sorted(e.headers))
            for e in c.endpoints
        ],
        gas_policy=GasPolicy(
            base_fee_multiplier_percent=policy.base_fee_multiplier_percent,
            max_priority_fee=Wei(wire.number(policy.max_priority_fee)),
            max_fee_cap=Wei(wire.number(policy.max_fee_cap)),
            gas_limit_margin_percent=policy.gas_limit_margin_percent,
            confirmations=policy.confirmations,
            finality_depth=policy.finality_depth,
        ),
    )


def _change(c: pb.Change) -> ChainChange:
    return ChainChange(
        change_id=c.id,
        chain_id=ChainId.parse(c.chain_id),
        version=c.version,
        action=c.action.upper(),
        requested_by=wire.find_address(c.requested_by),
        request_id=c.request_id,
        at=wire.moment(c.at),
        before=_json(c.before),
        after=_json(c.after),
    )


def _json(text: str) -> Any:
    return orjson.loads(text) if text else None
