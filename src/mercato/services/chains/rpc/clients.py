"""Nodes as the registry asks them before it believes an operator."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp.abc import AbstractResolver

from mercato.evm.rpc import Endpoint as PoolEndpoint
from mercato.evm.rpc import NodeUnavailable, RpcPool, announcing_chain
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.logging import get_logger
from mercato.services.chains.model.chains import Chain, Contract, Endpoint

_TIMEOUT = 3.0


class NodesClient:
    """Asks over JSON-RPC, for at most 3 s. `resolver` stands in for the system's own."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver
        self._log = get_logger("chains")

    async def chain_number(self, endpoint: Endpoint, expected: ChainId) -> int:
        """What the endpoint answers to eth_chainId (EIP-695), and the socket at which it announces blocks: `expected`,
        or the first answer that is another. Raises `Unavailable` NODE_UNAVAILABLE, and `InvalidArgument`
        ENDPOINT_NOT_ALLOWED when a host is at a place where no node may be."""
        node = _node(endpoint)
        try:
            async with asyncio.timeout(_TIMEOUT):
                number = await self._number_at_url(node, expected)
                if number == expected and node.ws_url:
                    return await announcing_chain(node, _TIMEOUT, resolver=self._resolver)
                return number
        except (TimeoutError, NodeUnavailable) as error:
            # What came stays in the log: whoever is there may not be a node, and no word of theirs is for the asker.
            why = error.message if isinstance(error, NodeUnavailable) else f"no answer within {_TIMEOUT:g} s"
            self._log.info("endpoint gave no chain id", endpoint=node.name, error=why)
            raise Unavailable("NODE_UNAVAILABLE", "it does not answer as a node does") from None

    async def has_code(self, chain: Chain, contract: Contract) -> bool:
        """Whether the chain's nodes show code at the contract's address. Raises `MercatoError`."""
        async with self._pool(chain.spec.chain_id, [_node(e) for e in chain.endpoints]) as pool:
            return bool(await pool.code(contract.address))

    async def _number_at_url(self, node: PoolEndpoint, expected: ChainId) -> int:
        async with self._pool(expected, [node]) as pool:
            with suppress(FailedPrecondition):  # another chain than expected: the caller has a reason of its own for it
                await pool.check_chain()
            (state,) = pool.endpoints
        if state.serves_chain is None:
            raise NodeUnavailable("NODE_UNAVAILABLE", state.last_error)
        return state.serves_chain

    def _pool(self, chain_id: ChainId, nodes: list[PoolEndpoint]) -> RpcPool:
        return RpcPool(chain_id, nodes, timeout=_TIMEOUT, patience=_TIMEOUT, resolver=self._resolver)


def _node(endpoint: Endpoint) -> PoolEndpoint:
    return PoolEndpoint(endpoint.url, endpoint.priority, endpoint.weight, endpoint.headers, endpoint.ws_url)
