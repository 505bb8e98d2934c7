"""graphql-transport-ws: its close codes, its order of messages, sessions that end, clients that are slow."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import socket as sockets
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from gateway_fakes import ALICE, BOB, CHAIN, CONTRACT, an_intent, position, stamp
from gateway_parts import SUBPROTOCOL, Gateway

from mercato.kit import channels
from mercato.kit.errors import Unavailable
from mercato.kit.ids import new_id
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.push.v1 import push_pb2

UPDATES = """subscription ($id: ID!) { intentUpdates(id: $id) {
  state position snapshot pushedAt step { state note }
  intent { state version tokenIds timeline { state } failure { reason } } } }"""
FEED = """subscription { feed { __typename ... on Event { eventId pushedAt }
  ... on CollectionUpserted { name collection { symbol } position { blockNumber txHash } }
  ... on TokenUpserted { tokenId owner amount token { name } }
  ... on TokenTransferred { tokenId from to }
  ... on TokenEnriched { tokenId name }
  ... on Retracted { chainId fromBlock } } }"""
MINE = """subscription { myEvents { __typename
  ... on UserLoggedIn { address user { address } } ... on WalletLinked { primary } } }"""
NAMES = "subscription { feed { ... on CollectionUpserted { name } } }"
PATH = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]


def collection_push(name: str, **changes: Any) -> push_pb2.Push:
    body = events_pb2.CollectionUpserted(
        chain_id=CHAIN.caip2, contract=CONTRACT, name=name, standard=common_pb2.STANDARD_ERC721, position=position()
    )
    return push_pb2.Push(**{"id": str(new_id()), "pushed_at": stamp(), "collection_upserted": body, **changes})


def login_push(gateway: Gateway) -> push_pb2.Push:
    body = events_pb2.UserLoggedIn(
        user_id=str(gateway.world.alice), session_id="s", address=ALICE, chain_id=CHAIN.caip2, occurred_at=stamp()
    )
    return push_pb2.Push(id=str(new_id()), pushed_at=stamp(), user_logged_in=body)


# --- close codes ----------------------------------------------------------------------------------


async def test_another_subprotocol_is_refused_with_4406(gateway: Gateway) -> None:
    url = gateway.url.replace("http", "ws") + "/graphql"
    for protocols in (["graphql-ws"], []):
        async with gateway.session.ws_connect(url, protocols=protocols) as ws:
            message = await ws.receive(timeout=5)
            assert (message.data, message.extra) == (4406, "SUBPROTOCOL_NOT_ACCEPTABLE")


async def test_no_init_in_time_is_4408_even_for_a_client_that_pings(gateway: Gateway) -> None:
    async with gateway.socket(token=None) as socket:
        await socket.send({"type": "ping"})
        assert await socket.next() == {"type": "pong"}
        assert await socket.closed() == (4408, "CONNECTION_INIT_TIMEOUT")


async def test_a_second_init_is_4429(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await socket.send({"type": "connection_init"})
        assert await socket.closed() == (4429, "TOO_MANY_INITIALISATION_REQUESTS")


async def test_subscribing_before_the_ack_is_4401(gateway: Gateway) -> None:
    async with gateway.socket(token=None) as socket:
        await socket.subscribe(FEED)
        assert await socket.closed() == (4401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "AUTHENTICATION_REQUIRED"),
        ({}, "AUTHENTICATION_REQUIRED"),
        ({"authorization": 7}, "AUTHENTICATION_REQUIRED"),
        ({"authorization": "Bearer forged"}, "TOKEN_INVALID"),
        ({"authorization": "Basic x"}, "AUTHORIZATION_INVALID"),
    ],
)
async def test_an_init_without_a_valid_token_is_4403(gateway: Gateway, payload: object, reason: str) -> None:
    async with gateway.socket(token=None) as socket:
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.closed() == (4403, reason)


async def test_an_init_while_auth_is_away_may_be_tried_again_1013(gateway: Gateway) -> None:
    gateway.world.failures["Introspect"] = Unavailable("SERVICE_UNAVAILABLE", "try again")
    async with gateway.socket(token=None) as socket:
        await socket.send({"type": "connection_init", "payload": {"authorization": "Bearer token-other"}})
        assert await socket.closed() == (1013, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "INVALID_JSON"),
        ("[]", "MESSAGE_INVALID"),
        ("7", "MESSAGE_INVALID"),
        ('{"type": "start"}', "MESSAGE_TYPE_UNKNOWN"),
        ("{}", "MESSAGE_TYPE_UNKNOWN"),
        ('{"type": ["subscribe"]}', "MESSAGE_TYPE_UNKNOWN"),
        ('{"type": "subscribe", "payload": {"query": "{ chains { id } }"}}', "SUBSCRIBE_INVALID"),
        ('{"type": "subscribe", "id": "1"}', "SUBSCRIBE_INVALID"),
        ('{"type": "subscribe", "id": 7, "payload": {}}', "SUBSCRIBE_INVALID"),
        ('{"type": "subscribe", "id": "", "payload": {}}', "SUBSCRIBE_INVALID"),
        (json.dumps({"type": "subscribe", "id": "x" * 129, "payload": {}}), "SUBSCRIBE_INVALID"),
        ('{"type": "connection_init", "payload": []}', "TOO_MANY_INITIALISATION_REQUESTS"),
        ('{"type": "ping", "payload": "\\u0000"}', "INVALID_TEXT"),
    ],
)
async def test_messages_that_cannot_be_understood_are_4400(gateway: Gateway, message: str, reason: str) -> None:
    async with gateway.socket() as socket:
        await socket.send(message)
        assert await socket.closed() == (4429 if "TOO_MANY" in reason else 4400, reason)


async def test_binary_messages_are_4400_and_giant_ones_1009(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await socket.ws.send_bytes(b"{}")
        assert await socket.closed() == (4400, "TEXT_EXPECTED")
    async with gateway.socket() as socket:
        await socket.send("x" * 600_000)
        assert (await socket.closed())[0] == 1009


@pytest.mark.parametrize("text", [b"\xff\xfe", b'{"type": "\xed\xa0\x80"}', b"\xc3"])
async def test_text_that_is_no_utf_8_is_1007_and_nothing_for_the_log(
    gateway: Gateway, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway.socket() as socket:
        await socket.ws._writer.send_frame(text, aiohttp.WSMsgType.TEXT)
        assert (await socket.closed())[0] == 1007
    assert caplog.records == []


async def test_an_operation_id_in_use_is_4409_and_free_again_after_complete(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe(FEED)
        await socket.send({"id": "1", "type": "complete"})
        await socket.subscribe(FEED)
        await gateway.watching(1)
        await socket.subscribe(FEED)
        assert await socket.closed() == (4409, "SUBSCRIBER_EXISTS 1")
    await gateway.watching(0)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("e" * 128, "e" * 105),
        ("é" * 100, "é" * 52),
        ("e" + "é" * 100, "e" + "é" * 52),
        ("\U0001f600" * 64, "\U0001f600" * 26),
        ("\x01\u2028\u202e", "\x01\u2028\u202e"),
    ],
)
async def test_the_reason_of_a_close_fits_into_its_frame_in_any_script(gateway: Gateway, key: str, shown: str) -> None:
    """A close frame has 123 bytes for its reason (RFC 6455 §5.5); a character is never cut in two."""
    async with gateway.socket() as socket:
        await socket.subscribe(FEED, key)
        await socket.subscribe(FEED, key)
        assert await socket.closed() == (4409, f"SUBSCRIBER_EXISTS {shown}")
    await gateway.watching(0)


@pytest.mark.parametrize(
    ("query", "variables", "reason"),
    [
        ("{ tokens(first: " + "1" * 5000 + ") { nodes { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ('{ user(handle: "\\u0000") { id } }', {}, "INVALID_TEXT"),
        (
            "{ ...F0 } " + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(590))
            + " fragment F590 on Query { chains { id } }", {}, "QUERY_TOO_DEEP",
        ),
    ],
)  # fmt: skip
async def test_what_is_refused_by_post_is_refused_on_a_socket(
    gateway: Gateway, query: str, variables: dict[str, Any], reason: str
) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe(query, **variables)
        answer = await socket.next()
        assert (answer["type"], answer["payload"][0]["extensions"]["reason"]) == ("error", reason)


async def test_a_message_nested_300_deep_is_4400(gateway: Gateway) -> None:
    deep = "[" * 300 + "]" * 300
    async with gateway.socket() as socket:
        await socket.send(
            '{"id": "1", "type": "subscribe", "payload": {"query": "subscription { feed { __typename } }", '
            f'"variables": {{"x": {deep}}}}}}}'
        )
        assert await socket.closed() == (4400, "INVALID_JSON")


async def test_a_socket_closes_whatever_its_operations_were_just_doing(gateway: Gateway) -> None:
    """Some were just writing to Redis, where a cancellation may be lost (see `kit.tasks.ended`)."""
    rng = random.Random(3)
    for _ in range(30):
        async with gateway.socket() as socket:
            for key, query in enumerate(rng.choices([MINE, FEED, "{ chains { id } }"], k=3)):
                await socket.subscribe(query, str(key))
            await asyncio.sleep(rng.random() * 0.006)
            await socket.send("{")
            assert await socket.closed() == (4400, "INVALID_JSON")
    await gateway.watching(0)


async def test_an_operation_ends_with_complete_whatever_it_was_just_doing(gateway: Gateway) -> None:
    rng = random.Random(3)
    async with gateway.socket() as socket:
        for key in range(60):
            await socket.subscribe(MINE, str(key))
            await asyncio.sleep(rng.random() * 0.004)
            await socket.send({"id": str(key), "type": "complete"})
        await gateway.watching(0)


# --- operations -----------------------------------------------------------------------------------


async def test_a_query_is_answered_once_and_its_id_is_free(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        for _ in range(2):
            await socket.subscribe("{ viewer { address } }")
            assert await socket.event() == {"viewer": {"address": ALICE.checksum}}
            assert await socket.next() == {"id": "1", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "variables", "reason"),
    [
        ("subscription {", {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { feed { __typename } myEvents { __typename } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        (UPDATES, {}, "VARIABLES_INVALID"),
        (UPDATES, {"id": "nonsense"}, "INVALID_ID"),
        (UPDATES, {"id": "0190a0c4-5d1e-7c3a-9d42-6f1c2b3a4d5e"}, "INTENT_NOT_FOUND"),
        ("query ($c: ChainId!) { chain(chainId: $c) { id } }", {"c": "1"}, "INVALID_CHAIN_ID"),
        ("mutation { signOut { revoked } }", {}, "POST_REQUIRED"),
        ('subscription { collectionEvents(chainId: "1", contract: "0x") { __typename } }', {}, "INVALID_CHAIN_ID"),
        ("{ " + " ".join(f"a{i}: __typename" for i in range(31)) + " }", {}, "TOO_MANY_ALIASES"),
    ],
)
async def test_an_operation_that_cannot_run_ends_with_an_error_and_the_socket_lives(
    gateway: Gateway, query: str, variables: dict[str, Any], reason: str
) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe(query, **variables)
        message = await socket.next()
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["extensions"]["reason"] == reason
        await socket.subscribe("{ __typename }")
        assert await socket.event() == {"__typename": "Query"}


async def test_a_foreign_intent_cannot_be_watched(gateway: Gateway) -> None:
    intent = an_intent(gateway.world.bob)
    gateway.world.intents[intent.id] = intent
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, id=intent.id)
        message = await socket.next()
        assert message["payload"][0]["extensions"] == {
            "code": "NOT_FOUND",
            "reason": "INTENT_NOT_FOUND",
            "details": {},
            "requestId": message["payload"][0]["extensions"]["requestId"],
        }
    await gateway.watching(0)


async def test_a_hundred_operations_and_no_more(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        for number in range(101):
            await socket.subscribe(FEED, key=str(number))
        message = await socket.next()
        assert (message["id"], message["type"]) == ("100", "error")
        assert message["payload"][0]["extensions"]["reason"] == "TOO_MANY_SUBSCRIPTIONS"
        await gateway.watching(100)
    await gateway.watching(0)


# --- intents --------------------------------------------------------------------------------------


async def test_a_watcher_sees_how_the_intent_stands_and_then_every_step_in_order(gateway: Gateway) -> None:
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:1], key)
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, id=str(key))
        first = (await socket.event())["intentUpdates"]
        assert (first["state"], first["position"], first["snapshot"], first["pushedAt"]) == ("PREPARED", 1, True, None)
        await gateway.push_intent(an_intent(gateway.world.alice, PATH[:2], key))
        await gateway.push_intent(an_intent(gateway.world.alice, PATH, key, token_ids=["7"]))
        steps = [(await socket.event())["intentUpdates"] for _ in range(4)]
    assert [s["state"] for s in steps] == PATH[1:]
    assert [s["position"] for s in steps] == [2, 3, 4, 5]
    assert [[t["state"] for t in s["intent"]["timeline"]] for s in steps] == [PATH[: n + 1] for n in range(1, 5)]
    assert [s["step"]["note"] for s in steps] == [f"step {n}" for n in range(2, 6)]
    assert [s["intent"]["tokenIds"] for s in steps] == [[], [], [], ["7"]]
    assert {s["snapshot"] for s in steps} == {False}
    assert {s["pushedAt"] for s in steps} == {"2026-11-22T09:00:00.000Z"}


async def test_a_step_between_listening_and_reading_is_shown_once(gateway: Gateway) -> None:
    """The step is pushed while the snapshot is read, and the snapshot may or may not have it already."""
    for known in (1, 2):
        key = new_id()
        gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:known], key)

        async def push(key: Any = key) -> None:
            await gateway.push_intent(an_intent(gateway.world.alice, PATH[:2], key))
            await asyncio.sleep(0.1)

        gateway.world.on_get_intent = push
        async with gateway.socket() as socket:
            await socket.subscribe(UPDATES, id=str(key))
            states = [(await socket.event())["intentUpdates"]["state"] for _ in range(3 - known)]
            assert states == PATH[known - 1 : 2]
            assert await socket.silent()


async def test_old_and_repeated_pushes_show_nothing(gateway: Gateway) -> None:
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:3], key)
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, id=str(key))
        await socket.event()
        for known in (2, 3, 1):
            await gateway.push_intent(an_intent(gateway.world.alice, PATH[:known], key))
        await gateway.push_intent(an_intent(gateway.world.alice, PATH[:4], key))
        await gateway.push_intent(an_intent(gateway.world.alice, PATH[:4], key))
        assert (await socket.event())["intentUpdates"]["state"] == "CONFIRMED"
        assert await socket.silent()


async def test_a_reorganisation_takes_the_intent_back_as_another_step(gateway: Gateway) -> None:
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:3], key)
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, id=str(key))
        await socket.event()
        await gateway.push_intent(an_intent(gateway.world.alice, [*PATH[:3], "SUBMITTED", "INCLUDED"], key))
        assert [(await socket.event())["intentUpdates"]["state"] for _ in range(2)] == ["SUBMITTED", "INCLUDED"]


async def test_a_change_without_a_step_is_told_once(gateway: Gateway) -> None:
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, ["PREPARED"], key)
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, id=str(key))
        await socket.event()
        failed = an_intent(
            gateway.world.alice, ["PREPARED"], key, version=9, failure_reason="REVERTED", failure_message="SoldOut()"
        )
        await gateway.push_intent(failed)
        update = (await socket.event())["intentUpdates"]
        assert (update["position"], update["intent"]["failure"]) == (1, {"reason": "REVERTED"})


# --- events ---------------------------------------------------------------------------------------


async def test_the_feed_tells_every_kind_of_event(gateway: Gateway) -> None:
    token: dict[str, Any] = {"chain_id": CHAIN.caip2, "contract": CONTRACT, "token_id": "7"}
    head: dict[str, Any] = {"pushed_at": stamp()}
    pushes = [
        collection_push("First light"),
        push_pb2.Push(id="2", **head, token_upserted=events_pb2.TokenUpserted(**token, owner=ALICE, amount="3")),
        push_pb2.Push(
            id="3", **head, token_transferred=events_pb2.TokenTransferred(**token, to=BOB, **{"from": bytes(ALICE)})
        ),
        push_pb2.Push(id="4", **head, token_enriched=events_pb2.TokenEnriched(**token, name="Light")),
        push_pb2.Push(id="5", **head, retracted=push_pb2.Retracted(chain_id=CHAIN.caip2, from_block=9)),
        push_pb2.Push(id="6", **head),
    ]
    async with gateway.socket() as socket:
        await socket.subscribe(FEED)
        await gateway.watching()
        for push in pushes:
            await gateway.publish(channels.FEED, push)
            await gateway.publish(channels.FEED, push)
        await gateway.redis.publish(channels.FEED, b"\xff not a push")
        found = [(await socket.event())["feed"] for _ in range(5)]
        assert await socket.silent()
    at = "2026-11-22T09:00:00.000Z"
    assert found == [
        {
            "__typename": "CollectionUpserted",
            "eventId": pushes[0].id,
            "pushedAt": at,
            "name": "First light",
            "collection": {"symbol": "LIGHT"},
            "position": {"blockNumber": 7, "txHash": "0x" + "77" * 32},
        },
        {
            "__typename": "TokenUpserted", "eventId": "2", "pushedAt": at, "tokenId": "7", "owner": ALICE.checksum,
            "amount": "3", "token": {"name": "Light #7"},
        },
        {
            "__typename": "TokenTransferred", "eventId": "3", "pushedAt": at, "tokenId": "7", "from": ALICE.checksum,
            "to": BOB.checksum,
        },
        {"__typename": "TokenEnriched", "eventId": "4", "pushedAt": at, "tokenId": "7", "name": "Light"},
        {"__typename": "Retracted", "eventId": "5", "pushedAt": at, "chainId": "eip155:31337", "fromBlock": 9},
    ]  # fmt: skip


async def test_what_an_event_loads_is_loaded_anew_for_each(gateway: Gateway) -> None:
    async with gateway.socket() as socket:
        await socket.subscribe("subscription { feed { ... on CollectionUpserted { collection { name } } } }")
        await gateway.watching()
        for name in ("First light", "Renamed"):
            gateway.world.collections[CONTRACT].name = name
            await gateway.publish(channels.FEED, collection_push(name))
            assert (await socket.event())["feed"] == {"collection": {"name": name}}


async def test_collection_events_are_those_of_one_collection(gateway: Gateway) -> None:
    query = """subscription ($c: Address!) { collectionEvents(chainId: "eip155:31337", contract: $c) {
        ... on CollectionUpserted { name } } }"""
    async with gateway.socket() as socket:
        await socket.subscribe(query, c=CONTRACT.checksum)
        await gateway.watching()
        await gateway.publish(channels.collection(CHAIN, BOB), collection_push("other"))
        await gateway.publish(channels.collection(CHAIN, CONTRACT), collection_push("own"))
        assert (await socket.event())["collectionEvents"] == {"name": "own"}
        assert await socket.silent()


async def test_my_events_are_mine_and_begin_with_the_sign_in_that_came_before(gateway: Gateway) -> None:
    linked = events_pb2.WalletLinked(
        user_id=str(gateway.world.alice), wallet_id="w", address=ALICE, chain_id=CHAIN.caip2, primary=True
    )
    gateway.world.tokens_of_users["token-new"] = gateway.world.alice = new_id()
    gateway.world.addresses[gateway.world.alice] = ALICE
    await gateway.publish(channels.user(gateway.world.alice), login_push(gateway))
    await asyncio.sleep(0.05)
    async with gateway.socket("token-new") as alice, gateway.socket("token-bob") as bob:
        await bob.subscribe(MINE)
        await alice.subscribe(MINE)
        await gateway.watching(2)
        assert (await alice.event())["myEvents"] == {
            "__typename": "UserLoggedIn", "address": ALICE.checksum, "user": {"address": ALICE.checksum},
        }  # fmt: skip
        await gateway.publish(
            channels.user(gateway.world.alice), push_pb2.Push(id="w", pushed_at=stamp(), wallet_linked=linked)
        )
        assert (await alice.event())["myEvents"] == {"__typename": "WalletLinked", "primary": True}
        assert await alice.silent()
        assert await bob.silent()


# --- sessions that end, Redis that goes, clients that are slow ------------------------------------


async def test_a_live_socket_closes_when_its_token_expires(gateway: Gateway) -> None:
    gateway.world.tokens_of_users["token-short"] = gateway.world.alice
    gateway.world.expires_at = datetime.now(UTC) + timedelta(seconds=0.5)
    async with gateway.socket("token-short") as socket:
        gateway.world.failures["Introspect"] = Unavailable("SERVICE_UNAVAILABLE", "auth is away")
        assert await socket.closed() == (4403, "TOKEN_EXPIRED")


async def test_a_live_socket_outlives_auth_being_away(gateway: Gateway) -> None:
    gateway.world.tokens_of_users["token-patient"] = gateway.world.alice
    async with gateway.socket("token-patient") as socket:
        gateway.world.failures["Introspect"] = Unavailable("SERVICE_UNAVAILABLE", "auth is away")
        await asyncio.sleep(1)
        await socket.subscribe("{ __typename }")
        assert (await socket.next())["type"] == "next"


async def test_after_redis_was_away_intents_and_feeds_go_on_where_they_were(gateway: Gateway) -> None:
    """The feed had shown one event, so it can tell that the next one follows; what has shown none says it may not."""
    key = new_id()
    gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:1], key)
    async with gateway.socket() as socket:
        await socket.subscribe(UPDATES, key="intent", id=str(key))
        await socket.event()
        await socket.subscribe(NAMES, key="feed")
        await socket.subscribe(MINE, key="mine")
        await gateway.watching(3)
        await gateway.publish(channels.FEED, collection_push("before"))
        assert (await socket.event())["feed"] == {"name": "before"}
        await gateway.stack.kill("redis")
        gateway.world.intents[str(key)] = an_intent(gateway.world.alice, PATH[:3], key)
        await gateway.stack.start("redis")
        await gateway.redis.connection_pool.disconnect()
        messages = [await asyncio.wait_for(socket.ws.receive_json(), 20) for _ in range(3)]
        intent = [m["payload"]["data"]["intentUpdates"] for m in messages if m["id"] == "intent"]
        assert [m["payload"] for m in messages if m["id"] == "mine"] == [{"data": {"myEvents": {"__typename": "Gap"}}}]
        await gateway.publish(channels.FEED, collection_push("after"))
        assert (await socket.event())["feed"] == {"name": "after"}
        assert [(u["state"], u["snapshot"]) for u in intent] == [("SUBMITTED", False), ("INCLUDED", False)]
        await gateway.push_intent(an_intent(gateway.world.alice, PATH[:4], key))
        assert (await socket.event())["intentUpdates"]["state"] == "CONFIRMED"


async def test_a_slow_client_is_dropped_and_the_others_are_not(gateway: Gateway) -> None:
    """It subscribes, and then reads nothing: its events stay within bounds, and reading on it finds an error and 1013,
    or a connection that is gone."""
    slow = await asyncio.to_thread(_stubborn_subscriber, gateway.stack.settings.gateway_port)
    try:
        async with gateway.socket() as other:
            await other.subscribe("subscription { feed { ... on CollectionUpserted { name } } }")
            await gateway.watching(2)
            for number in range(1500):
                await gateway.publish(channels.FEED, collection_push(f"{number:05}" + "x" * 20_000))
                assert (await other.event())["feed"]["name"].startswith(f"{number:05}")
            await gateway.watching(1)
        # What had reached the kernel's buffers is still readable, and then the stream is over.
        received = await asyncio.wait_for(asyncio.to_thread(_read_to_the_end, slow), 30)
        assert received < 1500 * 20_000
    finally:
        slow.close()


async def test_a_watcher_too_many_events_behind_learns_why_it_is_dropped(gateway: Gateway) -> None:
    """The first event waits for the catalog; more follow than may wait behind it."""
    gateway.world.collections_open.clear()
    async with gateway.socket() as socket:
        await socket.subscribe("subscription { feed { ... on CollectionUpserted { name collection { symbol } } } }")
        await gateway.watching()
        for number in range(300):
            await gateway.publish(channels.FEED, collection_push(str(number)))
        await asyncio.sleep(0.1)
        gateway.world.collections_open.set()
        assert (await socket.event())["feed"] == {"name": "0", "collection": {"symbol": "LIGHT"}}
        message = await socket.next()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["reason"] == "SLOW_CONSUMER"
        assert await socket.closed() == (1013, "SLOW_CONSUMER")


def _stubborn_subscriber(port: int) -> sockets.socket:
    """A client with a small receive buffer that subscribes to the feed and then does not read."""
    found = sockets.socket()
    found.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    found.settimeout(20)
    found.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    found.sendall(
        f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n".encode()
    )
    assert b"101" in found.recv(200)
    for message in (
        {"type": "connection_init", "payload": {"authorization": "Bearer token-alice"}},
        {
            "id": "1",
            "type": "subscribe",
            "payload": {"query": "subscription { feed { ... on CollectionUpserted { name } } }"},
        },
    ):
        data = json.dumps(message).encode()
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        found.sendall(b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + mask + masked)
    return found


def _read_to_the_end(slow: sockets.socket) -> int:
    total = 0
    try:
        while data := slow.recv(65_536):
            total += len(data)
    except ConnectionError:
        pass
    return total
