"""Whatever a client says on a socket, it is answered or closed with a code that says why, never with our own fault."""

from __future__ import annotations

import json
import random
from typing import Any

import aiohttp
import pytest
from gateway_parts import Gateway, Socket

CODES = {1000, 1009, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429}
QUERIES = [
    "subscription { feed { __typename } }",
    'subscription { feed(after: "") { __typename ... on Gap { cursor } } }',
    'subscription { feed(after: "WyIwIiwgIjEtMCJd") { __typename } }',
    "subscription { myEvents { __typename } }",
    'subscription { intentUpdates(id: "nonsense", after: "x") { state } }',
    'subscription { collectionEvents(chainId: "eip155:1", contract: "0x") { __typename } }',
    "subscription { a: feed { __typename } b: feed { __typename } }",
    "{ chains { id } }",
    "{ viewer { user { id } } }",
    "{ nothing }",
    "mutation { signOut { revoked } }",
    "query A { __typename } query B { __typename }",
    "{",
    "",
]


def anything(rng: random.Random, depth: int = 3) -> Any:
    """A JSON value of no meaning."""
    kinds = [None, True, 7, -1.5, "", "x" * rng.randint(0, 300), "\u0000", "\ud83d\ude00", "1"]
    if depth and rng.random() < 0.4:
        inner = [anything(rng, depth - 1) for _ in range(rng.randint(0, 4))]
        return inner if rng.random() < 0.5 else {rng.choice(["id", "type", "query", "payload"]): v for v in inner}
    return rng.choice(kinds)


def payload(rng: random.Random) -> Any:
    if rng.random() < 0.2:
        return anything(rng)
    found = {"query": rng.choice(QUERIES), "variables": rng.choice([None, {}, anything(rng)])}
    if rng.random() < 0.2:
        found["extensions"] = {"persistedQuery": anything(rng)}
    return found


def message(rng: random.Random) -> str | bytes:
    kind = rng.choice(["subscribe"] * 6 + ["complete", "complete", "ping", "pong", "connection_init", "start", "next"])
    said: dict[str, Any] = {"type": kind, "id": rng.choice(["1", "2", "3", "4"])}
    if kind != "complete":
        said["payload"] = payload(rng)
    if rng.random() < 0.05:
        said[rng.choice(["id", "type", "payload"])] = anything(rng)
    text = json.dumps(said)
    if rng.random() < 0.03:
        return text[: rng.randint(0, len(text))]
    return text.encode() if rng.random() < 0.01 else text


@pytest.mark.parametrize("seed", range(8))
async def test_no_talk_on_a_socket_is_a_fault_of_ours(gateway: Gateway, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(12):
        async with gateway.socket("token-alice" if rng.random() < 0.8 else None) as socket:
            code = await talked(socket, [message(rng) for _ in range(rng.randint(1, 60))])
            assert code in CODES, (seed, code)
    await gateway.watching(0)
    assert (await gateway.execute("{ __typename }")).data == {"__typename": "Query"}


async def talked(socket: Socket, said: list[str | bytes]) -> int:
    """Says it all, hangs up, and reads to the end: the code that the connection ended with."""
    for one in said:
        if socket.ws.closed:
            break
        try:
            await (socket.ws.send_bytes(one) if isinstance(one, bytes) else socket.ws.send_str(one))
        except (ConnectionError, aiohttp.ClientConnectionError):
            break
    if not socket.ws.closed:
        await socket.ws.send_str('{"type": "no such thing"}')
    async for found in socket.ws:
        answer = json.loads(found.data)
        for error in answer["payload"] if answer["type"] == "error" else ():
            assert error["extensions"]["code"] != "INTERNAL", answer
    return socket.ws.close_code or 0
