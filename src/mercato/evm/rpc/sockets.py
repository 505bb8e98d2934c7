"""A node's WebSocket as we open it: at a place where a node may be, for a while, and never led elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, NoReturn

import aiohttp
from aiohttp.abc import AbstractResolver

from mercato.evm.rpc.endpoints import Endpoint
from mercato.evm.rpc.errors import NodeUnavailable
from mercato.evm.rpc.places import check_place
from mercato.kit.dialing import connector

_HEARTBEAT = 10.0
"""Seconds between two pings; a peer that answers none is gone."""

_LARGEST = 256 * 1024
"""Bytes of one message; a header has about two thousand."""


async def opened(
    endpoint: Endpoint, stack: AsyncExitStack, resolver: AbstractResolver | None = None
) -> aiohttp.ClientWebSocketResponse:
    """A socket to the endpoint's `ws_url`, closed by the stack. The endpoint's headers go to that host alone: redirects
    are not followed, proxies of the environment not used.

    Raises `EndpointNotAllowed` when the host is where no node may be, and what `telling` tells.
    """
    session = aiohttp.ClientSession(
        connector=connector(check_place, resolver=resolver),
        trace_configs=[_without_redirects()],
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    stack.push_async_callback(session.close)
    socket = await session.ws_connect(
        endpoint.ws_url, headers=endpoint.headers, heartbeat=_HEARTBEAT, max_msg_size=_LARGEST
    )
    # The connection goes first: a proper goodbye would read on for as long as the peer has something to say.
    stack.push_async_callback(socket.close)
    stack.push_async_callback(session.close)
    return socket


@contextmanager
def telling(patience: float) -> Iterator[None]:
    """Makes `NodeUnavailable` SOCKET_UNAVAILABLE of what goes wrong with a socket, and says no word of its URL."""
    try:
        yield
    except TimeoutError:
        raise gone(f"no answer within {patience:g} s") from None
    except aiohttp.WSServerHandshakeError as error:  # whose text is the URL, which may hold a key
        raise gone(f"it answers the handshake with status {error.status}") from None
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        raise gone(f"it cannot be reached ({type(error).__name__})") from None


def text_of(message: aiohttp.WSMessage) -> str:
    """What was said. Raises `NodeUnavailable` when that is no text, or the end."""
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data)
    if message.type is aiohttp.WSMsgType.ERROR:
        raise gone(f"it broke: {message.data}")
    if message.type is aiohttp.WSMsgType.BINARY:
        raise gone("it says what is no announcement")
    raise gone("it closed")


def gone(why: str) -> NodeUnavailable:
    """The socket is of no use."""
    return NodeUnavailable("SOCKET_UNAVAILABLE", why)


def _without_redirects() -> aiohttp.TraceConfig:
    async def refuse(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> NoReturn:
        raise gone("it redirects")

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config
