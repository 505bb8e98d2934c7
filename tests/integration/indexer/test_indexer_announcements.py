"""A node that announces its blocks is read at once; one that announces nonsense is read as if it announced nothing."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_rig import Mailbox, Stores, eventually, handle_of, reading
from tests.integration.indexer.indexer_sockets import GRANTED, Cable, Script, announcement, serving

from mercato.evm.rpc import Endpoint, NodeUnavailable, RpcPool, announcements
from mercato.services.indexer.usecases.tip import BEAT

_NEVER = 600.0
"""Seconds; a test that polls at this rate does not poll."""


def _up(anvil: Anvil) -> float | None:
    labels = {"chain": anvil.chain.caip2, "endpoint": Endpoint(anvil.url).name}
    return REGISTRY.get_sample_value("mercato_indexer_websocket_up", labels)


def _wakeups(anvil: Anvil, found: str) -> float:
    labels = {"chain": anvil.chain.caip2, "found": found}
    return REGISTRY.get_sample_value("mercato_indexer_wakeups_total", labels) or 0.0


async def _is_up(anvil: Anvil, state: float) -> None:
    async def look() -> bool | None:
        return True if _up(anvil) == state else None

    await eventually(look, patience=60)


async def test_a_block_is_read_when_it_is_announced_without_any_poll(stores: Stores, anvil: Anvil) -> None:
    endpoint = Endpoint(anvil.url, ws_url=anvil.url.replace("http", "ws"))
    async with RpcPool(anvil.chain, [endpoint]) as pool:
        tools = stores.tools(poll_interval=_NEVER, announced_poll_interval=_NEVER)
        async with reading(tools, handle_of(anvil.chain, pool, anvil.factory)):
            await stores.indexed(anvil.chain, 1)
            await _is_up(anvil, 1.0)
            for _ in range(5):
                head = await anvil.mine()
                await stores.indexed(anvil.chain, head.number, head.hash)
            head = await anvil.mine(3)
            await stores.indexed(anvil.chain, head.number, head.hash)

            async def woken() -> bool | None:
                await asyncio.sleep(2 * BEAT)  # a block within a beat of the last one is found by the next look
                mined = await anvil.mine()
                await stores.indexed(anvil.chain, mined.number, mined.hash)
                return True if _wakeups(anvil, "news") else None

            await eventually(woken)
    assert _up(anvil) == 0.0


async def test_when_the_socket_is_cut_polling_goes_on_and_the_socket_comes_back(stores: Stores, anvil: Anvil) -> None:
    cable = Cable(anvil.url)
    await cable.plug_in()
    async with RpcPool(anvil.chain, [Endpoint(anvil.url, ws_url=cable.url)]) as pool:
        tools = stores.tools(poll_interval=0.1, announced_poll_interval=_NEVER)
        async with reading(tools, handle_of(anvil.chain, pool, anvil.factory)):
            await _is_up(anvil, 1.0)
            for _ in range(2):
                head = await anvil.mine()
                await stores.indexed(anvil.chain, head.number, head.hash)
            await cable.cut()
            await _is_up(anvil, 0.0)
            head = await anvil.mine(2)
            await stores.indexed(anvil.chain, head.number, head.hash)
            before = _wakeups(anvil, "news")
            await cable.plug_in()
            await _is_up(anvil, 1.0)

            async def woken_again() -> bool | None:
                await asyncio.sleep(2 * BEAT)
                mined = await anvil.mine()
                await stores.indexed(anvil.chain, mined.number, mined.hash)
                return True if _wakeups(anvil, "news") > before else None

            await eventually(woken_again, patience=60)
    await cable.cut()


async def _garbage(socket: web.WebSocketResponse) -> None:
    await socket.send_str(GRANTED)
    while True:
        await socket.send_str("\u0000 not JSON {{{")
        await asyncio.sleep(0)


async def _bytes(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(os.urandom(4096))
    await asyncio.sleep(_NEVER)


async def _foreign(socket: web.WebSocketResponse) -> None:
    await socket.send_str(GRANTED)
    while True:
        await socket.send_str(announcement("0xbad"))
        await asyncio.sleep(0)


async def _huge(socket: web.WebSocketResponse) -> None:
    await socket.send_str(GRANTED)
    await socket.send_str(announcement() + " " * 20_000_000)
    await asyncio.sleep(_NEVER)


async def _refusing(socket: web.WebSocketResponse) -> None:
    await socket.send_str('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}')
    await asyncio.sleep(_NEVER)


async def _flood(socket: web.WebSocketResponse) -> None:
    await socket.send_str(GRANTED)
    while True:
        await socket.send_str(announcement())
        await asyncio.sleep(0)


async def _silent(socket: web.WebSocketResponse) -> None:
    await socket.send_str(GRANTED)
    await asyncio.sleep(_NEVER)


@pytest.mark.parametrize("script", [_garbage, _bytes, _foreign, _huge, _refusing, _flood, _silent])
async def test_whatever_a_socket_says_the_chain_is_read_by_polling(
    stores: Stores, anvil: Anvil, mailbox: Mailbox, script: Script
) -> None:
    async with serving(script) as socket, RpcPool(anvil.chain, [Endpoint(anvil.url, ws_url=socket.url)]) as pool:
        tools = stores.tools(poll_interval=0.1, announced_poll_interval=_NEVER)
        async with reading(tools, handle_of(anvil.chain, pool, anvil.factory)):
            collection = await anvil.create(anvil.accounts[1])
            await anvil.mine()
            for _ in range(3):
                await anvil.mint(collection, anvil.accounts[1])
                head = await anvil.mine()
                progress = await stores.indexed(anvil.chain, head.number, head.hash)
                assert (progress.head, progress.indexed, progress.reason) == (head.number, head.number, "")

            async def came() -> bool | None:
                return True if socket.came else None

            await eventually(came)
    await mailbox.read()
    assert not [item for item in mailbox.received if item.kind == "reorged"]
    assert sum(len(item.facts) for item in mailbox.received if item.kind == "minted") == 3


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (_garbage, "no announcement"),
        (_bytes, "no announcement"),
        (_foreign, "nobody asked for"),
        (_huge, "exceeds limit"),
        (_refusing, "refuses"),
    ],
)
async def test_who_says_what_nobody_asked_for_is_hung_up_on(script: Script, why: str) -> None:
    async with serving(script) as socket:
        with pytest.raises(NodeUnavailable, match=why):
            async for _ in announcements(Endpoint("http://node", ws_url=socket.url)):
                pass
    assert socket.asked == ['{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}']


async def test_a_redirect_is_not_followed_with_the_keys_of_the_endpoint() -> None:
    async with serving(_silent) as socket:
        elsewhere = Endpoint("http://node", ws_url=f"{socket.url}/elsewhere", headers={"x-key": "5ecret"})
        with pytest.raises(NodeUnavailable, match="redirects"):
            async for _ in announcements(elsewhere):
                pass
    assert (socket.came, socket.asked) == (1, [])


async def test_what_is_told_of_a_failure_holds_no_secret_of_the_url(anvil: Anvil) -> None:
    refusing = Endpoint(anvil.url, ws_url=anvil.url.replace("http", "ws") + "/v3/5ecret?key=5ecret")
    away = Endpoint("http://node", ws_url="ws://user:5ecret@127.0.0.1:9/5ecret")
    for endpoint in (refusing, away):
        with pytest.raises(NodeUnavailable) as told:
            async for _ in announcements(endpoint):
                pass
        assert "5ecret" not in str(told.value)


async def test_a_flood_of_announcements_is_taken_at_a_bounded_rate() -> None:
    taken, loop = 0, asyncio.get_running_loop()
    async with serving(_flood) as socket, aclosing(announcements(Endpoint("http://node", ws_url=socket.url))) as heard:
        started = loop.time()
        async for _ in heard:
            taken += 1
            if loop.time() - started > 1.0:
                break
        assert 1 < taken <= 250 * (loop.time() - started)
