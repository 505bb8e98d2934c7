"""What the gateway believes of tokens, and how it learns that a session is over."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest
from gateway_parts import Gateway

from mercato.kit import channels
from mercato.kit.errors import Unauthenticated, Unavailable
from mercato.kit.ids import new_id

WHO = "{ viewer { address } }"
REVOKED = Unauthenticated("SESSION_REVOKED", "sign in again")
AWAY = Unavailable("SERVICE_UNAVAILABLE", "auth is away")


@pytest.fixture
def token(gateway: Gateway) -> str:
    """A token that no other test's gateway has seen."""
    found = f"token-{new_id().hex}"
    gateway.world.tokens_of_users[found] = gateway.world.alice
    return found


async def revoke(gateway: Gateway, token: str) -> None:
    """As auth does it: the truth first, then the news."""
    gateway.world.revoked[token] = REVOKED
    await gateway.redis.publish(channels.SESSIONS_ENDED, f"session-{token}")


async def refused(gateway: Gateway, token: str) -> None:
    """Waits until a token is refused for its session's end."""
    async with asyncio.timeout(30):
        while (answer := await gateway.execute(WHO, token=token)).status == 200 and "errors" not in answer.body:
            await asyncio.sleep(0.02)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "SESSION_REVOKED")


async def hearing(gateway: Gateway) -> None:
    """Waits until the gateway listens: a verdict is then believed without being asked for again."""
    async with asyncio.timeout(30):
        while await gateway.redis.execute_command("PUBSUB", "NUMSUB", channels.SESSIONS_ENDED) == [
            channels.SESSIONS_ENDED.encode(), 0,
        ]:  # fmt: skip
            await asyncio.sleep(0.02)


async def test_a_token_is_asked_about_once_while_revocations_are_heard(gateway: Gateway, token: str) -> None:
    await hearing(gateway)
    answers = [await gateway.execute(WHO, token=token) for _ in range(5)]
    await asyncio.sleep(0.8)  # longer than a verdict stands without the channel
    answers += [await gateway.execute(WHO, token=token) for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert gateway.world.calls["Introspect"] == 1


async def test_a_revocation_ends_sockets_and_tokens_by_its_news_alone(gateway: Gateway, token: str) -> None:
    """The next look at all sockets is a minute away, and the verdict would stand for half of one."""
    async with gateway.socket(token) as socket, gateway.socket() as other:
        assert (await gateway.execute(WHO, token=token)).data["viewer"]
        await revoke(gateway, token)
        assert await asyncio.wait_for(socket.closed(), 10) == (4403, "SESSION_REVOKED")
        await refused(gateway, token)
        assert gateway.world.calls["FindEndedSessions"] == 0
        await other.subscribe("{ __typename }")
        assert (await other.next())["type"] == "next"


async def test_two_hundred_sockets_of_one_session_close_together(gateway: Gateway, token: str) -> None:
    async with AsyncExitStack() as opened:
        many = await opened.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        crowd = Gateway(gateway.stack, many, gateway.redis, gateway.world)
        opening = (opened.enter_async_context(crowd.socket(token)) for _ in range(200))
        open_sockets = [await each for each in opening]
        await revoke(gateway, token)
        closed = await asyncio.wait_for(asyncio.gather(*(socket.closed() for socket in open_sockets)), 30)
        assert closed == [(4403, "SESSION_REVOKED")] * 200
    assert gateway.world.calls["Introspect"] == 1


async def test_a_session_that_ended_while_redis_was_away_is_found_by_looking(gateway: Gateway, token: str) -> None:
    async with gateway.socket(token) as socket:
        await gateway.stack.kill("redis")
        try:
            gateway.world.revoked[token] = REVOKED
            # Nobody could tell: the gateway asks about its open sockets by itself, Redis or not.
            assert await asyncio.wait_for(socket.closed(), 30) == (4403, "SESSION_REVOKED")
            await refused(gateway, token)
        finally:
            await gateway.stack.start("redis")
            await gateway.redis.connection_pool.disconnect()
    await hearing(gateway)


async def test_news_lost_with_the_connection_are_found_when_it_is_back(gateway: Gateway, token: str) -> None:
    await hearing(gateway)
    async with gateway.socket(token) as socket:
        gateway.world.revoked[token] = REVOKED  # whose news went to a connection that was just lost
        await gateway.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await asyncio.wait_for(socket.closed(), 30) == (4403, "SESSION_REVOKED")
    await refused(gateway, token)


async def test_an_answer_older_than_the_revocation_is_not_believed(gateway: Gateway, token: str) -> None:
    """Auth read that the session was alive, then it ended, then the answer came."""
    await hearing(gateway)
    gateway.world.tokens_of_users["token-after"] = gateway.world.alice
    async with gateway.socket("token-after") as later:
        gateway.world.introspection_open.clear()
        asking = asyncio.create_task(gateway.execute(WHO, token=token))
        async with asyncio.timeout(30):
            while gateway.world.requests["Introspect"].access_token != token:
                await asyncio.sleep(0.01)
        await gateway.redis.publish(channels.SESSIONS_ENDED, f"session-{token}")
        # News are read in their order: when this socket closes, the one before was heard too.
        await revoke(gateway, "token-after")
        assert await later.closed() == (4403, "SESSION_REVOKED")
        gateway.world.introspection_open.set()
        assert (await asking).reason == "SESSION_REVOKED"


async def test_while_auth_is_away_known_tokens_go_on_and_unknown_ones_are_not_believed(
    gateway: Gateway, token: str
) -> None:
    await hearing(gateway)
    assert (await gateway.execute(WHO, token=token)).data["viewer"]
    gateway.world.failures["Introspect"] = AWAY
    assert (await gateway.execute(WHO, token=token)).data["viewer"]
    gateway.world.tokens_of_users["token-unseen"] = gateway.world.alice
    answer = await gateway.execute(WHO, token="token-unseen")
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")


async def test_news_that_make_no_sense_disturb_nobody(gateway: Gateway, token: str) -> None:
    async with gateway.socket(token) as socket:
        for body in (b"", b"\xff\x00", b"x" * 100_000):
            await gateway.redis.publish(channels.SESSIONS_ENDED, body)
        await revoke(gateway, token)
        assert await asyncio.wait_for(socket.closed(), 10) == (4403, "SESSION_REVOKED")
