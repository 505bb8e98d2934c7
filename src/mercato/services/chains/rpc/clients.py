"""Nodes as the registry asks them before it believes an operator."""

from __future__ import annotations

from contextlib import suppress

from mercato.evm.rpc import Endpoint as PoolEndpoint
from mercato.evm.rpc import RpcPool
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import ChainId
from mercato.services.chains.model import Chain, Contract, Endpoint

_TIMEOUT = 3.0


class NodesClient:
    """Asks over JSON-RPC, for at most 3 s."""

    async def chain_number(self, endpoint: Endpoint, expected: ChainId) -> int:
        """What the endpoint answers to eth_chainId (EIP-695). Raises `Unavailable` NODE_UNAVAILABLE."""
        async with _pool(expected, [endpoint]) as pool:
            with suppress(FailedPrecondition):  # another chain than expected: the caller has a reason of its own for it
                await pool.check_chain()
            (state,) = pool.endpoints
        if state.serves_chain is None:
            raise Unavailable("NODE_UNAVAILABLE", state.last_error)
        return state.serves_chain

    async def has_code(self, chain: Chain, contract: Contract) -> bool:
        """Whether the chain's nodes show code at the contract's address. Raises `MercatoError`."""
        async with _pool(chain.spec.chain_id, chain.endpoints) as pool:
            return bool(await pool.code(contract.address))


def _pool(chain_id: ChainId, endpoints: list[Endpoint] | tuple[Endpoint, ...]) -> RpcPool:
    return RpcPool(
        chain_id,
        [PoolEndpoint(e.url, e.priority, e.weight, e.headers) for e in endpoints],
        timeout=_TIMEOUT,
        patience=_TIMEOUT,
    )
