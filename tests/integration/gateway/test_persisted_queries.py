"""Queries by their hash: registered once, good on every gateway, never another document than the hash says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from gateway_parts import GRAPHQL_JSON, Answer, Gateway, Socket
from gateway_site import another_gateway

from mercato.kit.ids import new_id
from mercato.services.gateway.graph.documents import LARGEST, digest


def unique(selection: str = "chains { id }") -> str:
    return f"query Q{new_id().hex} {{ {selection} }}"


def persisted(document: str, **more: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}}, **more}


async def get(gateway: Gateway, body: dict[str, Any], accept: str = GRAPHQL_JSON) -> Answer:
    query = urlencode({name: v if isinstance(v, str) else json.dumps(v) for name, v in body.items()})
    async with gateway.session.get(f"{gateway.url}/graphql?{query}", headers={"Accept": accept}) as response:
        return Answer(response.status, response.headers, json.loads(await response.read()))


async def test_an_unknown_hash_is_told_as_clients_of_the_protocol_expect(gateway: Gateway) -> None:
    body = persisted(unique())
    answer = await gateway.post(body)
    assert (answer.status, answer.code, answer.reason) == (400, "NOT_FOUND", "PERSISTED_QUERY_NOT_FOUND")
    assert answer.body["errors"][0]["message"] == "PersistedQueryNotFound"
    old = await gateway.post(body, Accept="application/json")
    assert (old.status, old.reason) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_registered_query_runs_by_its_hash_with_other_variables_and_by_get(gateway: Gateway) -> None:
    document = f"query Q{new_id().hex}($id: ChainId!) {{ chain(chainId: $id) {{ chainId }} }}"
    first = await gateway.post(persisted(document, query=document, variables={"id": "eip155:31337"}))
    assert first.data == {"chain": {"chainId": "eip155:31337"}}
    assert (await gateway.post(persisted(document, variables={"id": "eip155:31337"}))).data == first.data
    assert (await gateway.post(persisted(document, variables={"id": "eip155:7"}))).data == {"chain": None}
    assert (await get(gateway, persisted(document, variables={"id": "eip155:31337"}))).data == first.data


async def test_other_gateways_and_restarted_ones_know_it_too(gateway: Gateway) -> None:
    document = unique()
    data = (await gateway.post(persisted(document, query=document))).data
    async with another_gateway(gateway) as other:
        assert (await other.post(persisted(document))).data == data


async def test_a_hash_of_something_else_is_refused_and_nothing_is_kept(gateway: Gateway) -> None:
    honest, other = unique(), unique("viewer { address }")
    body = persisted(honest, query=other)
    answer = await gateway.post(body)
    assert (answer.status, answer.reason) == (400, "PERSISTED_QUERY_MISMATCH")
    assert (await gateway.post(persisted(honest))).reason == "PERSISTED_QUERY_NOT_FOUND"
    assert (await gateway.post(persisted(other))).reason == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_document_that_was_changed_in_redis_does_not_run(gateway: Gateway) -> None:
    document = unique()
    await gateway.redis.set(f"persisted:{digest(document)}", unique("viewer { address }"))
    assert (await gateway.post(persisted(document))).reason == "PERSISTED_QUERY_NOT_FOUND"


async def test_what_could_never_run_is_not_kept(gateway: Gateway) -> None:
    for document in (unique("nothing"), "query {", unique("a: chains { id } " * 40)):
        assert (await gateway.post(persisted(document, query=document))).status == 400
        assert await gateway.redis.exists(f"persisted:{digest(document)}") == 0


async def test_an_oversized_document_is_not_kept(gateway: Gateway) -> None:
    document = unique() + "#" * LARGEST
    answer = await gateway.post(persisted(document, query=document))
    assert (answer.status, answer.reason) == (413, "PERSISTED_QUERY_TOO_LARGE")
    assert await gateway.redis.exists(f"persisted:{digest(document)}") == 0
    assert (await gateway.post({"query": document})).status == 200


async def test_a_persisted_mutation_does_not_run_by_get(gateway: Gateway) -> None:
    document = f"mutation M{new_id().hex} {{ signOut {{ revoked }} }}"
    assert (await gateway.post(persisted(document, query=document))).reason == "AUTHENTICATION_REQUIRED"
    answer = await get(gateway, persisted(document))
    assert (answer.status, answer.reason) == (405, "POST_REQUIRED")
    assert gateway.world.calls["RevokeSession"] == 0


@pytest.mark.parametrize(
    "extension",
    [
        7,
        {},
        {"version": 2, "sha256Hash": "a" * 64},
        {"version": 1},
        {"version": 1, "sha256Hash": 5},
        {"version": 1, "sha256Hash": "A" * 64},
        {"version": 1, "sha256Hash": "a" * 63},
        {"version": 1, "sha256Hash": "index"},
    ],
)
async def test_a_malformed_extension_is_refused(gateway: Gateway, extension: object) -> None:
    answer = await gateway.post({"extensions": {"persistedQuery": extension}})
    assert (answer.status, answer.reason) == (400, "PERSISTED_QUERY_INVALID")


async def test_documents_are_kept_for_a_time_and_the_longest_unused_go_first(gateway: Gateway) -> None:
    async with another_gateway(gateway, persisted_queries=3) as small:
        documents = [unique() for _ in range(4)]
        for document in documents:
            await small.post(persisted(document, query=document))
        kept = [await gateway.redis.ttl(f"persisted:{digest(d)}") for d in documents]
        assert await gateway.redis.zcard("persisted") == 3
    assert kept[0] == -2  # gone
    assert all(0 < seconds <= 7 * 86400 for seconds in kept[1:])


async def test_a_socket_takes_hashes_too(gateway: Gateway) -> None:
    document = unique()
    async with gateway.socket() as socket:
        await send(socket, persisted(document))
        assert (await socket.next())["payload"][0]["extensions"]["reason"] == "PERSISTED_QUERY_NOT_FOUND"
        await send(socket, persisted(document, query=document))
        assert (await socket.event())["chains"]
        assert (await socket.next())["type"] == "complete"
        await send(socket, persisted(document))
        assert (await socket.event())["chains"]


async def send(socket: Socket, payload: dict[str, Any]) -> None:
    await socket.send({"id": "1", "type": "subscribe", "payload": payload})


# --- trusted documents ----------------------------------------------------------------------------

TRUSTED = "query Trusted { chains { id } }"
FEED = "subscription Feed { feed { __typename } }"


@pytest.fixture
async def strict(gateway: Gateway, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that runs only what is in its manifest."""
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({digest(d): d for d in (TRUSTED, FEED)}))
    async with another_gateway(gateway, trusted_documents=str(manifest)) as found:
        yield found


async def test_only_trusted_documents_run_by_hash_or_as_the_same_text(strict: Gateway) -> None:
    data = (await strict.post(persisted(TRUSTED))).data
    assert (await strict.post({"query": TRUSTED})).data == data
    assert (await strict.post(persisted(TRUSTED, query=TRUSTED))).data == data
    for body in (
        {"query": "{ __schema { types { name } } }"},
        {"query": TRUSTED + " "},
        persisted(unique()),
        persisted(TRUSTED, query=unique()),
    ):
        answer = await strict.post(body)
        assert (answer.status, answer.reason) == (403, "DOCUMENT_NOT_TRUSTED")


async def test_sockets_run_only_trusted_documents_too(strict: Gateway) -> None:
    async with strict.socket() as socket:
        await socket.subscribe("{ chains { id } }")
        assert (await socket.next())["payload"][0]["extensions"]["reason"] == "DOCUMENT_NOT_TRUSTED"
        await socket.subscribe(FEED, key="2")
        await send(socket, persisted(TRUSTED))
        assert (await socket.event())["chains"]


async def test_a_manifest_with_a_wrong_hash_keeps_the_gateway_from_starting(gateway: Gateway, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({digest(TRUSTED): FEED}))
    with pytest.raises(Exception, match="MANIFEST_INVALID"):
        async with another_gateway(gateway, trusted_documents=str(manifest)):
            pass
