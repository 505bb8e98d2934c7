"""Makes a fresh local chain usable: deploys the factory at its CREATE2 address and tells the chain registry.

Safe to repeat: what has code already is left alone, nodes and contracts are put again, and what an admin may have
changed since (whether a chain is enabled, its gas policy) stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mercato.evm import artifacts
from mercato.evm.abi import Function
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import grpc
from mercato.kit.errors import Conflict, Unavailable
from mercato.kit.ids import Address, ChainId, Wei, keccak256
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.chains.model import CAREFUL_POLICY
from mercato.services.chains.rpc.servicer import render_gas_policy

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub

# The deterministic deployment proxy that anvil and most public chains have (github.com/Arachnid).
CREATE2_PROXY = Address.parse("0x4e59b44847b379578588920cA78FbF26c0B4956C")
FACTORY_SALT = keccak256(b"mercato collection factory")
_DEPLOY_GAS = 25_000_000
_REGISTRY_PATIENCE = 30.0
_MINING_PATIENCE = 10.0


@dataclass(frozen=True)
class LocalChain:
    """A chain of the local stack and where its node listens."""

    chain_id: ChainId
    url: str
    name: str


async def seed(settings: Settings, chains: Sequence[LocalChain]) -> None:
    """Deploys and registers every chain. Waits up to 30 s for the registry. Raises `Unavailable`, and
    `FailedPrecondition` ARTIFACTS_MISSING when the contracts are not built."""
    async with grpc.connected(settings, "chains", ChainsServiceStub) as registry:
        for chain in chains:
            async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
                contracts = await _deploy(node)
            await _register(registry, chain)
            endpoint = pb.Endpoint(url=chain.url, priority=0, weight=1, ws_url=_announcing_url(chain.url))
            await registry.PutEndpoint(pb.PutEndpointRequest(chain_id=chain.chain_id.caip2, endpoint=endpoint))
            for contract in contracts:
                await registry.PutContract(pb.PutContractRequest(chain_id=chain.chain_id.caip2, contract=contract))


async def _register(registry: ChainsServiceAsyncStub, chain: LocalChain) -> None:
    """Adds the chain, once, and gives it its gas policy while it has the one of every new chain."""
    caip2 = chain.chain_id.caip2
    new = pb.PutChainRequest(chain=_description(chain), expected_version=0)
    try:
        known = await registry.PutChain(new, timeout=_REGISTRY_PATIENCE)
    except Conflict:
        known = await registry.GetChain(pb.GetChainRequest(chain_id=caip2))
    if known.gas_policy == render_gas_policy(CAREFUL_POLICY):
        policy = pb.PutGasPolicyRequest(chain_id=caip2, gas_policy=_gas_policy(), expected_version=known.version)
        await registry.PutGasPolicy(policy)


def factory_address() -> Address:
    """The same on every chain (EIP-1014)."""
    code = artifacts.load("CollectionFactory").bytecode
    return Address(keccak256(b"\xff" + CREATE2_PROXY + FACTORY_SALT + keccak256(code))[12:])


async def _deploy(node: RpcPool) -> list[pb.Contract]:
    factory = factory_address()
    if not await node.code(factory):
        sender = (await node.raw("eth_accounts"))[0]
        code = artifacts.load("CollectionFactory").bytecode
        transaction = {
            "from": sender,
            "to": CREATE2_PROXY.text,
            "data": "0x" + (FACTORY_SALT + code).hex(),
            "gas": hex(_DEPLOY_GAS),
        }
        tx_hash = await node.raw("eth_sendTransaction", transaction)
        async with asyncio.timeout(_MINING_PATIENCE):
            while (receipt := await node.raw("eth_getTransactionReceipt", tx_hash)) is None:
                await asyncio.sleep(0.02)
        if int(receipt["status"], 16) != 1:
            raise Unavailable("DEPLOYMENT_FAILED", f"the factory was not deployed; receipt {receipt}")
    contracts = [pb.Contract(kind="factory", address=factory)]
    for kind in ("implementation721", "implementation1155"):
        getter = Function(f"{kind}()", returns="(address)")
        address = getter.decode_result(await node.call(factory, getter.encode()))[0]
        contracts.append(pb.Contract(kind=kind, address=address))
    return contracts


def _announcing_url(url: str) -> str:
    """Anvil speaks both protocols on one port; of another node nobody knows."""
    return url.replace("http", "ws", 1) if urlsplit(url).hostname in ("127.0.0.1", "localhost") else ""


def _description(chain: LocalChain) -> pb.Chain:
    return pb.Chain(
        chain_id=chain.chain_id.caip2,
        name=chain.name,
        currency_symbol="ETH",
        currency_decimals=18,
        enabled=True,
        scope=pb.INDEX_SCOPE_ALL,
        start_block=0,
    )


def _gas_policy() -> pb.GasPolicy:
    """A local node mines at once and gas is cheap."""
    return render_gas_policy(replace(CAREFUL_POLICY, max_priority_fee=Wei(10**9), confirmations=1))
