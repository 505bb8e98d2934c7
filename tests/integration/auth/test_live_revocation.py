"""From the end of a session to the last socket that lived on it: the real auth service, Redis and gateway."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
from identity_parts import WHO, Edge, Wallet, closing, signed_in

from mercato.kit.redis import Redis
from mercato.rpc.auth.v1 import auth_pb2 as pb

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.stack import LocalStack

OVER = (4403, "SESSION_REVOKED")


async def opened(stack: AsyncExitStack, edge: Edge, token: str) -> aiohttp.ClientWebSocketResponse:
    """An acknowledged socket."""
    ws = await stack.enter_async_context(edge.socket({"authorization": f"Bearer {token}"}))
    assert (await ws.receive_json(timeout=30))["type"] == "connection_ack"
    return ws


async def refused(edge: Edge, token: str) -> str:
    answer = await edge.post(WHO, headers={"Authorization": f"Bearer {token}"})
    return "" if "errors" not in answer.body else answer.reason


async def end(auth: AuthServiceAsyncStub, session: pb.SignInResponse, how: str) -> None:
    match how:
        case "one":
            await auth.RevokeSession(pb.RevokeSessionRequest(user_id=session.user_id, session_id=session.session_id))
        case "all":
            await auth.RevokeAllSessions(pb.RevokeAllSessionsRequest(user_id=session.user_id))
        case "re-use":
            request = pb.RefreshRequest(refresh_token=session.tokens.refresh_token)
            await auth.Refresh(request)
            with pytest.raises(Exception, match="REFRESH_REUSED"):
                await auth.Refresh(request)


@pytest.mark.parametrize("how", ["one", "all", "re-use"])
async def test_every_way_a_session_ends_closes_its_socket_by_its_news(
    auth: AuthServiceAsyncStub, edge: Edge, wallet: Wallet, how: str
) -> None:
    """Auth is called directly, so this gateway learns of it as any other: the next look of its own is 30 s away."""
    session, bystander = await signed_in(auth, wallet), await signed_in(auth, Wallet.fresh())
    async with AsyncExitStack() as stack:
        socket = await opened(stack, edge, session.tokens.access_token)
        other = await opened(stack, edge, bystander.tokens.access_token)
        started = time.monotonic()
        await end(auth, session, how)
        assert await asyncio.wait_for(closing(socket), 10) == OVER
        print(f"closed {(time.monotonic() - started) * 1000:.1f} ms after the call began")
        assert await refused(edge, session.tokens.access_token) == "SESSION_REVOKED"
        await other.send_json({"type": "ping"})
        assert (await other.receive_json(timeout=30))["type"] == "pong"


async def test_two_hundred_sockets_of_one_session_close_together(
    auth: AuthServiceAsyncStub, edge: Edge, wallet: Wallet
) -> None:
    session = await signed_in(auth, wallet)
    async with AsyncExitStack() as stack:
        sockets = [await opened(stack, edge, session.tokens.access_token) for _ in range(200)]
        started = time.monotonic()
        await end(auth, session, "one")
        ends = await asyncio.wait_for(asyncio.gather(*map(closing, sockets)), 20)
        print(f"200 closed {(time.monotonic() - started) * 1000:.1f} ms after the call began")
    assert ends == [OVER] * 200


async def test_a_revocation_while_redis_is_away_reaches_sockets_and_stays_after_it_is_back_empty(
    auth: AuthServiceAsyncStub, edge: Edge, stack: LocalStack, cache: Redis, wallet: Wallet
) -> None:
    session, later = await signed_in(auth, wallet), await signed_in(auth, wallet)
    async with AsyncExitStack() as sockets:
        first = await opened(sockets, edge, session.tokens.access_token)
        second = await opened(sockets, edge, later.tokens.access_token)
        await stack.kill("redis")
        try:
            await end(auth, session, "one")
            assert await asyncio.wait_for(closing(first), 30) == OVER
            assert await refused(edge, session.tokens.access_token) == "SESSION_REVOKED"
        finally:
            await stack.start("redis")
            await cache.connection_pool.disconnect()
        await cache.flushdb()
        assert await refused(edge, session.tokens.access_token) == "SESSION_REVOKED"
        await end(auth, later, "one")
        assert await asyncio.wait_for(closing(second), 60) == OVER
        assert await refused(edge, later.tokens.access_token) == "SESSION_REVOKED"
    # What Redis lost is put back, for all gateways to hear.
    async with asyncio.timeout(30):
        while not await cache.exists(f"session:blacklist:{session.session_id}"):
            await asyncio.sleep(0.1)
