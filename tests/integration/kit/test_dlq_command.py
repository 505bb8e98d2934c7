"""`mercato dlq` as an operator types it, on a real broker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import aio_pika
import pytest

from mercato.kit import rabbit, topology
from mercato.kit.messages import Outgoing
from mercato.kit.settings import Settings
from mercato.rpc.events.v1 import events_pb2 as events
from mercato.stack import LocalStack

Run = Callable[..., Awaitable[tuple[int, str]]]
QUEUE = "users.auth.logged_in"


@pytest.fixture
async def dlq(stack: LocalStack, settings: Settings) -> Run:
    """Runs ``mercato dlq …``; gives exit code and output. Two messages are parked: "a" and "b"."""
    async with rabbit.connected(settings, "test") as broker:
        connection = await aio_pika.connect(settings.amqp_url)
        async with connection:
            channel = await connection.channel()
            for name in (QUEUE, topology.PARKED):
                await (await channel.get_queue(name)).purge()
        for message_id in ("a", "b"):
            body = events.UserLoggedIn(user_id=f"user-{message_id}").SerializeToString()
            headers = {rabbit.CAUSE_HEADER: "RuntimeError('away')", rabbit.ATTEMPT_HEADER: "5"}
            kind = "mercato.events.v1.UserLoggedIn"
            parked = Outgoing(topology.DLX, topology.parked_key(QUEUE), message_id, kind, body, headers)
            await broker.publisher.publish(parked)

    async def run(*words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mercato.cli", "dlq", *words, env={**os.environ, **stack.env, "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    return run


async def depth(settings: Settings, queue: str) -> int:
    connection = await aio_pika.connect(settings.amqp_url)
    async with connection:
        declared = await (await connection.channel()).declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def until(settings: Settings, queue: str, count: int) -> None:
    async with asyncio.timeout(5):
        while await depth(settings, queue) != count:
            await asyncio.sleep(0.05)


async def test_list_and_show_tell_what_is_parked_and_change_nothing(dlq: Run, settings: Settings) -> None:
    code, listed = await dlq("list")
    assert code == 0
    assert all(word in listed for word in ("a", "b", QUEUE, "RuntimeError('away')", "UserLoggedIn"))
    code, shown = await dlq("show", "b")
    assert code == 0
    assert "user-b" in shown
    await until(settings, topology.PARKED, 2)


async def test_a_dry_run_changes_nothing(dlq: Run, settings: Settings) -> None:
    for verb in ("replay", "drop"):
        code, said = await dlq(verb, "--everything", "--dry-run")
        assert code == 0
        assert "dry run: 2 would be chosen" in said
    await until(settings, topology.PARKED, 2)
    assert await depth(settings, QUEUE) == 0


async def test_one_is_replayed_and_the_rest_dropped(dlq: Run, settings: Settings) -> None:
    assert (await dlq("replay", "a"))[0] == 0
    await until(settings, QUEUE, 1)
    await until(settings, topology.PARKED, 1)
    assert (await dlq("drop", "--queue", QUEUE))[0] == 0
    await until(settings, topology.PARKED, 0)


async def test_a_wrong_choice_is_refused_and_changes_nothing(dlq: Run, settings: Settings) -> None:
    code, said = await dlq("drop")
    assert code != 0
    assert "--everything" in said
    code, said = await dlq("replay", "a", "nonsense")
    assert code != 0
    assert "nonsense" in said
    await until(settings, topology.PARKED, 2)
