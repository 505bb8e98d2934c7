"""What admins read and change: the chain registry. Every root field asks first whether it is an admin who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ariadne import MutationType, ObjectType, QueryType, SchemaBindable

from mercato.kit.ids import ChainId
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.connections import page_edges, page_itself, page_nodes
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.keys import Page
from mercato.services.gateway.model.registry import (
    ChainChange,
    ChainEndpoint,
    ChainTerms,
    EndpointTerms,
    GasPolicy,
    RegisteredChain,
    Wish,
)
from mercato.services.gateway.rpc.registry import RegistryClient

query = QueryType()
mutation = MutationType()
registered_chain = ObjectType("RegisteredChain")
chain_endpoint = ObjectType("ChainEndpoint")
chain_change = ObjectType("ChainChange")
chain_change_connection = ObjectType("ChainChangeConnection")
chain_change_connection.set_field("edges", page_edges)
chain_change_connection.set_field("nodes", page_nodes)
chain_change_connection.set_field("pageInfo", page_itself)

Input = Mapping[str, Any]
Payload = dict[str, Any]

_INT_MAX = 2**31 - 1
_LONGEST_URL = 2000
_MOST_HEADERS = 16


@query.field("chainRegistry")
async def chain_registry(_: object, info: Info) -> list[RegisteredChain]:
    return await (await _registry(info)).list_chains()


@query.field("registeredChain")
async def find_registered_chain(_: object, info: Info, *, chain_id: ChainId) -> RegisteredChain | None:
    found = await (await _registry(info)).list_chains()
    return next((c for c in found if c.chain.chain_id == chain_id), None)


@query.field("chainChanges")
async def chain_changes(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, chain_id: ChainId | None = None
) -> Page[ChainChange]:
    page = inputs.page(first, after)
    return await (await _registry(info)).list_changes(chain_id, page)


@registered_chain.field("changes")
async def changes_of_chain(
    obj: RegisteredChain, info: Info, first: int | None = None, after: str | None = None
) -> Page[ChainChange]:
    page = inputs.page(first, after)
    return await (await _registry(info)).list_changes(obj.chain.chain_id, page)


@chain_endpoint.field("id")
def endpoint_id(obj: ChainEndpoint, _: Info) -> str:
    return node_ids.local("ChainEndpoint", obj.endpoint_id)


@chain_change.field("id")
def change_id(obj: ChainChange, _: Info) -> str:
    return node_ids.local("ChainChange", obj.change_id)


@mutation.field("putChain")
async def put_chain(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    terms = ChainTerms(
        name=inputs.text(input["name"], "name", 64, 1),
        currency_symbol=inputs.text(input["currency_symbol"], "currencySymbol", 16, 1),
        currency_decimals=inputs.number(input["currency_decimals"], "currencyDecimals", 0, 36),
        explorer_url=inputs.text(input.get("explorer_url") or "", "explorerUrl", _LONGEST_URL),
        enabled=input["enabled"],
        scope=input["scope"],
        start_block=input["start_block"],
    )
    return {"chain": await registry.put_chain(wish, terms)}


@mutation.field("setChainEnabled")
async def set_chain_enabled(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    return {"chain": await registry.set_enabled(wish, input["enabled"])}


@mutation.field("putChainEndpoint")
async def put_chain_endpoint(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    terms = EndpointTerms(
        url=inputs.text(input["url"], "url", _LONGEST_URL, 1),
        ws_url=inputs.text(input.get("ws_url") or "", "wsUrl", _LONGEST_URL),
        priority=inputs.number(input["priority"], "priority", 0, 1000),
        weight=inputs.number(input["weight"], "weight", 1, 1000),
        headers=_headers(input.get("headers")),
    )
    return {"chain": await registry.put_endpoint(wish, terms)}


@mutation.field("removeChainEndpoint")
async def remove_chain_endpoint(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    key = node_ids.parse_chain_endpoint(input["endpoint_id"])
    return {"chain": await registry.remove_endpoint(wish, key)}


@mutation.field("putChainContract")
async def put_chain_contract(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    kind = inputs.text(input["kind"], "kind", 64, 1)
    return {"chain": await registry.put_contract(wish, kind, input["address"], input["deployed_block"])}


@mutation.field("removeChainContract")
async def remove_chain_contract(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)
    kind = inputs.text(input["kind"], "kind", 64, 1)
    return {"chain": await registry.remove_contract(wish, kind, input["address"])}


@mutation.field("putGasPolicy")
async def put_gas_policy(_: object, info: Info, *, input: Input) -> Payload:
    registry, wish = await _wish(info, input)

    def whole(key: str, field: str) -> int:
        return inputs.number(input[key], field, 0, _INT_MAX)

    policy = GasPolicy(
        base_fee_multiplier_percent=whole("base_fee_multiplier_percent", "baseFeeMultiplierPercent"),
        max_priority_fee=input["max_priority_fee"],
        max_fee_cap=input["max_fee_cap"],
        gas_limit_margin_percent=whole("gas_limit_margin_percent", "gasLimitMarginPercent"),
        confirmations=whole("confirmations", "confirmations"),
        finality_depth=whole("finality_depth", "finalityDepth"),
    )
    return {"chain": await registry.put_gas_policy(wish, policy)}


async def _registry(info: Info) -> RegistryClient:
    """Raises `PermissionDenied` ADMIN_REQUIRED, and what `Context.principal` raises."""
    context = context_of(info)
    await context.admin()
    return context.backends.registry


async def _wish(info: Info, input: Input) -> tuple[RegistryClient, Wish]:
    """Raises `PermissionDenied` ADMIN_REQUIRED, and what `Context.principal` raises."""
    context = context_of(info)
    admin = await context.admin()
    return context.backends.registry, Wish(input["chain_id"], admin.address, input.get("expected_version"))


def _headers(given: list[Input] | None) -> Mapping[str, str] | None:
    """None when not given. Raises `InvalidArgument` INVALID_HEADERS for a name that comes twice."""
    if given is None:
        return None
    headers = {
        inputs.text(h["name"], "headerName", 100, 1): inputs.text(h["value"], "headerValue", 2000)
        for h in inputs.items(given, "headers", _MOST_HEADERS)
    }
    if len({name.lower() for name in headers}) != len(given):
        raise inputs.wrong("headers", "must have each name once")
    return headers


ADMINISTRATION: list[SchemaBindable] = [
    query,
    mutation,
    registered_chain,
    chain_endpoint,
    chain_change,
    chain_change_connection,
]
"""Bound beside the other root fields."""
