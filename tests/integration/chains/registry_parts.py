"""Writes to the registry as its tests make them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mercato.evm.directory import ChainDirectory
from mercato.kit.errors import FailedPrecondition, NotFound
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2 as pb

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.stack import LocalStack

CREATE2_PROXY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""A contract that every anvil has."""


def a_chain(stack: LocalStack, index: int = 0, **changes: Any) -> pb.Chain:
    local = stack.chains[index]
    fields: dict[str, Any] = {
        "chain_id": local.chain_id.caip2, "name": local.name, "currency_symbol": "ETH", "currency_decimals": 18,
        "enabled": True, "scope": pb.INDEX_SCOPE_FOLLOWED,
    }  # fmt: skip
    return pb.Chain(**{**fields, **changes})


def a_policy(**changes: Any) -> pb.GasPolicy:
    fields: dict[str, Any] = {
        "base_fee_multiplier_percent": 150, "max_priority_fee": "7", "max_fee_cap": "8", "confirmations": 1,
        "finality_depth": 64,
    }  # fmt: skip
    return pb.GasPolicy(**{**fields, **changes})


async def put_chain(registry: ChainsServiceAsyncStub, stack: LocalStack, **changes: Any) -> pb.Chain:
    return await registry.PutChain(pb.PutChainRequest(chain=a_chain(stack, **changes)))


async def put_endpoint(
    registry: ChainsServiceAsyncStub, stack: LocalStack, index: int = 0, url: str = "", **request: Any
) -> pb.Chain:
    endpoint = pb.Endpoint(url=url or stack.chains[index].url, headers={"X-Key": "secret"})
    chain_id = stack.chains[0].chain_id.caip2
    return await registry.PutEndpoint(pb.PutEndpointRequest(chain_id=chain_id, endpoint=endpoint, **request))


def second(settings: Settings, stack: LocalStack, **changes: Any) -> Settings:
    """Settings of another registry process on the same stores."""
    ports = {"grpc_ports": f"chains={stack.ports['grpc.users']}", "ops_ports": f"chains={stack.ports['ops.users']}"}
    return Settings.model_validate({**settings.model_dump(), **ports, **changes})


async def version_seen(reader: ChainDirectory, chain_id: ChainId) -> int:
    """Of an enabled chain; 0 while the reader knows none."""
    try:
        return (await reader.get(chain_id)).chain.version
    except (NotFound, FailedPrecondition):
        return 0


async def until_version(reader: ChainDirectory, chain_id: ChainId, version: int) -> None:
    """Waits until a reader has it."""
    async with asyncio.timeout(20):
        while await version_seen(reader, chain_id) < version:
            await asyncio.sleep(0.02)
