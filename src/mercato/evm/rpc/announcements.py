"""Announcements of new blocks over a node's WebSocket: a reason to look, and nothing more.

Nothing that is announced is believed, so a socket that lies, repeats itself or falls silent costs at most a look for
nothing. One that says what nobody asked for is hung up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, NoReturn

import aiohttp
import msgspec

from mercato.evm.rpc.endpoints import Endpoint
from mercato.evm.rpc.errors import NodeUnavailable

_PATIENCE = 10.0
_HEARTBEAT = 10.0
"""Seconds between two pings; a peer that answers none is gone."""

_LARGEST = 256 * 1024
"""Bytes of one message; a header has about two thousand."""

_SHORTEST_PAUSE = 0.005
"""Seconds between two announcements that are taken: a flood stays in the peer's own buffers."""

_SUBSCRIBE = msgspec.json.encode(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


class _Reply(msgspec.Struct):
    """The answer to the subscription: its id, or a refusal of whatever form."""

    id: int
    result: str | None = None


class _Notice(msgspec.Struct):
    subscription: str


class _Notification(msgspec.Struct):
    """An announcement, without the block it names."""

    method: str
    params: _Notice


_REPLY = msgspec.json.Decoder(_Reply)
_NOTIFICATION = msgspec.json.Decoder(_Notification)


async def announcements(endpoint: Endpoint) -> AsyncGenerator[None]:
    """Subscribes to ``newHeads`` at the endpoint's `ws_url`: one item when that is granted, one for each block then.

    Ends by raising `NodeUnavailable`: the socket could not be opened within 10 s, broke, or said something else.
    Redirects are not followed, for the headers may hold keys.
    """
    try:
        async with AsyncExitStack() as opened:
            async with asyncio.timeout(_PATIENCE):
                socket = await _open(endpoint, opened)
                await socket.send_str(_SUBSCRIBE)
                subscription = _granted(await socket.receive())
            yield
            while True:
                _check(await socket.receive(), subscription)
                yield
                await asyncio.sleep(_SHORTEST_PAUSE)
    except TimeoutError:
        raise _gone(f"no answer within {_PATIENCE:g} s") from None
    except aiohttp.WSServerHandshakeError as error:  # whose text is the URL, which may hold a key
        raise _gone(f"it answers the handshake with status {error.status}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise _gone(f"it cannot be reached ({type(error).__name__})") from None


async def _open(endpoint: Endpoint, opened: AsyncExitStack) -> aiohttp.ClientWebSocketResponse:
    session = aiohttp.ClientSession(trace_configs=[_without_redirects()])
    opened.push_async_callback(session.close)
    socket = await session.ws_connect(
        endpoint.ws_url, headers=endpoint.headers, heartbeat=_HEARTBEAT, max_msg_size=_LARGEST
    )
    # The connection goes first: a proper goodbye would read on for as long as the peer has something to say.
    opened.push_async_callback(socket.close)
    opened.push_async_callback(session.close)
    return socket


def _granted(message: aiohttp.WSMessage) -> str:
    try:
        reply = _REPLY.decode(_text(message))
    except msgspec.DecodeError:
        raise _gone("it does not answer as JSON-RPC does") from None
    if reply.result is None:
        raise _gone("it refuses to announce blocks")
    return reply.result


def _check(message: aiohttp.WSMessage, subscription: str) -> None:
    try:
        notification = _NOTIFICATION.decode(_text(message))
    except msgspec.DecodeError:
        raise _gone("it says what is no announcement") from None
    if notification.method != "eth_subscription" or notification.params.subscription != subscription:
        raise _gone("it says what nobody asked for")


def _text(message: aiohttp.WSMessage) -> str:
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data)
    if message.type is aiohttp.WSMsgType.ERROR:
        raise _gone(f"it broke: {message.data}")
    if message.type is aiohttp.WSMsgType.BINARY:
        raise _gone("it says what is no announcement")
    raise _gone("it closed")


def _without_redirects() -> aiohttp.TraceConfig:
    async def refuse(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> NoReturn:
        raise _gone("it redirects")

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


def _gone(why: str) -> NodeUnavailable:
    return NodeUnavailable("SOCKET_UNAVAILABLE", why)
