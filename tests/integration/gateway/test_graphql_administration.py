"""The chain registry through the API: admins only, every wish passed on whole, and no secret comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_fakes import ALICE, CHAIN, CONTRACT
from gateway_parts import Gateway

from mercato.kit.errors import Conflict, InvalidArgument
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.services.gateway.model import node_ids

REGISTERED = """chain { version scope startBlock chain { chainId name }
  endpoints { id url wsUrl priority weight headerNames }
  gasPolicy { baseFeeMultiplierPercent maxFeeCap finalityDepth } }"""
POLICY = {
    "baseFeeMultiplierPercent": 150, "maxPriorityFee": "7", "maxFeeCap": "8", "gasLimitMarginPercent": 10,
    "confirmations": 2, "finalityDepth": 64, "expectedVersion": 3,
}  # fmt: skip
ENDPOINT_ID = node_ids.local("ChainEndpoint", "e1")

WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "putChain": ("PutChain", {"name": "Local", "enabled": True}),
    "setChainEnabled": ("SetChainEnabled", {"enabled": False}),
    "putChainEndpoint": ("PutEndpoint", {"url": "http://169.254.169.254/latest"}),
    "removeChainEndpoint": ("RemoveEndpoint", {"endpointId": ENDPOINT_ID}),
    "putChainContract": ("PutContract", {"kind": "seaport", "address": CONTRACT.text}),
    "removeChainContract": ("RemoveContract", {"kind": "seaport", "address": CONTRACT.text}),
    "putGasPolicy": ("PutGasPolicy", POLICY),
}


def write(field: str) -> str:
    kind = f"{field[0].upper()}{field[1:]}Input"
    return f"mutation ($input: {kind}!) {{ {field}(input: $input) {{ {REGISTERED} }} }}"


def wish(field: str, **changes: Any) -> dict[str, Any]:
    return {"chainId": CHAIN.caip2, **WRITES[field][1], **changes}


@pytest.mark.parametrize("field", WRITES)
async def test_who_is_no_admin_changes_nothing(gateway: Gateway, field: str) -> None:
    signed_in = await gateway.execute(write(field), token="token-guest", input=wish(field))
    anonymous = await gateway.execute(write(field), input=wish(field))
    assert (signed_in.code, signed_in.reason) == ("PERMISSION_DENIED", "ADMIN_REQUIRED")
    assert (anonymous.code, anonymous.reason) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    assert gateway.world.calls[WRITES[field][0]] == 0


@pytest.mark.parametrize("query", ["chainRegistry { version }", "chainChanges { nodes { id } }"])
async def test_who_is_no_admin_reads_nothing_of_it(gateway: Gateway, query: str) -> None:
    answer = await gateway.execute(f"{{ {query} }}", token="token-guest")
    assert answer.reason == "ADMIN_REQUIRED"
    assert gateway.world.calls["ListChains"] == gateway.world.calls["ListChanges"] == 0


@pytest.mark.parametrize("field", WRITES)
async def test_an_admins_wish_is_passed_on_with_who_asks_and_what_they_saw(gateway: Gateway, field: str) -> None:
    answer = await gateway.execute(write(field), token="token-admin", input=wish(field, expectedVersion=2))
    assert answer.data[field]["chain"] == {
        "version": 3, "scope": "ALL", "startBlock": 5, "chain": {"chainId": CHAIN.caip2, "name": "Local"},
        "endpoints": [
            {
                "id": ENDPOINT_ID, "url": "https://node.example/***", "wsUrl": None, "priority": 0, "weight": 2,
                "headerNames": ["x-key"],
            }
        ],
        "gasPolicy": {"baseFeeMultiplierPercent": 150, "maxFeeCap": "8", "finalityDepth": 64},
    }  # fmt: skip
    assert "5ecret" not in json.dumps(answer.body)
    request = gateway.world.requests[WRITES[field][0]]
    assert (request.requested_by, request.expected_version) == (bytes(ALICE), 2)
    chain_id = request.chain.chain_id if field == "putChain" else request.chain_id
    assert chain_id == CHAIN.caip2


async def test_a_wish_without_a_version_does_not_care_about_it(gateway: Gateway) -> None:
    await gateway.execute(write("setChainEnabled"), token="token-admin", input=wish("setChainEnabled"))
    assert not gateway.world.requests["SetChainEnabled"].HasField("expected_version")
    missing = wish("putGasPolicy")
    del missing["expectedVersion"]
    refused = await gateway.execute(write("putGasPolicy"), token="token-admin", input=missing)
    assert refused.reason == "VARIABLES_INVALID"


async def test_headers_stay_unless_they_are_given(gateway: Gateway) -> None:
    document = write("putChainEndpoint")
    await gateway.execute(document, token="token-admin", input=wish("putChainEndpoint"))
    assert gateway.world.requests["PutEndpoint"].header_change == pb.HEADER_CHANGE_KEEP
    headers = [{"name": "x-key", "value": "5ecret"}]
    await gateway.execute(document, token="token-admin", input=wish("putChainEndpoint", headers=headers))
    request = gateway.world.requests["PutEndpoint"]
    assert (request.header_change, dict(request.endpoint.headers)) == (
        pb.HEADER_CHANGE_REPLACE,
        {"x-key": "5ecret"},
    )
    twice = [*headers, {"name": "X-Key", "value": "y"}]
    refused = await gateway.execute(document, token="token-admin", input=wish("putChainEndpoint", headers=twice))
    assert refused.reason == "INVALID_HEADERS"
    assert gateway.world.calls["PutEndpoint"] == 2


@pytest.mark.parametrize(
    ("field", "changes", "reason"),
    [
        ("putChain", {"currencyDecimals": -1}, "INVALID_CURRENCY_DECIMALS"),
        ("putChain", {"name": ""}, "INVALID_NAME"),
        ("putChainEndpoint", {"priority": -1}, "INVALID_PRIORITY"),
        ("putChainEndpoint", {"weight": 0}, "INVALID_WEIGHT"),
        ("putChainEndpoint", {"headers": [{"name": "a", "value": "b"}] * 17}, "INVALID_HEADERS"),
        ("removeChainEndpoint", {"endpointId": "e1"}, "INVALID_ID"),
        ("removeChainEndpoint", {"endpointId": node_ids.local("Session", "e1")}, "INVALID_ID"),
        ("putGasPolicy", {"confirmations": -1}, "INVALID_CONFIRMATIONS"),
        ("putGasPolicy", {"maxFeeCap": 8}, "INVALID_UINT256"),
    ],
)
async def test_what_no_registry_takes_is_refused_at_the_edge(
    gateway: Gateway, field: str, changes: dict[str, Any], reason: str
) -> None:
    answer = await gateway.execute(write(field), token="token-admin", input=wish(field, **changes))
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", reason)
    assert gateway.world.calls[WRITES[field][0]] == 0


async def test_the_registrys_refusal_reaches_the_admin_with_its_reason(gateway: Gateway) -> None:
    gateway.world.failures["PutGasPolicy"] = Conflict("CHAIN_CHANGED", "read it again", version="4")
    gateway.world.failures["PutEndpoint"] = InvalidArgument("CHAIN_ID_MISMATCH", "another chain", reported="1")
    conflict = await gateway.execute(write("putGasPolicy"), token="token-admin", input=wish("putGasPolicy"))
    assert (conflict.code, conflict.reason) == ("CONFLICT", "CHAIN_CHANGED")
    assert conflict.body["errors"][0]["extensions"]["details"] == {"version": "4"}
    mismatch = await gateway.execute(write("putChainEndpoint"), token="token-admin", input=wish("putChainEndpoint"))
    assert (mismatch.code, mismatch.reason) == ("INVALID_ARGUMENT", "CHAIN_ID_MISMATCH")


async def test_admins_read_the_audit_as_a_connection(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """query ($chain: ChainId!) { registeredChain(chainId: $chain) { changes(first: 1) {
          nodes { id chainId version action requestedBy requestId at before after }
          edges { cursor } pageInfo { hasNextPage endCursor } } } }""",
        token="token-admin",
        chain=CHAIN.caip2,
    )
    assert answer.data["registeredChain"]["changes"] == {
        "nodes": [
            {
                "id": node_ids.local("ChainChange", "9"), "chainId": CHAIN.caip2, "version": 3,
                "action": "ENDPOINT_PUT", "requestedBy": ALICE.checksum, "requestId": "r1",
                "at": "2026-11-22T09:00:00.000Z", "before": None, "after": {"endpoints": [{"headers": ["x-key"]}]},
            }
        ],
        "edges": [{"cursor": "c1"}],
        "pageInfo": {"hasNextPage": True, "endCursor": "c1"},
    }  # fmt: skip
    request = gateway.world.requests["ListChanges"]
    assert (request.chain_id, request.page.first) == (CHAIN.caip2, 1)


async def test_no_read_of_the_registry_shows_a_secret(gateway: Gateway) -> None:
    answer = await gateway.execute(
        f"{{ chainRegistry {{ {REGISTERED.partition('{')[2].rpartition('}')[0]} }} chains {{ chainId name }} }}",
        token="token-admin",
    )
    assert len(answer.data["chainRegistry"]) == 2
    assert "5ecret" not in json.dumps(answer.body)
