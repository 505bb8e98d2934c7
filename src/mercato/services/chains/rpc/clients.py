"""Nodes as the registry asks them before it believes an operator."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from mercato.evm.rpc import Endpoint as PoolEndpoint
from mercato.evm.rpc import RpcPool
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.logging import get_logger
from mercato.services.chains.model.chains import Chain, Contract, Endpoint, check_place

_TIMEOUT = 3.0


class NodesClient:
    """Asks over JSON-RPC, for at most 3 s."""

    def __init__(self) -> None:
        self._log = get_logger("chains")

    async def chain_number(self, endpoint: Endpoint, expected: ChainId) -> int:
        """What the endpoint answers to eth_chainId (EIP-695). Raises `Unavailable` NODE_UNAVAILABLE, and
        `InvalidArgument` ENDPOINT_NOT_ALLOWED when its host is at a place where no node may be."""
        for url in filter(None, (endpoint.url, endpoint.ws_url)):
            await _check_host(url)
        async with _pool(expected, [endpoint]) as pool:
            with suppress(FailedPrecondition):  # another chain than expected: the caller has a reason of its own for it
                await pool.check_chain()
            (state,) = pool.endpoints
        if state.serves_chain is None:
            # What was answered stays in the log: whoever is there may not be a node, and no answer is for the asker.
            self._log.info("endpoint gave no chain id", endpoint=state.endpoint.name, error=state.last_error)
            raise Unavailable("NODE_UNAVAILABLE", state.last_error.partition(":")[0])
        return state.serves_chain

    async def has_code(self, chain: Chain, contract: Contract) -> bool:
        """Whether the chain's nodes show code at the contract's address. Raises `MercatoError`."""
        async with _pool(chain.spec.chain_id, chain.endpoints) as pool:
            return bool(await pool.code(contract.address))


async def _check_host(url: str) -> None:
    parts = urlsplit(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unavailable("NODE_UNAVAILABLE", "its host has no address") from None
    for *_, address in found:
        check_place(str(address[0]))


def _pool(chain_id: ChainId, endpoints: list[Endpoint] | tuple[Endpoint, ...]) -> RpcPool:
    return RpcPool(
        chain_id,
        [PoolEndpoint(e.url, e.priority, e.weight, e.headers) for e in endpoints],
        timeout=_TIMEOUT,
        patience=_TIMEOUT,
    )
