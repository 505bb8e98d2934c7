"""Announcements of new blocks over a node's WebSocket: a reason to look, and nothing more.

Nothing that is announced is believed, so a socket that lies, repeats itself or falls silent costs at most a look for
nothing. One that says what nobody asked for is hung up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from mercato.evm.rpc.endpoints import Endpoint
from mercato.evm.rpc.places import EndpointNotAllowed
from mercato.evm.rpc.sockets import gone, opened, telling, text_of
from mercato.evm.rpc.wire import chain_number_of

_PATIENCE = 10.0
_SHORTEST_PAUSE = 0.005
"""Seconds between two announcements that are taken: a flood stays in the peer's own buffers."""

_SUBSCRIBE = msgspec.json.encode(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()
_WHICH_CHAIN = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).decode()


class _Reply(msgspec.Struct):
    """An answer: the id of the subscription, the chain's number, or a refusal of whatever form."""

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


async def announcements(endpoint: Endpoint, *, resolver: AbstractResolver | None = None) -> AsyncGenerator[None]:
    """Subscribes to ``newHeads`` at the endpoint's `ws_url`: one item when that is granted, one for each block then.
    `resolver` stands in for the system's own.

    Ends by raising `NodeUnavailable`: the socket could not be opened within 10 s, broke, said something else, or its
    host is, now, where no node may be.
    """
    with telling(_PATIENCE):
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(_PATIENCE):
                try:
                    socket = await opened(endpoint, stack, resolver)
                except EndpointNotAllowed as error:
                    raise gone(error.message) from None
                await socket.send_str(_SUBSCRIBE)
                subscription = _granted(await socket.receive())
            yield
            while True:
                _check(await socket.receive(), subscription)
                yield
                await asyncio.sleep(_SHORTEST_PAUSE)


async def announcing_chain(endpoint: Endpoint, patience: float, *, resolver: AbstractResolver | None = None) -> int:
    """What the node at the endpoint's `ws_url` answers to eth_chainId (EIP-695), within `patience` seconds.

    Raises `NodeUnavailable`, and `EndpointNotAllowed` when its host is where no node may be.
    """
    with telling(patience):
        async with AsyncExitStack() as stack, asyncio.timeout(patience):
            socket = await opened(endpoint, stack, resolver)
            await socket.send_str(_WHICH_CHAIN)
            try:
                return chain_number_of(_REPLY.decode(text_of(await socket.receive())).result or "")
            except (msgspec.DecodeError, ValueError):
                raise gone("it does not tell its chain") from None


def _granted(message: aiohttp.WSMessage) -> str:
    try:
        reply = _REPLY.decode(text_of(message))
    except msgspec.DecodeError:
        raise gone("it does not answer as JSON-RPC does") from None
    if reply.result is None:
        raise gone("it refuses to announce blocks")
    return reply.result


def _check(message: aiohttp.WSMessage, subscription: str) -> None:
    try:
        notification = _NOTIFICATION.decode(text_of(message))
    except msgspec.DecodeError:
        raise gone("it says what is no announcement") from None
    if notification.method != "eth_subscription" or notification.params.subscription != subscription:
        raise gone("it says what nobody asked for")
