"""What an endpoint must show before it is stored, what the asker learns of one that does not, and where headers go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from registry_parts import put_chain, put_endpoint
from tests.integration.evm.name_service import NameService

from mercato.evm.rpc import EndpointNotAllowed, NodeUnavailable
from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import Address
from mercato.rpc.chains.v1 import chains_pb2 as pb
from mercato.services.chains.model.chains import CAREFUL_POLICY, Chain, ChainSpec, Contract, Endpoint, IndexScope
from mercato.services.chains.rpc import NodesClient

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.stack import LocalStack

UNREACHABLE = "the endpoint does not answer eth_chainId as a node does, at each of its URLs; see the registry's log"


@asynccontextmanager
async def somebody(answer: bytes, address: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says one thing to everybody, nothing at all for b"": (its port, the requests it got)."""
    requests: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        if answer:
            writer.write(answer)
        else:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, address, 0)
    try:
        yield server.sockets[0].getsockname()[1], requests
    finally:
        over.set()
        server.close()


def page(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nLocation: http://127.0.0.1:1/\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


def kept(stack: LocalStack, ws_url: str) -> pb.PutEndpointRequest:
    """Another place of announcements, and the headers as they are."""
    return pb.PutEndpointRequest(
        chain_id=stack.chains[0].chain_id.caip2, header_change=pb.HEADER_CHANGE_KEEP,
        endpoint=pb.Endpoint(url=stack.chains[0].url, ws_url=ws_url),
    )  # fmt: skip


async def test_headers_that_stay_are_not_sent_to_a_socket_of_an_admins_choice(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    before = await put_endpoint(registry, stack)
    async with somebody(b"") as (port, requests):
        with pytest.raises(FailedPrecondition) as caught:
            await registry.PutEndpoint(kept(stack, f"ws://127.0.0.1:{port}/"))
        assert (caught.value.reason, requests) == ("ENDPOINT_HEADERS_NEEDED", [])
    assert "secret" not in caught.value.message
    assert await registry.GetChain(pb.GetChainRequest(chain_id=before.chain_id)) == before
    own = stack.chains[0].url.replace("http", "ws")
    (endpoint,) = (await registry.PutEndpoint(kept(stack, own))).endpoints
    assert (endpoint.ws_url, dict(endpoint.headers)) == (own, {"X-Key": "secret"})


async def test_a_socket_of_another_chain_is_refused_and_one_that_is_no_node_too(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    other = stack.chains[1]
    with pytest.raises(InvalidArgument) as wrong:
        await registry.PutEndpoint(kept(stack, other.url.replace("http", "ws")))
    assert (wrong.value.reason, wrong.value.details["reported"]) == ("CHAIN_ID_MISMATCH", str(int(other.chain_id)))
    async with somebody(page("200 OK", b"the-inner-s3cret!")) as (port, _):
        with pytest.raises(FailedPrecondition) as nobody:
            await registry.PutEndpoint(kept(stack, f"ws://127.0.0.1:{port}"))
    assert (nobody.value.reason, nobody.value.message) == ("ENDPOINT_UNREACHABLE", UNREACHABLE)
    assert (await registry.GetChain(pb.GetChainRequest(chain_id=stack.chains[0].chain_id.caip2))).version == 1


async def test_one_node_in_many_spellings_is_one_endpoint(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    await put_chain(registry, stack)
    url = stack.chains[0].url
    first = await put_endpoint(registry, stack)
    for spelling in (f"{url}/", f"{url}?", f"{url}/./", url.replace("127.0.0.1", "localhost"), url.upper()):
        assert await put_endpoint(registry, stack, url=spelling) == first
    assert [endpoint.url for endpoint in first.endpoints] == [url]


@pytest.mark.parametrize(
    "url", ["http://a..b:8545", "http://.com", f"http://{'a' * 64}.com", "http://127.1:1", "http://127.0.0.1:1/#a"]
)
async def test_a_host_that_is_none_is_told_so(registry: ChainsServiceAsyncStub, stack: LocalStack, url: str) -> None:
    await put_chain(registry, stack)
    with pytest.raises(InvalidArgument) as caught:
        await put_endpoint(registry, stack, url=url)
    assert caught.value.reason == "INVALID_ENDPOINT_URL"
    with pytest.raises(InvalidArgument) as socket:
        await registry.PutEndpoint(kept(stack, url.replace("http", "ws", 1)))
    assert socket.value.reason == "INVALID_ENDPOINT_URL"


async def test_a_header_change_that_nobody_knows_is_refused(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    await put_chain(registry, stack)
    request = kept(stack, "")
    request.header_change = 7  # type: ignore[assignment]
    with pytest.raises(InvalidArgument) as caught:
        await registry.PutEndpoint(request)
    assert caught.value.reason == "INVALID_HEADER_CHANGE"


async def test_whatever_is_there_that_is_no_node_the_asker_learns_the_same(
    registry: ChainsServiceAsyncStub, stack: LocalStack
) -> None:
    """A closed port, a silent server, any status, a redirect, an answer that breaks off, numbers that are none."""
    await put_chain(registry, stack)
    results = ('"0x"', '"0x-1"', f'"0x{"f" * 9000}"', '{"a":1}', "null", '"31337"')
    answers = [
        page("404 Not Found", b"the-inner-s3cret!"), page("401 Unauthorized", b""), page("200 OK", b"{}"),
        page("302 Found", b""), page("500 Oops", b"x"), b"SSH-2.0-inner\r\n", b"HTTP/1.1 200 OK\r\nContent-", b"",
        page("200 OK", b'{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"the-inner-s3cret!"}}'),
        *(page("200 OK", f'{{"jsonrpc":"2.0","id":0,"result":{result}}}'.encode()) for result in results),
    ]  # fmt: skip
    told = {
        await unreachable(registry, stack, "http://127.0.0.1:1"),
        await unreachable(registry, stack, "http://a.invalid"),
    }
    for answer in answers:
        async with somebody(answer) as (port, _):
            told.add(await unreachable(registry, stack, f"http://127.0.0.1:{port}/"))
    assert told == {UNREACHABLE}


async def unreachable(registry: ChainsServiceAsyncStub, stack: LocalStack, url: str) -> str:
    """What is said of it."""
    with pytest.raises(FailedPrecondition) as caught:
        await put_endpoint(registry, stack, url=url)
    assert (caught.value.reason, dict(caught.value.details)) == ("ENDPOINT_UNREACHABLE", {})
    return caught.value.message


async def test_a_forbidden_address_hears_nothing(registry: ChainsServiceAsyncStub, stack: LocalStack) -> None:
    """0.0.0.0 leads to this machine, where it would be heard."""
    await put_chain(registry, stack)
    async with somebody(b"", "0.0.0.0") as (port, requests):
        for host in ("0.0.0.0", "[::]", "[::ffff:0.0.0.0]"):
            with pytest.raises(InvalidArgument) as caught:
                await put_endpoint(registry, stack, url=f"http://{host}:{port}")
            assert caught.value.reason == "ENDPOINT_NOT_ALLOWED"
            with pytest.raises(InvalidArgument) as socket:
                await registry.PutEndpoint(kept(stack, f"ws://{host}:{port}"))
            assert socket.value.reason == "ENDPOINT_NOT_ALLOWED"
        assert requests == []


async def test_the_registry_dials_what_it_has_checked(stack: LocalStack) -> None:
    local = stack.chains[0]
    port = local.url.rpartition(":")[2]
    nodes = NodesClient(NameService(node=["127.0.0.1", "0.0.0.0"], mixed=["127.0.0.1 0.0.0.0"]))
    named = Endpoint(f"http://node:{port}", 0, 1, {"X-Key": "secret"})
    assert await nodes.chain_number(named, local.chain_id) == int(local.chain_id)
    for endpoint in (
        named,
        Endpoint(f"http://mixed:{port}", 0, 1, {}),
        Endpoint(local.url, 0, 1, {}, f"ws://node:{port}"),
    ):
        with pytest.raises(EndpointNotAllowed):
            await nodes.chain_number(endpoint, local.chain_id)
    spec = ChainSpec(local.chain_id, "", "ETH", 18, "", True, IndexScope.ALL, 0)
    with pytest.raises(NodeUnavailable):
        contract = Contract("factory", Address(b"\x01" * 20), 0)
        await nodes.has_code(Chain(spec, 1, (named,), (), CAREFUL_POLICY), contract)
