"""The pool keeps answering while endpoints fail in all the ways they do, over real HTTP."""

from __future__ import annotations

import asyncio
import random
import socket
import time

import pytest
from aiohttp import web
from scripted_node import Refusal, ScriptedNode, listening

from mercato.evm.rpc import (
    BlockUnknown,
    Endpoint,
    NodeFault,
    NodeRateLimited,
    NodeUnavailable,
    RangeTooLarge,
    Reverted,
    RpcError,
    RpcPool,
)
from mercato.kit.errors import FailedPrecondition
from mercato.kit.ids import Address, ChainId, keccak256

MAINNET = ChainId(1)
CONTRACT = Address(b"\xcc" * 20)


def pool_of(*endpoints: Endpoint, timeout: float = 5.0, patience: float = 5.0) -> RpcPool:
    return RpcPool(MAINNET, endpoints, timeout=timeout, patience=patience, draw=random.Random(1))


def at_block(number: int) -> ScriptedNode:
    return ScriptedNode({"eth_blockNumber": lambda _: hex(number)})


def nobody_there() -> Endpoint:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Endpoint(f"http://127.0.0.1:{probe.getsockname()[1]}")


async def test_endpoint_that_is_down_is_passed_over() -> None:
    async with listening(at_block(7)) as backup, pool_of(nobody_there(), backup.endpoint(priority=1)) as pool:
        assert [await pool.block_number() for _ in range(5)] == [7] * 5
        down, up = pool.endpoints
        assert down.failures == 1
        assert "ClientConnectorError" in down.last_error
        assert up.failures == 0


@pytest.mark.parametrize(
    "respond",
    [
        lambda _: web.Response(status=502, text="<html>bad gateway</html>"),
        lambda _: web.Response(status=200, text="<html>welcome to our captive portal</html>"),
        lambda _: web.Response(status=401, text="who are you"),
        lambda _: web.json_response({"jsonrpc": "2.0", "id": 0}),
        lambda _: web.json_response({"jsonrpc": "2.0", "id": 0, "result": {"not": "a number"}}),
        lambda _: web.json_response({"jsonrpc": "2.0", "id": 0, "result": "0xzz"}),
        lambda _: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        lambda _: web.Response(status=200, body=b""),
    ],
)
async def test_endpoint_that_talks_nonsense_is_passed_over(respond: object) -> None:
    broken = ScriptedNode(respond=respond)  # type: ignore[arg-type]
    async with (
        listening(broken),
        listening(at_block(7)) as backup,
        pool_of(broken.endpoint(), backup.endpoint(priority=1)) as pool,
    ):
        assert await pool.block_number() == 7
        assert broken.asked["eth_blockNumber"] == 1
        assert pool.endpoints[0].failures == 1


async def test_slow_endpoint_is_left_after_the_timeout() -> None:
    slow = at_block(1)
    slow.delay = 30.0
    async with (
        listening(slow),
        listening(at_block(7)) as backup,
        pool_of(slow.endpoint(), backup.endpoint(priority=1), timeout=0.2) as pool,
    ):
        started = time.monotonic()

        assert await pool.block_number() == 7
        assert 0.2 <= time.monotonic() - started < 2.0


async def test_endpoint_that_comes_back_is_used_again() -> None:
    node = at_block(7)
    async with listening(node), pool_of(node.endpoint()) as pool:
        assert await pool.block_number() == 7
    port = node.port

    async with pool_of(node.endpoint(), patience=10.0) as pool:
        asking = asyncio.create_task(pool.block_number())
        await asyncio.sleep(0.4)
        assert not asking.done()
        async with listening(at_block(9), port):
            assert await asking == 9


async def test_when_nobody_answers_the_error_names_each_endpoint_and_no_secret() -> None:
    first, second = nobody_there(), nobody_there()
    async with pool_of(Endpoint(first.url + "/secret"), second, patience=0.3) as pool:
        with pytest.raises(NodeUnavailable) as unavailable:
            await pool.block_number()

    assert unavailable.value.retryable
    assert first.name in unavailable.value.message
    assert second.name in unavailable.value.message
    assert "secret" not in unavailable.value.message


async def test_fifty_parallel_calls_survive_a_dead_first_endpoint() -> None:
    async with listening(at_block(7)) as backup, pool_of(nobody_there(), backup.endpoint(priority=1)) as pool:
        assert await asyncio.gather(*(pool.block_number() for _ in range(50))) == [7] * 50
        assert pool.endpoints[0].failures <= 2


async def test_rate_limited_endpoint_rests_as_long_as_it_asks() -> None:
    limited = ScriptedNode(respond=lambda _: web.Response(status=429, headers={"Retry-After": "60"}, text="slow down"))
    async with (
        listening(limited),
        listening(at_block(7)) as backup,
        pool_of(limited.endpoint(), backup.endpoint(priority=1)) as pool,
    ):
        assert [await pool.block_number() for _ in range(3)] == [7] * 3
        assert limited.asked["eth_blockNumber"] == 1


async def test_rate_limit_everywhere_is_reported_as_such() -> None:
    def refuse(_: list[object]) -> object:
        raise Refusal(-32005, "request rate exceeded: too many requests")

    async with (
        listening(ScriptedNode({"eth_blockNumber": refuse})) as node,
        pool_of(node.endpoint(), patience=0.3) as pool,
    ):
        with pytest.raises(NodeRateLimited) as limited:
            await pool.block_number()

    assert limited.value.retryable
    assert node.asked["eth_blockNumber"] >= 2


async def test_refusal_is_final_and_other_endpoints_are_not_asked() -> None:
    def refuse(_: list[object]) -> object:
        raise Refusal(-32602, "invalid argument 0", {"hint": 1})

    async with (
        listening(ScriptedNode({"eth_call": refuse})) as node,
        listening(ScriptedNode({"eth_call": lambda _: "0x01"})) as backup,
        pool_of(node.endpoint(), backup.endpoint(priority=1)) as pool,
    ):
        with pytest.raises(RpcError) as refused:
            await pool.call(CONTRACT, b"")

    assert type(refused.value) is RpcError
    assert (refused.value.code, refused.value.message, refused.value.data) == (
        -32602,
        "invalid argument 0",
        {"hint": 1},
    )
    assert backup.asked["eth_call"] == 0
    assert pool.endpoints[0].failures == 0


async def test_block_one_node_lacks_is_asked_of_the_others_once() -> None:
    def unknown(_: list[object]) -> object:
        raise Refusal(-32000, "header not found")

    async with (
        listening(ScriptedNode({"eth_call": unknown})) as lagging,
        listening(ScriptedNode({"eth_call": lambda _: "0x01"})) as ahead,
        pool_of(lagging.endpoint(), ahead.endpoint(priority=1)) as pool,
    ):
        assert await pool.call(CONTRACT, b"", block=5) == b"\x01"
        assert (lagging.asked["eth_call"], ahead.asked["eth_call"]) == (1, 1)


async def test_block_no_node_has_is_reported_without_waiting() -> None:
    def unknown(_: list[object]) -> object:
        raise Refusal(-32000, "header not found")

    async with (
        listening(ScriptedNode({"eth_call": unknown})) as first,
        listening(ScriptedNode({"eth_call": unknown})) as second,
        pool_of(first.endpoint(), second.endpoint()) as pool,
    ):
        started = time.monotonic()
        with pytest.raises(BlockUnknown):
            await pool.call(CONTRACT, b"", block=5)

    assert time.monotonic() - started < 1.0
    assert first.asked["eth_call"] + second.asked["eth_call"] == 2


async def test_null_for_logs_means_the_block_is_unknown() -> None:
    async with listening(ScriptedNode({"eth_getLogs": lambda _: None})) as node, pool_of(node.endpoint()) as pool:
        with pytest.raises(BlockUnknown):
            await pool.logs_by_hash(b"\xbb" * 32)


async def test_revert_carries_what_the_contract_returned() -> None:
    def revert(_: list[object]) -> object:
        raise Refusal(3, "execution reverted", "0x08c379a0")

    async with listening(ScriptedNode({"eth_call": revert})) as node, pool_of(node.endpoint()) as pool:
        with pytest.raises(Reverted) as reverted:
            await pool.call(CONTRACT, b"")

    assert reverted.value.returned.hex() == "08c379a0"


async def test_range_error_under_http_400_is_read() -> None:
    message = "You can make eth_getLogs requests with up to a 10 block range"
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": message}}
    node = ScriptedNode(respond=lambda _: web.json_response(body, status=400))
    async with listening(node), pool_of(node.endpoint()) as pool:
        with pytest.raises(RangeTooLarge) as refused:
            await pool.logs(100, 199)

    assert refused.value.suggested == (100, 109)


async def test_http_413_for_logs_means_a_shorter_range() -> None:
    node = ScriptedNode(respond=lambda _: web.Response(status=413, text="too large"))
    async with listening(node), pool_of(node.endpoint()) as pool:
        with pytest.raises(RangeTooLarge) as refused:
            await pool.logs(100, 199)

    assert refused.value.suggested is None


async def test_endpoint_of_another_chain_is_never_used() -> None:
    stranger = at_block(1)
    stranger.chain_id = 5
    async with (
        listening(stranger),
        listening(at_block(7)) as ours,
        pool_of(stranger.endpoint(), ours.endpoint(priority=1)) as pool,
    ):
        assert [await pool.block_number() for _ in range(3)] == [7] * 3
        assert stranger.asked["eth_blockNumber"] == 0
        assert "serves eip155:5" in pool.endpoints[0].last_error
        with pytest.raises(FailedPrecondition) as refused:
            await pool.check_chain()

    assert refused.value.reason == "WRONG_CHAIN"


async def test_chain_check_passes_over_what_is_down() -> None:
    async with listening(at_block(7)) as node, pool_of(nobody_there(), node.endpoint()) as pool:
        await pool.check_chain()
        assert pool.endpoints[0].serves_chain is None
        assert pool.endpoints[1].serves_chain == 1


async def test_headers_of_an_endpoint_go_with_every_request() -> None:
    async with listening(at_block(7)) as node, pool_of(node.endpoint(authorization="Bearer k")) as pool:
        await pool.block_number()

    assert {headers["authorization"] for headers in node.headers} == {"Bearer k"}


async def test_connection_is_kept_and_closed_with_the_pool() -> None:
    async with listening(at_block(7)) as node:
        async with pool_of(node.endpoint()) as pool:
            for _ in range(20):
                await pool.block_number()
            assert len(node.connections) == 1
            (connection,) = node.connections
            assert not connection.is_closing()
        for _ in range(100):
            if connection.is_closing():
                break
            await asyncio.sleep(0.02)
        assert connection.is_closing()
        with pytest.raises(RuntimeError):
            await pool.block_number()


async def test_cancelled_call_does_not_count_against_the_endpoint() -> None:
    slow = at_block(7)
    slow.delay = 0.2
    async with listening(slow), pool_of(slow.endpoint()) as pool:
        asking = asyncio.create_task(pool.block_number())
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert await pool.block_number() == 7
        assert pool.endpoints[0].failures == 0


def header(number: int) -> dict[str, str]:
    return {
        "number": hex(number),
        "hash": "0x" + f"{number:064x}",
        "parentHash": "0x" + f"{number - 1:064x}",
        "timestamp": hex(1000 + number),
        "logsBloom": "0x" + "00" * 256,
        "gasLimit": "0x1c9c380",
    }


async def test_headers_come_in_batches_and_in_order() -> None:
    def one(params: list[str]) -> dict[str, str] | None:
        number = int(params[0], 16)
        return None if number == 13 else header(number)

    node = ScriptedNode({"eth_getBlockByNumber": one}, backwards=True)
    async with listening(node), pool_of(node.endpoint()) as pool:
        headers = await pool.headers(range(1, 251))

    assert sorted(node.batch_sizes) == [50, 100, 100]
    assert [h.number if h else None for h in headers] == [n if n != 13 else None for n in range(1, 251)]
    assert (headers[0].timestamp, headers[0].base_fee) == (1001, None)  # type: ignore[union-attr]
    assert node.asked["eth_getBlockByNumber"] == 0  # never singly


async def test_no_headers_asked_costs_no_request() -> None:
    async with listening(ScriptedNode()) as node, pool_of(node.endpoint()) as pool:
        assert await pool.headers([]) == []

    assert node.headers == []


async def test_refused_part_of_a_batch_of_calls_stands_in_its_place() -> None:
    def answer(params: list[dict[str, str]]) -> str:
        if params[0]["data"] == "0x02":
            raise Refusal(3, "execution reverted", "0x12")
        return params[0]["data"]

    async with listening(ScriptedNode({"eth_call": answer})) as node, pool_of(node.endpoint()) as pool:
        first, second, third = await pool.call_many([(CONTRACT, b"\x01"), (CONTRACT, b"\x02"), (CONTRACT, b"\x03")])

    assert (first, third) == (b"\x01", b"\x03")
    assert isinstance(second, Reverted)
    assert second.returned == b"\x12"


async def test_batch_without_all_answers_is_taken_elsewhere() -> None:
    def incomplete(_: list[object]) -> object:
        raise AssertionError("never asked singly")

    class Forgetful(ScriptedNode):
        async def handle(self, request: web.Request) -> web.StreamResponse:
            if isinstance(await request.json(), list):
                self.asked["batch"] += 1
                return web.json_response([{"jsonrpc": "2.0", "id": 0, "result": "0x01"}])
            return await super().handle(request)

    forgetful = Forgetful({"eth_call": incomplete})
    async with (
        listening(forgetful),
        listening(ScriptedNode({"eth_call": lambda p: p[0]["data"]})) as backup,
        pool_of(forgetful.endpoint(), backup.endpoint(priority=1)) as pool,
    ):
        assert await pool.call_many([(CONTRACT, b"\x01"), (CONTRACT, b"\x02")]) == [b"\x01", b"\x02"]
        assert forgetful.asked["batch"] == 1


async def test_batch_refused_as_a_whole_raises() -> None:
    class NoBatches(ScriptedNode):
        async def handle(self, request: web.Request) -> web.StreamResponse:
            if isinstance(await request.json(), list):
                error = {"code": -32600, "message": "batch requests are not allowed"}
                return web.json_response({"jsonrpc": "2.0", "id": None, "error": error})
            return await super().handle(request)

    async with listening(NoBatches()) as node, pool_of(node.endpoint()) as pool:
        with pytest.raises(RpcError) as refused:
            await pool.call_many([(CONTRACT, b"\x01")])

    assert refused.value.message == "batch requests are not allowed"


async def test_node_fault_on_all_endpoints_is_reported() -> None:
    def broken(_: list[object]) -> object:
        raise Refusal(-32603, "Internal error")

    async with (
        listening(ScriptedNode({"eth_call": broken})) as first,
        listening(ScriptedNode({"eth_call": broken})) as second,
        pool_of(first.endpoint(), second.endpoint()) as pool,
    ):
        with pytest.raises(NodeFault):
            await pool.call(CONTRACT, b"")

    assert (first.asked["eth_call"], second.asked["eth_call"]) == (1, 1)


async def test_timeout_of_a_call_is_kept_whatever_the_pool_would_wait() -> None:
    slow = ScriptedNode({"eth_call": lambda _: "0x"}, delay=30.0)
    async with listening(slow), pool_of(slow.endpoint()) as pool:
        started = time.monotonic()
        with pytest.raises(NodeUnavailable):
            await pool.call(CONTRACT, b"", timeout=0.3)

    assert time.monotonic() - started < 1.5


async def test_transaction_the_node_already_has_is_sent() -> None:
    def known(_: list[object]) -> object:
        raise Refusal(-32000, "already known")

    async with listening(ScriptedNode({"eth_sendRawTransaction": known})) as node, pool_of(node.endpoint()) as pool:
        tx_hash = await pool.send_raw(b"\x02signed")

    assert tx_hash == keccak256(b"\x02signed")


def test_chain_without_endpoints_is_refused() -> None:
    with pytest.raises(FailedPrecondition) as refused:
        RpcPool(MAINNET, [])

    assert refused.value.reason == "NO_ENDPOINT"
