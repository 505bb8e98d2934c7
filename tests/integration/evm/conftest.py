"""A real anvil for the tests of this folder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from mercato.evm.artifacts import anvil_path
from mercato.evm.rpc import Endpoint, NodeUnavailable, RpcPool
from mercato.kit.ids import ChainId

ANVIL_CHAIN = ChainId(31337)


@pytest.fixture(scope="session")
async def anvil() -> AsyncIterator[Endpoint]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(str(anvil_path()), "--port", str(port), "--silent")
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    try:
        async with RpcPool(ANVIL_CHAIN, [endpoint], patience=20) as pool:
            await pool.block_number()
        yield endpoint
    except NodeUnavailable as error:
        pytest.fail(f"anvil did not start: {error}")
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="session")
async def chain(anvil: Endpoint) -> AsyncIterator[RpcPool]:
    """A pool over that anvil."""
    async with RpcPool(ANVIL_CHAIN, [anvil]) as pool:
        yield pool
