"""What is dialled is held against the rule then, whatever a name meant before; and headers go to their own host alone.

0.0.0.0 is forbidden and leads to this machine all the same, so a server here would hear of each connection made to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from name_service import NameService
from scripted_node import ScriptedNode, listening

from mercato.evm.rpc import Endpoint, EndpointNotAllowed, NodeUnavailable, RpcPool, announcements, announcing_chain
from mercato.kit.ids import ChainId

MAINNET = ChainId(1)
FORBIDDEN = "0.0.0.0"


def node_at(number: int) -> ScriptedNode:
    return ScriptedNode(
        {"eth_blockNumber": lambda _: hex(number), "eth_getBlockByNumber": lambda _: None}, chain_id=int(MAINNET)
    )


def pool_of(*endpoints: Endpoint, names: NameService | None = None, patience: float = 5.0) -> RpcPool:
    return RpcPool(MAINNET, endpoints, timeout=5.0, patience=patience, resolver=names)


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that hangs up on everybody: (its port, what came)."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", 0)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        server.close()


async def test_the_stand_in_address_does_lead_to_this_machine() -> None:
    async with counting() as (port, came):
        reader, writer = await asyncio.open_connection(FORBIDDEN, port)
        writer.write(b"hello")
        await writer.drain()
        assert await reader.read() == b""
        writer.close()
    assert came == [b"hello"]


async def test_a_name_that_means_a_forbidden_address_by_now_is_not_dialled() -> None:
    names = NameService(node=["127.0.0.1", FORBIDDEN])
    async with listening(node_at(7)) as node:
        endpoint = Endpoint(f"http://node:{node.port}/key")
        async with pool_of(endpoint, names=names) as before:
            assert await before.block_number() == 7
        heard = len(node.connections)
        async with pool_of(endpoint, names=names, patience=0.3) as after:
            with pytest.raises(NodeUnavailable):
                await after.block_number()
            with pytest.raises(EndpointNotAllowed):
                await after.check_chain()
            assert await after.headers_of(after.endpoints[0], [1], timeout=1.0) is None
        assert (len(node.connections), node.asked["eth_blockNumber"]) == (heard, 1)
    assert set(names.asked) == {"node"}


@pytest.mark.parametrize("meant", [FORBIDDEN, f"127.0.0.1 {FORBIDDEN}", f"{FORBIDDEN} 127.0.0.1", "169.254.169.254"])
async def test_a_name_is_not_dialled_when_any_of_its_addresses_is_forbidden(meant: str) -> None:
    async with counting() as (port, came):
        async with pool_of(Endpoint(f"http://node:{port}"), names=NameService(node=[meant])) as pool:
            with pytest.raises(EndpointNotAllowed):
                await pool.check_chain()
        announcing = Endpoint("http://node", ws_url=f"ws://node:{port}")
        with pytest.raises(EndpointNotAllowed):
            await announcing_chain(announcing, 5.0, resolver=NameService(node=[meant]))
        with pytest.raises(NodeUnavailable, match="name a node"):
            async for _ in announcements(announcing, resolver=NameService(node=[meant])):
                pass
        assert came == []


@pytest.mark.parametrize("host", [FORBIDDEN, "[::]", "[::ffff:0.0.0.0]", "169.254.169.254", "[fe80::1]"])
async def test_a_host_written_as_a_forbidden_address_is_not_dialled(host: str) -> None:
    async with counting() as (port, came):
        async with pool_of(Endpoint(f"http://{host}:{port}")) as pool:
            with pytest.raises(EndpointNotAllowed):
                await pool.check_chain()
        with pytest.raises(EndpointNotAllowed):
            await announcing_chain(Endpoint("http://node", ws_url=f"ws://{host}:{port}"), 5.0)
        assert came == []


async def test_the_others_are_asked_while_one_endpoint_is_where_no_node_may_be() -> None:
    async with listening(node_at(7)) as node:
        led_away = Endpoint(f"http://node:{node.port}/key")
        async with pool_of(led_away, node.endpoint(priority=1), names=NameService(node=[FORBIDDEN])) as pool:
            assert [await pool.block_number() for _ in range(3)] == [7, 7, 7]
            assert pool.endpoints[0].failures == 1


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "nobody.example"])
async def test_a_host_that_cannot_be_looked_up_is_an_endpoint_that_is_away(host: str) -> None:
    async with pool_of(Endpoint(f"http://{host}:1"), patience=0.2) as pool:
        with pytest.raises(NodeUnavailable):
            await pool.block_number()
    with pytest.raises(NodeUnavailable):
        await announcing_chain(Endpoint("http://node", ws_url=f"ws://{host}:1"), 2.0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_headers_of_an_endpoint_are_not_taken_along_by_a_redirect(status: int) -> None:
    async with listening(node_at(9)) as elsewhere:
        location = {"Location": f"http://localhost:{elsewhere.port}/key"}
        leading_away = ScriptedNode(respond=lambda _: web.Response(status=status, headers=location))
        async with listening(leading_away) as node, pool_of(node.endpoint(**{"X-Key": "secret"}), patience=0.3) as pool:
            with pytest.raises(NodeUnavailable):
                await pool.block_number()
        assert (len(elsewhere.connections), elsewhere.headers) == (0, [])


async def test_endpoints_of_one_host_get_their_own_headers_and_no_cookies() -> None:
    node = ScriptedNode(respond=lambda _: with_cookie())
    async with listening(node):
        ours, theirs = node.endpoint(**{"X-Key": "ours"}), node.endpoint(1, **{"X-Other": "theirs"})
        names = NameService(node=["127.0.0.1"])
        named = [Endpoint(e.url.replace("127.0.0.1", "node"), e.priority, headers=e.headers) for e in (ours, theirs)]
        async with pool_of(*named, names=names) as pool:
            assert await pool.block_number() == 5
            for state in pool.endpoints:
                await pool.headers_of(state, [1], timeout=5.0)
    sent = [(h.get("X-Key"), h.get("X-Other"), h.get("Cookie")) for h in node.headers]
    assert set(sent) == {("ours", None, None), (None, "theirs", None)}


def with_cookie() -> web.Response:
    response = web.json_response({"jsonrpc": "2.0", "id": 0, "result": "0x5"})
    response.set_cookie("sticky", "ours", domain="node")
    return response


async def test_no_proxy_and_no_password_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with counting() as (port, came), listening(node_at(7)) as node:
        for scheme in ("http", "https", "ws", "wss", "all"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{port}")
        async with pool_of(node.endpoint(**{"X-Key": "secret"})) as pool:
            assert await pool.block_number() == 7
        with pytest.raises(NodeUnavailable):
            await announcing_chain(Endpoint("http://node", ws_url=f"ws://127.0.0.1:{node.port}/key"), 5.0)
        assert came == []
    assert [headers.get("Authorization") for headers in node.headers] == [None] * len(node.headers)


@pytest.mark.parametrize(
    "body", ["the-inner-s3cret!", '{"jsonrpc":"2.0","id":0,"result":"the-inner-s3cret!"}', '["the-inner-s3cret!"]']
)
async def test_what_is_told_of_an_endpoint_holds_nothing_that_it_said(body: str) -> None:
    node = ScriptedNode(respond=lambda _: web.Response(text=body))
    async with listening(node), pool_of(node.endpoint(), patience=0.2) as pool:
        with pytest.raises(NodeUnavailable) as caught:
            await pool.block_number()
        assert "s3cret" not in caught.value.message + pool.endpoints[0].last_error
