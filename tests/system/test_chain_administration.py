"""Admins change the chain registry of a running marketplace through its API; nobody else moves anything with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from mercato_client.enums import ChainAction, IndexerState, IndexScope
from mercato_client.get_sync_status import GetSyncStatusSyncStatus
from mercato_client.input_types import (
    ChainEndpointHeaderInput,
    PutChainContractInput,
    PutChainEndpointInput,
    PutChainInput,
    PutGasPolicyInput,
    RemoveChainEndpointInput,
    SetChainEnabledInput,
)
from mercato_client.marketplace import Marketplace as Client
from mercato_client.marketplace import Refused

from mercato.evm.rpc import Endpoint, NodeUnavailable, RpcPool
from mercato.kit.ids import ChainId, new_id
from mercato.stack.servers import anvil
from mercato.story.wallet import Wallet
from tests.marketplace import ADMIN, Marketplace

_PATIENCE = 60.0
_NOWHERE = "0x" + "77" * 20


def a_new_chain() -> ChainId:
    """A number that no other test uses."""
    return ChainId(10**6 + new_id().int % 10**9)


@asynccontextmanager
async def node_of(chain: ChainId) -> AsyncIterator[tuple[str, RpcPool]]:
    """A fresh node of a chain that the marketplace has not heard of: (its URL, a way to ask it)."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    words = [str(anvil.locate()), "--quiet", "--port", str(port), "--chain-id", str(int(chain))]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdout=quiet, stderr=quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        async with RpcPool(chain, [Endpoint(url)]) as pool:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    try:
                        await pool.block_number()
                        break
                    except NodeUnavailable:
                        await asyncio.sleep(0.1)
            yield url, pool
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def signed_in(market: Marketplace, wallet: Wallet) -> AsyncIterator[Client]:
    async with Client(market.url) as client:
        await client.sign_in_with(wallet.address.checksum, market.nodes[0][0].caip2, wallet.sign_message)
        yield client


@pytest.fixture
async def admin(market: Marketplace) -> AsyncIterator[Client]:
    async with signed_in(market, ADMIN) as client:
        yield client


def described(chain: ChainId, **changes: Any) -> PutChainInput:
    fields: dict[str, Any] = {"chain_id": chain.caip2, "name": "Added", "enabled": True, "scope": IndexScope.ALL}
    return PutChainInput(**{**fields, **changes})


async def until_indexed(client: Client, chain: ChainId, block: int) -> GetSyncStatusSyncStatus:
    async with asyncio.timeout(_PATIENCE):
        while True:
            for status in await client.get_sync_status():
                indexer = status.indexer
                if status.chain_id == chain.caip2 and indexer and indexer.indexed >= block:
                    return status
            await asyncio.sleep(0.1)


async def until_served(client: Client, chain: ChainId) -> None:
    """Until auth, too, has seen the chain: within a second on a machine that is not busy."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                await client.request_nonce(address=_NOWHERE, chain_id=chain.caip2)
                return
            except Refused as refused:
                if refused.reason != "SIWE_CHAIN_UNKNOWN":
                    raise
            await asyncio.sleep(0.1)


async def refusal(call: Callable[[], Awaitable[object]]) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        await call()
    return caught.value.code, caught.value.reason


async def test_a_chain_that_an_admin_adds_is_followed_without_a_restart(market: Marketplace, admin: Client) -> None:
    hidden = f"key-{new_id().hex}"
    chain, pids = a_new_chain(), [market.stack.pid(name) for name in ("chains", "indexer", "gateway")]
    async with AsyncExitStack() as opened:
        url, node = await opened.enter_async_context(node_of(chain))
        added = (await admin.put_chain(input=described(chain, expected_version=0))).chain
        assert (added.version, added.endpoints) == (1, [])
        secret = ChainEndpointHeaderInput(name="X-Key", value=hidden)
        endpoint = PutChainEndpointInput(chain_id=chain.caip2, url=url, headers=[secret], expected_version=1)
        with_node = (await admin.put_chain_endpoint(input=endpoint)).chain
        assert [(e.url, e.header_names) for e in with_node.endpoints] == [(url, ["X-Key"])]

        await node.raw("anvil_mine", hex(3))
        await until_indexed(admin, chain, 3)
        await node.raw("anvil_mine", hex(2))
        followed = await until_indexed(admin, chain, 5)
        assert followed.indexer is not None
        assert followed.indexer.state in {IndexerState.FOLLOWING, IndexerState.CATCHING_UP}
        registry = await admin.get_chain_registry()
        assert chain.caip2 in [known.chain.chain_id for known in registry]
        assert hidden not in str(registry)
        assert [market.stack.pid(name) for name in ("chains", "indexer", "gateway")] == pids
        # A wallet of the new chain can sign in: its requests are known everywhere.
        async with Client(market.url) as newcomer:
            await until_served(newcomer, chain)
            wallet = Wallet()
            session = await newcomer.sign_in_with(wallet.address.checksum, chain.caip2, wallet.sign_message)
            assert session.chain_id == chain.caip2

        off = await admin.set_chain_enabled(input=SetChainEnabledInput(chain_id=chain.caip2, enabled=False))
        assert (off.chain.chain.enabled, off.chain.version) == (False, 3)
    lines = (await admin.list_chain_changes(chain_id=chain.caip2)).nodes
    assert [(line.version, line.action, line.requested_by) for line in lines] == [
        (3, ChainAction.CHAIN_CHANGED, ADMIN.address.checksum),
        (2, ChainAction.ENDPOINT_PUT, ADMIN.address.checksum),
        (1, ChainAction.CHAIN_ADDED, ADMIN.address.checksum),
    ]
    assert (lines[0].before, lines[0].after) == ({"chain": {"enabled": True}}, {"chain": {"enabled": False}})
    assert hidden not in str(lines)
    logs = [path for path in market.stack.site.logs.rglob("*") if path.is_file()]
    assert len(logs) >= len(market.stack.names)
    assert [path.name for path in logs if hidden in path.read_text(errors="replace")] == []


async def test_a_line_of_the_audit_names_the_request_that_made_it(market: Marketplace, admin: Client) -> None:
    chain = a_new_chain()
    token = admin.ws_connection_init_payload
    assert token is not None
    body = {
        "query": "mutation ($input: PutChainInput!) { putChain(input: $input) { chain { version } } }",
        "variables": {"input": {"chainId": chain.caip2, "name": "Told", "enabled": False}},
    }
    headers = {"Authorization": token["authorization"]}
    async with market.session.post(f"{market.url}/graphql", json=body, headers=headers) as answer:
        assert "errors" not in await answer.json()
        request_id = answer.headers["X-Request-Id"]
    (line,) = (await admin.list_chain_changes(chain_id=chain.caip2)).nodes
    assert line.request_id == request_id


async def test_bad_input_is_refused_with_its_reason_and_leaves_no_line(market: Marketplace, admin: Client) -> None:
    known, chain = market.stack.chains[0], a_new_chain()
    await admin.put_chain(input=described(chain, enabled=False))
    here, there = chain.caip2, known.chain_id.caip2
    before = await admin.get_registered_chain(chain_id=there)
    assert before is not None
    policy: dict[str, Any] = {
        "base_fee_multiplier_percent": 200, "max_priority_fee": "1", "max_fee_cap": "2",
        "gas_limit_margin_percent": 20, "confirmations": 1, "finality_depth": 64,
    }  # fmt: skip

    def put_policy(version: int, **changes: Any) -> Callable[[], Awaitable[object]]:
        wanted = PutGasPolicyInput(**{"chain_id": there, **policy, "expected_version": version, **changes})
        return lambda: admin.put_gas_policy(input=wanted)

    def put_endpoint(url: str) -> Callable[[], Awaitable[object]]:
        return lambda: admin.put_chain_endpoint(input=PutChainEndpointInput(chain_id=here, url=url))

    cases: list[tuple[Callable[[], Awaitable[object]], str]] = [
        (put_endpoint(known.url), "CHAIN_ID_MISMATCH"),
        (put_endpoint("http://127.0.0.1:9"), "ENDPOINT_UNREACHABLE"),
        (put_endpoint("http://169.254.169.254/"), "ENDPOINT_NOT_ALLOWED"),
        (
            lambda: admin.put_chain_contract(
                input=PutChainContractInput(chain_id=there, kind="seaport", address=_NOWHERE)
            ),
            "CONTRACT_WITHOUT_CODE",
        ),
        (
            lambda: admin.remove_chain_endpoint(
                input=RemoveChainEndpointInput(chain_id=there, endpoint_id=before.endpoints[0].id)
            ),
            "LAST_ENDPOINT",
        ),
        (put_policy(before.version + 1), "CHAIN_CHANGED"),
        (put_policy(before.version, base_fee_multiplier_percent=99), "INVALID_GAS_POLICY"),
        (put_policy(before.version, finality_depth=2), "FINALITY_DEPTH_UNSAFE"),
    ]
    for call, reason in cases:
        assert (await refusal(call))[1] == reason
    assert len((await admin.list_chain_changes(chain_id=chain.caip2)).nodes) == 1
    assert await admin.get_registered_chain(chain_id=there) == before


async def test_who_is_no_admin_can_have_nothing_reached(market: Marketplace) -> None:
    """An inner server that must not be asked listens; neither anybody's nor a stranger's wish moves a packet to it."""
    connections = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    inner = await asyncio.start_server(count, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{inner.sockets[0].getsockname()[1]}/admin"
    wish = PutChainEndpointInput(chain_id=market.stack.chains[0].chain_id.caip2, url=url)
    async with inner, Client(market.url) as anybody, signed_in(market, Wallet()) as stranger:
        assert await refusal(lambda: anybody.put_chain_endpoint(input=wish)) == (
            "UNAUTHENTICATED",
            "AUTHENTICATION_REQUIRED",
        )
        assert await refusal(lambda: stranger.put_chain_endpoint(input=wish)) == ("PERMISSION_DENIED", "ADMIN_REQUIRED")
        assert connections == 0
        # The same wish of an admin does reach it: the counter counts.
        async with signed_in(market, ADMIN) as admin:
            assert (await refusal(lambda: admin.put_chain_endpoint(input=wish)))[1] == "ENDPOINT_UNREACHABLE"
        assert connections == 1
