"""The registry over gRPC, on a real database, a real Redis and real nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from registry_parts import CREATE2_PROXY, put_chain, put_endpoint, until_version

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, postgres, redis
from mercato.kit.errors import FailedPrecondition, InvalidArgument, NotFound
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.chains import app
from mercato.services.chains.model import CAREFUL_POLICY, IndexScope
from mercato.services.chains.store.chains import ChainStore, cache_key
from mercato.services.chains.store.vault import Vault

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.stack import LocalStack


async def test_a_chain_is_put_together_step_by_step(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    assert list((await registry.ListChains(pb.ListChainsRequest())).chains) == []
    first = await put_chain(registry, stack)
    assert (first.version, first.gas_policy.confirmations) == (1, CAREFUL_POLICY.confirmations)
    assert (await put_endpoint(registry, stack)).version == 2
    contract = pb.Contract(kind="factory", address=CREATE2_PROXY, deployed_block=3)
    chain_id = first.chain_id
    assert (await registry.PutContract(pb.PutContractRequest(chain_id=chain_id, contract=contract))).version == 3
    policy = pb.GasPolicy(
        base_fee_multiplier_percent=150, max_priority_fee="7", max_fee_cap="1000000000000000000",
        gas_limit_margin_percent=10, confirmations=1, finality_depth=64,
    )  # fmt: skip
    await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=policy))
    chain = await registry.GetChain(pb.GetChainRequest(chain_id=chain_id))
    url = stack.chains[0].url
    endpoint = pb.Endpoint(
        url=url, priority=0, weight=1, headers={"X-Key": "secret"}, id=chain.endpoints[0].id, shown_url=url
    )
    assert chain == pb.Chain(
        chain_id=chain_id, name=stack.chains[0].name, currency_symbol="ETH", currency_decimals=18, enabled=True,
        scope=pb.INDEX_SCOPE_FOLLOWED, version=4, endpoints=[endpoint], contracts=[contract], gas_policy=policy,
    )  # fmt: skip


async def test_a_repeated_write_changes_nothing(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    for _ in range(2):
        await put_chain(registry, stack)
        await put_endpoint(registry, stack)
    contract = pb.Contract(kind="factory", address=CREATE2_PROXY)
    policy = pb.GasPolicy(
        base_fee_multiplier_percent=150, max_priority_fee="7", max_fee_cap="8", confirmations=1, finality_depth=64
    )
    chain_id = stack.chains[0].chain_id.caip2
    for _ in range(2):
        await registry.PutContract(pb.PutContractRequest(chain_id=chain_id, contract=contract))
        last = await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=policy))
    assert last.version == 4


async def test_an_endpoint_of_another_chain_is_refused(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    with pytest.raises(InvalidArgument) as caught:
        await put_endpoint(registry, stack, index=1)
    assert (caught.value.reason, caught.value.details["reported"]) == (
        "CHAIN_ID_MISMATCH",
        str(int(stack.chains[1].chain_id)),
    )
    assert (await registry.GetChain(pb.GetChainRequest(chain_id=stack.chains[0].chain_id.caip2))).version == 1


async def test_an_endpoint_that_does_not_answer_is_refused(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    for url in ("http://127.0.0.1:9", stack.settings.s3_url):
        with pytest.raises(FailedPrecondition) as caught:
            await put_endpoint(registry, stack, url=url)
        assert caught.value.reason == "ENDPOINT_UNREACHABLE"


async def test_a_contract_needs_an_endpoint_and_code(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    request = pb.PutContractRequest(
        chain_id=stack.chains[0].chain_id.caip2, contract=pb.Contract(kind="seaport", address=b"\x77" * 20)
    )
    with pytest.raises(FailedPrecondition) as without_endpoint:
        await registry.PutContract(request)
    assert without_endpoint.value.reason == "CHAIN_WITHOUT_ENDPOINT"
    await put_endpoint(registry, stack)
    with pytest.raises(InvalidArgument) as without_code:
        await registry.PutContract(request)
    assert without_code.value.reason == "CONTRACT_WITHOUT_CODE"


async def test_unknown_and_malformed_chains_are_told_apart(registry: ChainsServiceAsyncStub) -> None:
    with pytest.raises(NotFound) as unknown:
        await registry.GetChain(pb.GetChainRequest(chain_id="eip155:999"))
    assert unknown.value.reason == "CHAIN_UNKNOWN"
    with pytest.raises(InvalidArgument) as malformed:
        await registry.GetChain(pb.GetChainRequest(chain_id="999"))
    assert malformed.value.reason == "INVALID_CHAIN_ID"
    with pytest.raises(InvalidArgument) as no_scope:
        await registry.PutChain(pb.PutChainRequest(chain=pb.Chain(chain_id="eip155:999", name="x")))
    assert no_scope.value.reason == "INVALID_SCOPE"


async def test_parallel_writes_each_bump_the_version_once(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    chain_id = stack.chains[0].chain_id.caip2
    policies = [
        pb.GasPolicy(
            base_fee_multiplier_percent=100 + i, max_priority_fee="1", max_fee_cap="8", confirmations=1,
            finality_depth=64,
        )
        for i in range(20)
    ]  # fmt: skip
    await asyncio.gather(
        *(registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=p)) for p in policies)
    )
    assert (await registry.GetChain(pb.GetChainRequest(chain_id=chain_id))).version == 21


async def test_a_chain_is_cached_under_its_version_and_readable_without_redis(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    await put_chain(registry, stack)
    await put_endpoint(registry, stack)
    chain_id = stack.chains[0].chain_id
    async with (
        redis.connected(settings) as cache,
        postgres.connected(settings, "chain_registry_db") as database,
        redis.connected(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"})) as nobody,
    ):
        assert await cache.exists(cache_key(chain_id, 1)) == 1
        assert await cache.exists(cache_key(chain_id, 2)) == 1
        (from_database,) = await ChainStore(database, nobody, Vault.parse("")).list()
        # What Redis holds is what is answered: the database is only asked for versions.
        await database.pool.execute("UPDATE chain_endpoints SET priority = 9")
        (from_cache,) = await ChainStore(database, cache, Vault.parse("")).list()
        assert from_cache == from_database
        await cache.set(cache_key(chain_id, 2), b"broken")
        (repaired,) = await ChainStore(database, cache, Vault.parse("")).list()
        assert (repaired.endpoints[0].priority, repaired.spec.scope) == (9, IndexScope.FOLLOWED)


async def test_a_directory_follows_the_registry(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    chain_id = stack.chains[0].chain_id
    await put_chain(registry, stack)
    async with ChainDirectory(registry) as directory:
        with pytest.raises(NotFound):
            await directory.get(ChainId(999))
        with pytest.raises(FailedPrecondition) as no_endpoint:
            await directory.get(chain_id)
        assert no_endpoint.value.reason == "CHAIN_DISABLED"
        await put_endpoint(registry, stack)
        await until_version(directory, chain_id, 2)
        handle = await directory.get(chain_id)
        assert (handle.chain_id, handle.chain.version) == (chain_id, 2)
        assert await handle.pool.chain_id() == chain_id
        with pytest.raises(FailedPrecondition) as no_factory:
            handle.contract("factory")
        assert no_factory.value.reason == "CONTRACT_NOT_REGISTERED"

        contract = pb.Contract(kind="factory", address=CREATE2_PROXY)
        await registry.PutContract(pb.PutContractRequest(chain_id=chain_id.caip2, contract=contract))
        await until_version(directory, chain_id, 3)
        newer = await directory.get(chain_id)
        assert newer.contract("factory") == CREATE2_PROXY
        assert newer.pool is handle.pool
        assert [h.chain.version for h in await directory.all()] == [3]

        await put_chain(registry, stack, enabled=False)
        async with asyncio.timeout(20):
            while await directory.all():
                await asyncio.sleep(0.02)
        assert await handle.pool.block_number() >= 0  # calls under way end in peace


async def test_a_directory_keeps_its_last_answer_while_the_registry_is_away(
    settings: Settings, stack: LocalStack
) -> None:
    chain_id = stack.chains[0].chain_id
    async with grpc.connected(settings, "chains", ChainsServiceStub) as stub, ChainDirectory(stub) as directory:
        async with app.running(settings):
            await put_chain(stub, stack)
            await put_endpoint(stub, stack)
            before = await directory.get(chain_id)
        await asyncio.sleep(0.7)
        assert await directory.get(chain_id) is before


async def test_where_a_node_announces_blocks_is_kept_with_its_endpoint(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    url, chain = stack.chains[0].url, stack.chains[0].chain_id.caip2
    one, other = (url.replace("http", "ws") + f"/?{name}" for name in "ab")
    for ws_url, version in ((one, 2), (other, 3), (other, 3), ("", 4)):
        put = pb.PutEndpointRequest(chain_id=chain, endpoint=pb.Endpoint(url=url, weight=1, ws_url=ws_url))
        changed = await registry.PutEndpoint(put)
        assert ([e.ws_url for e in changed.endpoints], changed.version) == ([ws_url], version)
    assert [e.ws_url for e in (await registry.GetChain(pb.GetChainRequest(chain_id=chain))).endpoints] == [""]
