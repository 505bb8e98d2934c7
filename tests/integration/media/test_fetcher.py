"""The sandbox against real sockets: private addresses, redirects, rebinding, size, drip and bombs."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from mercato.kit.dialing import IpAddress
from mercato.kit.errors import InvalidArgument, MercatoError, TooLarge, Unavailable
from mercato.services.media import fetcher
from mercato.services.media.fetcher import is_public

LIMIT = 10_000


def loopback_only(address: IpAddress) -> bool:
    """The rule turned round, so that a server of this test stands for the open web."""
    return address == ipaddress.ip_address("127.0.0.1")


@asynccontextmanager
async def served(handler: Callable[[web.Request], object]) -> AsyncIterator[tuple[str, list[str]]]:
    """A web server on a free port; yields its URL and the paths asked of it."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        response = handler(request)
        if asyncio.iscoroutine(response):
            response = await response
        assert isinstance(response, web.StreamResponse)
        return response

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        await runner.cleanup()


async def refusal(url: str, rule: Callable[[IpAddress], bool] = is_public, timeout: float = 2) -> MercatoError:
    async with fetcher.opened(timeout, rule) as sandbox:
        with pytest.raises(MercatoError) as caught:
            await sandbox.fetch(url, LIMIT)
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_no_request_reaches_a_private_address_by_number_or_by_name() -> None:
    async with served(lambda _: web.Response(text="secret")) as (url, asked):
        port = url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
            error = await refusal(f"http://{host}:{port}/")
            assert error.reason in ("URI_ADDRESS_REFUSED", "URI_MALFORMED"), host
    assert asked == []


async def test_a_redirect_to_a_private_address_is_refused() -> None:
    def answer(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://[::1]:1/inner")

    async with served(answer) as (url, asked):
        error = await refusal(url + "/start", loopback_only)
    assert (error.reason, asked) == ("URI_ADDRESS_REFUSED", ["/start"])


async def test_each_answer_of_the_resolver_is_checked_so_rebinding_fails() -> None:
    """What the name stands for after the first request (a redirect to the same name) is refused."""

    def until_something_was_asked(address: IpAddress) -> bool:
        return not asked

    def answer(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://localhost:{request.url.port}/again", headers={"Connection": "close"})

    async with served(answer) as (url, asked):
        error = await refusal(url.replace("127.0.0.1", "localhost") + "/first", until_something_was_asked)
    assert (error.reason, asked) == ("URI_ADDRESS_REFUSED", ["/first"])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://1.1.1.1/", "gopher://x", "http://user@1.1.1.1/", "ar://x"]
)
async def test_other_schemes_are_refused(url: str) -> None:
    assert (await refusal(url)).reason == "URI_SCHEME_REFUSED"


async def test_endless_redirects_end() -> None:
    def answer(request: web.Request) -> web.Response:
        raise web.HTTPFound("/again")

    async with served(answer) as (url, asked):
        assert (await refusal(url, loopback_only)).reason == "TOO_MANY_REDIRECTS"
    assert len(asked) == fetcher.MAX_REDIRECTS + 1


async def test_a_body_over_the_limit_is_cut_off_also_when_it_is_a_gzip_bomb() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)

    def answer(request: web.Request) -> web.Response:
        if request.path == "/bomb":
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        return web.Response(body=b"x" * (LIMIT + 1))

    async with served(answer) as (url, _):
        for path in ("/big", "/bomb"):
            error = await refusal(url + path, loopback_only)
            assert isinstance(error, TooLarge), error
            assert error.reason == "METADATA_TOO_LARGE"


async def test_a_slow_drip_ends_with_the_time_limit() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b".")
            await asyncio.sleep(0.1)
        return response

    async with served(drip) as (url, _):
        started = asyncio.get_running_loop().time()
        error = await refusal(url, loopback_only, timeout=0.5)
        assert isinstance(error, Unavailable)
        assert asyncio.get_running_loop().time() - started < 2


async def test_the_status_tells_permanent_from_passing_trouble() -> None:
    async with served(lambda r: web.Response(status=int(r.path[1:]))) as (url, _):
        assert isinstance(await refusal(url + "/404", loopback_only), InvalidArgument)
        assert isinstance(await refusal(url + "/503", loopback_only), Unavailable)


async def test_a_good_document_arrives_whole() -> None:
    async with (
        served(lambda _: web.Response(body=b'{"name":"x"}')) as (url, _),
        fetcher.opened(2, loopback_only) as sandbox,
    ):
        assert await sandbox.fetch(url, LIMIT) == b'{"name":"x"}'
