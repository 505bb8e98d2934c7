"""Admin writes on a real database, a real Redis and real nodes: audited, versioned, and refused where they harm."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from registry_parts import CREATE2_PROXY, a_chain, a_policy, put_chain, put_endpoint, second, until_version

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, postgres, redis, tracing
from mercato.kit.errors import Conflict, FailedPrecondition, InvalidArgument, MercatoError, NotFound
from mercato.kit.ids import Address
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.chains import app
from mercato.services.chains.store.chains import cache_key
from mercato.stack.seeding import seed

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.stack import LocalStack

ADMIN = Address(b"\xad" * 20)


def chain_of(stack: LocalStack) -> str:
    return stack.chains[0].chain_id.caip2


async def changes(registry: ChainsServiceAsyncStub, **request: Any) -> list[pb.Change]:
    return list((await registry.ListChanges(pb.ListChangesRequest(**request))).changes)


@asynccontextmanager
async def somebody(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server that is no node: (its URL, the requests it got)."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()


async def test_every_write_leaves_a_line_with_who_when_what_and_by_which_request(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    chain_id = chain_of(stack)
    await put_chain(registry, stack)
    token = tracing.request_id.set("request-of-the-admin")
    await put_endpoint(registry, stack, requested_by=bytes(ADMIN))
    tracing.request_id.reset(token)
    await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=a_policy()))
    await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=a_policy()))
    await registry.SetChainEnabled(pb.SetChainEnabledRequest(chain_id=chain_id, enabled=False))
    lines = await changes(registry, chain_id=chain_id)
    assert [(line.action, line.version) for line in lines] == [
        ("chain_changed", 4), ("gas_policy_put", 3), ("endpoint_put", 2), ("chain_added", 1),
    ]  # fmt: skip
    switched, _, endpoint, added = lines
    assert (json.loads(switched.before), json.loads(switched.after)) == (
        {"chain": {"enabled": True}},
        {"chain": {"enabled": False}},
    )
    assert (endpoint.requested_by, endpoint.request_id) == (bytes(ADMIN), "request-of-the-admin")
    assert json.loads(endpoint.after)["endpoints"][0]["headers"] == ["X-Key"]
    assert endpoint.before == ""
    assert (added.requested_by, added.before) == (b"", "")
    assert "secret" not in str(lines)
    assert all(line.at.seconds > 0 and line.request_id for line in lines)


async def test_the_audit_is_read_by_pages_and_by_chain(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    for name in ("a", "b", "c"):
        await put_chain(registry, stack, name=name)
    other = a_chain(stack, index=1)
    await registry.PutChain(pb.PutChainRequest(chain=other))
    assert [line.chain_id for line in await changes(registry)] == [other.chain_id, *[chain_of(stack)] * 3]
    request = pb.ListChangesRequest(chain_id=chain_of(stack))
    request.page.first = 2
    first = await registry.ListChanges(request)
    assert ([line.version for line in first.changes], first.page.has_next_page) == ([3, 2], True)
    request.page.after = first.page.end_cursor
    second = await registry.ListChanges(request)
    assert ([line.version for line in second.changes], second.page.has_next_page) == ([1], False)


async def test_a_write_and_its_line_stand_or_fall_together(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    await put_chain(registry, stack)
    async with postgres.connected(settings, "chain_registry_db") as database:
        await database.pool.execute("ALTER TABLE chain_audit RENAME TO chain_audit_away")
        try:
            with pytest.raises(MercatoError) as caught:
                await put_chain(registry, stack, name="changed")
        finally:
            await database.pool.execute("ALTER TABLE chain_audit_away RENAME TO chain_audit")
    assert caught.value.reason == "INTERNAL"
    chain = await registry.GetChain(pb.GetChainRequest(chain_id=chain_of(stack)))
    assert (chain.name, chain.version) == (stack.chains[0].name, 1)


async def test_a_line_is_never_changed_or_deleted(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    await put_chain(registry, stack)
    async with postgres.connected(settings, "chain_registry_db") as database:
        for statement in ("UPDATE chain_audit SET action = 'x'", "DELETE FROM chain_audit"):
            with pytest.raises(postgres.asyncpg.PostgresError, match="neither changed nor deleted"):
                await database.pool.execute(statement)
    assert len(await changes(registry)) == 1


async def test_a_write_that_expected_another_version_is_a_conflict(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    new = pb.PutChainRequest(chain=a_chain(stack), expected_version=0)
    assert (await registry.PutChain(new)).version == 1
    with pytest.raises(Conflict) as again:
        await registry.PutChain(new)
    assert (again.value.reason, again.value.details["version"]) == ("CHAIN_CHANGED", "1")
    policies = [a_policy(base_fee_multiplier_percent=100 + i) for i in range(10)]
    answers = await asyncio.gather(
        *(
            registry.PutGasPolicy(
                pb.PutGasPolicyRequest(chain_id=chain_of(stack), gas_policy=policy, expected_version=1)
            )
            for policy in policies
        ),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Chain"] + ["Conflict"] * 9
    assert len(await changes(registry)) == 2


async def test_parallel_additions_of_one_chain_make_it_once(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    added = await asyncio.gather(*(put_chain(registry, stack) for _ in range(10)))
    assert {chain.version for chain in added} == {1}
    assert [line.action for line in await changes(registry)] == ["chain_added"]


async def test_the_last_endpoint_of_an_enabled_chain_stays(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    (endpoint,) = (await put_endpoint(registry, stack)).endpoints
    removal = pb.RemoveEndpointRequest(chain_id=chain_of(stack), endpoint_id=endpoint.id)
    with pytest.raises(FailedPrecondition) as caught:
        await registry.RemoveEndpoint(removal)
    assert caught.value.reason == "LAST_ENDPOINT"
    await registry.SetChainEnabled(pb.SetChainEnabledRequest(chain_id=chain_of(stack), enabled=False))
    assert list((await registry.RemoveEndpoint(removal)).endpoints) == []
    with pytest.raises(NotFound) as gone:
        await registry.RemoveEndpoint(removal)
    assert gone.value.reason == "ENDPOINT_UNKNOWN"


async def test_two_parallel_removals_leave_one_endpoint(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    await put_endpoint(registry, stack)
    both = await put_endpoint(registry, stack, url=f"{stack.chains[0].url}?second")
    answers = await asyncio.gather(
        *(
            registry.RemoveEndpoint(pb.RemoveEndpointRequest(chain_id=both.chain_id, endpoint_id=endpoint.id))
            for endpoint in both.endpoints
        ),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Chain", "FailedPrecondition"]
    assert len((await registry.GetChain(pb.GetChainRequest(chain_id=both.chain_id))).endpoints) == 1


async def test_headers_stay_when_an_admin_changes_the_rest(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    await put_endpoint(registry, stack)
    request = pb.PutEndpointRequest(
        chain_id=chain_of(stack), endpoint=pb.Endpoint(url=stack.chains[0].url, priority=3),
        header_change=pb.HEADER_CHANGE_KEEP,
    )  # fmt: skip
    (kept,) = (await registry.PutEndpoint(request)).endpoints
    assert (kept.priority, dict(kept.headers)) == (3, {"X-Key": "secret"})
    request.header_change = pb.HEADER_CHANGE_REPLACE
    (bare,) = (await registry.PutEndpoint(request)).endpoints
    assert dict(bare.headers) == {}


async def test_a_password_in_a_url_is_kept_as_a_header(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    url = stack.chains[0].url
    (endpoint,) = (await put_endpoint(registry, stack, url=url.replace("//", "//user:pass@"))).endpoints
    assert (endpoint.url, endpoint.headers["Authorization"]) == (
        url,
        f"Basic {base64.b64encode(b'user:pass').decode()}",
    )


async def test_a_chain_has_one_factory_and_many_conduits(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    await put_endpoint(registry, stack)
    chain_id = chain_of(stack)
    multicall = bytes.fromhex("c0ffee" + "0" * 34)
    await put_code(stack, multicall)
    for kind in ("conduit", "factory"):
        for address in (CREATE2_PROXY, multicall):
            contract = pb.Contract(kind=kind, address=address)
            chain = await registry.PutContract(pb.PutContractRequest(chain_id=chain_id, contract=contract))
    assert [(c.kind, c.address) for c in chain.contracts] == [
        ("conduit", CREATE2_PROXY), ("conduit", multicall), ("factory", multicall),
    ]  # fmt: skip
    async with ChainDirectory(registry) as directory:
        handle = await directory.get(stack.chains[0].chain_id)
        assert handle.contracts("conduit") == [CREATE2_PROXY, multicall]
    removal = pb.RemoveContractRequest(chain_id=chain_id, kind="conduit", address=CREATE2_PROXY)
    assert [c.address for c in (await registry.RemoveContract(removal)).contracts] == [multicall, multicall]
    with pytest.raises(NotFound) as caught:
        await registry.RemoveContract(removal)
    assert caught.value.reason == "CONTRACT_UNKNOWN"


async def put_code(stack: LocalStack, address: bytes) -> None:
    from mercato.evm.rpc import Endpoint, RpcPool

    local = stack.chains[0]
    async with RpcPool(local.chain_id, [Endpoint(local.url)]) as node:
        await node.raw("anvil_setCode", f"0x{address.hex()}", "0x00")


async def test_the_finality_depth_of_a_followed_chain_only_grows(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    chain_id = chain_of(stack)
    await put_chain(registry, stack)
    lower = pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=a_policy(finality_depth=10))
    await put_endpoint(registry, stack)
    with pytest.raises(FailedPrecondition) as caught:
        await registry.PutGasPolicy(lower)
    assert (caught.value.reason, caught.value.details["present"]) == ("FINALITY_DEPTH_UNSAFE", "64")
    await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=a_policy(finality_depth=90)))
    await registry.SetChainEnabled(pb.SetChainEnabledRequest(chain_id=chain_id, enabled=False))
    assert (await registry.PutGasPolicy(lower)).gas_policy.finality_depth == 10


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]", "http://0.0.0.0"])
async def test_nothing_is_sent_to_where_no_node_can_be(
    registry: ChainsServiceAsyncStub, stack: LocalStack, url: str
) -> None:
    await put_chain(registry, stack)
    with pytest.raises(InvalidArgument) as caught:
        await put_endpoint(registry, stack, url=url)
    assert caught.value.reason == "ENDPOINT_NOT_ALLOWED"


async def test_announcements_are_not_heard_from_where_no_node_can_be(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    endpoint = pb.Endpoint(url=stack.chains[0].url, ws_url="ws://169.254.169.254/")
    with pytest.raises(InvalidArgument) as caught:
        await registry.PutEndpoint(pb.PutEndpointRequest(chain_id=chain_of(stack), endpoint=endpoint))
    assert caught.value.reason == "ENDPOINT_NOT_ALLOWED"
    endpoint.ws_url = stack.chains[0].url.replace("http", "ws")
    (put,) = (await registry.PutEndpoint(pb.PutEndpointRequest(chain_id=chain_of(stack), endpoint=endpoint))).endpoints
    assert (put.ws_url, put.shown_ws_url) == (endpoint.ws_url, endpoint.ws_url)


async def test_what_a_server_answers_that_is_no_node_is_told_to_nobody(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nthe-inner-s3cret!"
    async with somebody(page) as (url, requests):
        with pytest.raises(FailedPrecondition) as caught:
            await put_endpoint(registry, stack, url=f"{url}/s3cret-path")
    assert caught.value.reason == "ENDPOINT_UNREACHABLE"
    assert "s3cret" not in caught.value.message
    assert len(requests) == 1


async def test_an_endpoint_that_redirects_is_not_followed(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    target = stack.chains[0].url.encode()
    answer = (
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % target
    )
    async with somebody(answer) as (url, _):
        with pytest.raises(FailedPrecondition) as caught:
            await put_endpoint(registry, stack, url=url)
    assert caught.value.reason == "ENDPOINT_UNREACHABLE"


async def test_two_readers_see_each_write_of_either_process(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    other_settings, chain_id = second(settings, stack), stack.chains[0].chain_id
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(app.running(other_settings))
        other = await opened.enter_async_context(grpc.connected(other_settings, "chains", ChainsServiceStub))
        readers = [await opened.enter_async_context(ChainDirectory(stub)) for stub in (registry, other)]
        await put_chain(registry, stack)
        await put_endpoint(registry, stack)
        for writer, version in ((registry, 3), (other, 4), (registry, 5)):
            policy = a_policy(base_fee_multiplier_percent=100 + version)
            await writer.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id.caip2, gas_policy=policy))
            await asyncio.gather(*(until_version(reader, chain_id, version) for reader in readers))
        cache = await opened.enter_async_context(redis.connected(settings))
        assert [await cache.exists(cache_key(chain_id, version)) for version in range(1, 6)] == [1] * 5


async def test_with_a_key_headers_are_sealed_in_the_database_and_in_redis(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    keyed = second(settings, stack, chain_secrets_key=key)
    await put_chain(registry, stack)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(app.running(keyed))
        stub = await opened.enter_async_context(grpc.connected(keyed, "chains", ChainsServiceStub))
        (endpoint,) = (await put_endpoint(stub, stack)).endpoints
        assert dict(endpoint.headers) == {"X-Key": "secret"}
        repeated = await put_endpoint(stub, stack)
        assert repeated.version == 2
        database = await opened.enter_async_context(postgres.connected(settings, "chain_registry_db"))
        cache = await opened.enter_async_context(redis.connected(settings))
        stored = await database.pool.fetchval("SELECT headers FROM chain_endpoints")
        cached = await cache.get(cache_key(stack.chains[0].chain_id, 2))
        for text in (json.dumps(stored), cached.decode()):
            assert "secret" not in text
            assert "X-Key" not in text
        # The process without the key says so instead of talking to nodes without the header.
        with pytest.raises(FailedPrecondition) as caught:
            await until_refused(registry)
        assert caught.value.reason == "CHAIN_SECRETS_KEY_WRONG"


async def until_refused(registry: ChainsServiceAsyncStub) -> None:
    async with asyncio.timeout(10):
        while True:
            await registry.ListChains(pb.ListChainsRequest())
            await asyncio.sleep(0.05)


async def test_starting_the_stack_again_leaves_alone_what_an_admin_changed(
    registry: ChainsServiceAsyncStub, stack: LocalStack, settings: Settings
) -> None:
    chain_id = chain_of(stack)
    await seed(settings, stack.chains)
    seeded = await registry.GetChain(pb.GetChainRequest(chain_id=chain_id))
    assert (seeded.enabled, seeded.gas_policy.confirmations) == (True, 1)
    await seed(settings, stack.chains)
    assert await registry.GetChain(pb.GetChainRequest(chain_id=chain_id)) == seeded
    policy = a_policy(confirmations=3, finality_depth=90)
    await registry.PutGasPolicy(pb.PutGasPolicyRequest(chain_id=chain_id, gas_policy=policy))
    off = await registry.SetChainEnabled(pb.SetChainEnabledRequest(chain_id=chain_id, enabled=False))
    await seed(settings, stack.chains)
    assert await registry.GetChain(pb.GetChainRequest(chain_id=chain_id)) == off
