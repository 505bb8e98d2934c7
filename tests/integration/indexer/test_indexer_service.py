"""The service as it runs: chains come and change while it reads, and it tells how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.integration.indexer.indexer_anvil import Anvil, running_anvil
from tests.integration.indexer.indexer_rig import Stores, eventually, new_chain, open_mailbox

from mercato.kit import grpc
from mercato.kit.ids import Address, ChainId
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2, chains_pb2_grpc
from mercato.rpc.indexer.v1 import indexer_pb2, indexer_pb2_grpc
from mercato.services.indexer import app


class Registry(chains_pb2_grpc.ChainsServiceServicer):
    """The chain registry's answer, to be changed at will."""

    def __init__(self) -> None:
        self.chains: dict[ChainId, chains_pb2.Chain] = {}

    def put(self, chain: ChainId, url: str, factory: Address | None, *, enabled: bool = True) -> None:
        version = self.chains[chain].version + 1 if chain in self.chains else 1
        self.chains[chain] = chains_pb2.Chain(
            chain_id=chain.caip2, enabled=enabled, scope=chains_pb2.INDEX_SCOPE_FOLLOWED, version=version,
            endpoints=[chains_pb2.Endpoint(url=url, weight=1)],
            contracts=[chains_pb2.Contract(kind="factory", address=factory)] if factory else [],
            gas_policy=chains_pb2.GasPolicy(finality_depth=16),
        )  # fmt: skip

    async def ListChains(self, request: chains_pb2.ListChainsRequest, context: Any) -> chains_pb2.ListChainsResponse:
        return chains_pb2.ListChainsResponse(chains=self.chains.values())


@pytest.fixture
async def registry(settings: Settings) -> AsyncIterator[Registry]:
    served = Registry()  # type: ignore[abstract]  # the other calls answer UNIMPLEMENTED
    add = chains_pb2_grpc.add_ChainsServiceServicer_to_server
    async with grpc.serving(settings, "chains", [(add, served, "mercato.chains.v1.ChainsService")]):
        yield served


@pytest.fixture
async def indexer(settings: Settings, registry: Registry) -> AsyncIterator[indexer_pb2_grpc.IndexerServiceAsyncStub]:
    async with (
        app.running(settings),
        grpc.connected(settings, "indexer", indexer_pb2_grpc.IndexerServiceStub) as stub,
    ):
        yield stub


async def _status(stub: indexer_pb2_grpc.IndexerServiceAsyncStub, chain: ChainId) -> indexer_pb2.ChainStatus | None:
    answer = await stub.GetStatus(indexer_pb2.GetStatusRequest())
    return next((status for status in answer.chains if status.chain_id == chain.caip2), None)


async def _page(settings: Settings, path: str) -> tuple[int, str]:
    url = f"http://{settings.host}:{settings.ops_port('indexer')}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_a_chain_that_is_registered_at_run_time_is_read_without_a_restart(
    settings: Settings, stores: Stores, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    assert await _status(indexer, anvil.chain) is None
    async with open_mailbox(settings, anvil.chain) as mailbox:
        registry.put(anvil.chain, anvil.url, anvil.factory)
        collection = await anvil.create(anvil.accounts[1])
        await anvil.mint(collection, anvil.accounts[1], 4)
        head = await anvil.mine()
        await stores.indexed(anvil.chain, head.number)
        received = await mailbox.read()
    minted = [fact.contract for item in received if item.kind == "minted" for fact in item.facts]
    assert minted == [collection] * 4

    async def followed() -> indexer_pb2.ChainStatus | None:
        status = await _status(indexer, anvil.chain)
        return status if status and status.state == "following" else None

    status = await eventually(followed)
    assert (status.head, status.indexed, status.indexed_hash) == (head.number, head.number, head.hash)
    assert status.facts_published == sum(len(i.facts) for i in received if i.kind != "advanced")
    assert status.reason == ""
    assert status.observed_at.seconds > 0

    code, ready = await _page(settings, "/readyz")
    assert (code, '"registry": "ok"' in ready) == (200, True)

    async def measured() -> str | None:
        """The gauges, once the reader has looked again after its last block."""
        _, page = await _page(settings, "/metrics")
        return page if f'mercato_indexer_indexed_block{{chain="{anvil.chain.caip2}"}} {head.number}.0' in page else None

    metrics = await eventually(measured)
    assert f'mercato_indexer_lag_blocks{{chain="{anvil.chain.caip2}"}} 0.0' in metrics
    assert f'mercato_indexer_facts_total{{chain="{anvil.chain.caip2}",kind="minted"}} 4.0' in metrics


async def test_a_factory_that_is_registered_late_is_followed_from_its_beginning(
    stores: Stores, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    registry.put(anvil.chain, anvil.url, None)

    async def waiting() -> str | None:
        status = await _status(indexer, anvil.chain)
        return status.reason or None if status else None

    assert await eventually(waiting) == "nothing to follow yet: register the chain's factory"
    collection = await anvil.create(anvil.accounts[1])
    head = await anvil.mine(3)
    registry.put(anvil.chain, anvil.url, anvil.factory)
    await stores.indexed(anvil.chain, head.number)
    assert await stores.checkpoints.list_followed(anvil.chain) == [collection]


async def test_an_endpoint_of_another_chain_is_never_read(
    settings: Settings, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    claimed = new_chain()
    registry.put(claimed, anvil.url, anvil.factory)

    async def refused() -> indexer_pb2.ChainStatus | None:
        status = await _status(indexer, claimed)
        return status if status and status.state == "unreachable" else None

    status = await eventually(refused)
    assert f"serves {anvil.chain.caip2}, not {claimed.caip2}" in status.reason
    assert (status.indexed, status.indexed_hash, status.facts_published) == (0, b"", 0)
    assert (await _page(settings, "/readyz"))[0] == 200


async def test_a_node_that_dies_is_shown_as_unreachable_and_a_new_endpoint_is_taken_at_once(
    stores: Stores, registry: Registry, indexer: Any
) -> None:
    chain = new_chain()
    async with running_anvil(chain) as first:
        factory = await first.deploy_factory()
        registry.put(chain, first.url, factory)
        await stores.indexed(chain, 1)
        state = await first.rpc("anvil_dumpState")

    async def unreachable() -> bool | None:
        status = await _status(indexer, chain)
        return True if status and status.state == "unreachable" else None

    await eventually(unreachable, patience=25)
    async with running_anvil(chain) as second:
        await second.rpc("anvil_loadState", state)
        second.factory = factory
        registry.put(chain, second.url, factory)
        collection = await second.create(second.accounts[1])
        head = await second.mine()
        await stores.indexed(chain, head.number, head.hash)
        assert await stores.checkpoints.list_followed(chain) == [collection]


async def test_a_chain_that_is_switched_off_is_left_alone(
    stores: Stores, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    registry.put(anvil.chain, anvil.url, anvil.factory)
    await stores.indexed(anvil.chain, 1)
    registry.put(anvil.chain, anvil.url, anvil.factory, enabled=False)

    async def released() -> bool | None:
        locks = await stores.database.pool.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1", int(anvil.chain)
        )
        return True if locks == 0 else None

    await eventually(released)
    await anvil.mine()
    progress = await stores.progress(anvil.chain)
    assert progress is not None
    assert progress.indexed == 1
