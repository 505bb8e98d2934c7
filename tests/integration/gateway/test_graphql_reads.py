"""What the API reads back, and how many calls it takes."""

from __future__ import annotations

import json

import pytest
from gateway_fakes import ALICE, BOB, CHAIN, CID, CONTRACT, an_intent
from gateway_parts import Gateway
from graphql import build_client_schema, get_introspection_query, print_schema

from mercato.kit import pushed
from mercato.kit.errors import Unavailable
from mercato.kit.ids import new_id

WHERE = f'chainId: "{CHAIN.caip2}", contract: "{CONTRACT.checksum}"'


async def test_a_collection_shows_all_its_parts(gateway: Gateway) -> None:
    answer = await gateway.execute(
        f"""{{ collection({WHERE}) {{
            chainId contract standard name symbol creator royalty {{ receiver bps }} supply tokenCount createdAt
            mintConfig {{ price maxSupply perWalletLimit startsAt endsAt allowlistRoot payee }}
            roles {{ name account }} bindings {{ kind source txHash blockNumber }}
            chain {{ name number currency {{ symbol decimals }} contracts {{ kind address }} confirmations }}
        }} }}"""
    )
    assert answer.status == 200
    assert answer.data["collection"] == {
        "chainId": "eip155:31337",
        "contract": CONTRACT.checksum,
        "standard": "ERC721",
        "name": "First light",
        "symbol": "LIGHT",
        "creator": ALICE.checksum,
        "royalty": {"receiver": ALICE.checksum, "bps": 500},
        "supply": "50",
        "tokenCount": 50,
        "createdAt": "2026-11-22T09:00:00.000Z",
        "mintConfig": {
            "price": "1000",
            "maxSupply": "100",
            "perWalletLimit": None,
            "startsAt": None,
            "endsAt": "9999-12-31T23:59:59.000Z",
            "allowlistRoot": None,
            "payee": ALICE.checksum,
        },
        "roles": [{"name": "DEFAULT_ADMIN_ROLE", "account": ALICE.checksum}],
        "bindings": [{"kind": "factory", "source": BOB.checksum, "txHash": "0x" + "77" * 32, "blockNumber": 7}],
        "chain": {
            "name": "Local",
            "number": 31337,
            "currency": {"symbol": "ETH", "decimals": 18},
            "contracts": [{"kind": "factory", "address": BOB.checksum}],
            "confirmations": 2,
        },
    }


async def test_fifty_tokens_with_their_collection_take_two_calls(gateway: Gateway) -> None:
    answer = await gateway.execute(
        "{ tokens(first: 50) { nodes { tokenId owner name imageUrl collection { name } traits { name value } } } }"
    )
    nodes = answer.data["tokens"]["nodes"]
    assert len(nodes) == 50
    assert nodes[0] == {
        "tokenId": "1",
        "owner": ALICE.checksum,
        "name": "Light #1",
        "imageUrl": f"/media/{CID}",
        "collection": {"name": "First light"},
        "traits": [{"name": "Mood", "value": "calm"}],
    }
    assert dict(gateway.world.calls) == {"ListTokens": 1, "BatchGetCollections": 1}


async def test_holdings_with_tokens_and_collections_take_one_call_for_each_kind(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """{ viewer { user { address profile { handle } } wallets { address primary }
            holdings(first: 50) { nodes { tokenId amount token { name collection { symbol } } } } } }""",
        token="token-alice",
    )
    viewer = answer.data["viewer"]
    assert viewer["user"] == {"address": ALICE.checksum, "profile": {"handle": "alice"}}
    assert viewer["wallets"] == [{"address": ALICE.checksum, "primary": True}]
    assert viewer["holdings"]["nodes"][49] == {
        "tokenId": "50",
        "amount": "1",
        "token": {"name": "Light #50", "collection": {"symbol": "LIGHT"}},
    }
    calls = dict(gateway.world.calls)
    assert calls.pop("Introspect", 0) <= 1, "a token that was asked about is believed for a while"
    assert calls == {
        "BatchGetUsers": 1, "ListWallets": 1, "ListBalances": 1, "BatchGetTokens": 1, "BatchGetCollections": 1,
    }  # fmt: skip
    assert list(gateway.world.requests["ListBalances"].owners) == [ALICE]


async def test_keys_beyond_a_batch_are_asked_in_batches_of_a_hundred(gateway: Gateway) -> None:
    ids = [f'a{i}: token({WHERE}, tokenId: "{i}") {{ tokenId }}' for i in range(1, 31)]
    answer = await gateway.execute("{ " + " ".join(ids) + " }")
    assert [t["tokenId"] for t in answer.data.values()] == [str(i) for i in range(1, 31)]
    assert gateway.world.calls["BatchGetTokens"] == 1


async def test_pages_follow_one_another_by_cursor(gateway: Gateway) -> None:
    query = """query ($after: String) { tokens(first: 20, after: $after) {
        edges { cursor node { tokenId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    seen: list[str] = []
    infos: list[dict[str, object]] = []
    after = None
    while True:
        page = (await gateway.execute(query, after=after)).data["tokens"]
        seen += [edge["node"]["tokenId"] for edge in page["edges"]]
        infos.append(page["pageInfo"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [str(i) for i in range(1, 51)]
    assert infos[0] == {"hasNextPage": True, "hasPreviousPage": False, "startCursor": "1", "endCursor": "20"}
    assert infos[-1] == {"hasNextPage": False, "hasPreviousPage": True, "startCursor": "41", "endCursor": "50"}


async def test_every_node_is_found_again_by_its_id(gateway: Gateway) -> None:
    intent = an_intent(gateway.world.alice)
    gateway.world.intents[intent.id] = intent
    first = await gateway.execute(
        f"""query ($intent: ID!) {{ chains {{ id }} collection({WHERE}) {{ id }} token({WHERE}, tokenId: "1") {{ id }}
            viewer {{ user {{ id }} }} intent(id: $intent) {{ id }} }}""",
        token="token-alice",
        intent=intent.id,
    )
    found = first.data
    ids = [
        found["chains"][0]["id"], found["collection"]["id"], found["token"]["id"], found["viewer"]["user"]["id"],
        found["intent"]["id"],
    ]  # fmt: skip
    again = await gateway.execute(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", token="token-alice", ids=ids
    )
    assert again.data["nodes"] == [
        {"__typename": name, "id": key}
        for name, key in zip(("Chain", "Collection", "Token", "User", "Intent"), ids, strict=True)
    ]


async def test_an_intent_is_nobody_elses_node(gateway: Gateway) -> None:
    intent = an_intent(gateway.world.alice)
    gateway.world.intents[intent.id] = intent
    own = await gateway.execute("query ($id: ID!) { intent(id: $id) { id } }", token="token-alice", id=intent.id)
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for token in ("token-bob", None):
        assert (await gateway.execute(node, token=token, id=own.data["intent"]["id"])).data == {"node": None}
    foreign = await gateway.execute("query ($id: ID!) { intent(id: $id) { id } }", token="token-bob", id=intent.id)
    assert foreign.body["data"] == {"intent": None}
    assert (foreign.code, foreign.reason) == ("NOT_FOUND", "INTENT_NOT_FOUND")


async def test_unknown_things_are_null(gateway: Gateway) -> None:
    answer = await gateway.execute(
        f"""{{ collection(chainId: "eip155:1", contract: "{ALICE.text}") {{ name }}
            token({WHERE}, tokenId: "999") {{ name }} chain(chainId: "eip155:5") {{ name }} viewer {{ address }}
            metadata(uri: "ipfs://nothing") {{ uri }} }}"""
    )
    assert answer.data == {"collection": None, "token": None, "chain": None, "viewer": None, "metadata": None}


async def test_no_endpoint_of_a_chain_is_told(gateway: Gateway) -> None:
    answer = await gateway.execute("{ chains { id chainId name explorerUrl contracts { kind } } }")
    config = await gateway.get("/dev/config.json")
    assert answer.data["chains"][1]["name"] == "Ethereum"
    assert "5ecret" not in str(answer.body)
    assert b"5ecret" not in config[2]
    assert b"127.0.0.1:8545" in config[2]


async def test_sync_status_joins_catalog_and_indexer(gateway: Gateway) -> None:
    answer = await gateway.execute(
        "{ syncStatus { chainId readPoint { blockNumber blockHash } indexer { state head indexed lag } } }"
    )
    assert answer.data["syncStatus"] == [
        {
            "chainId": "eip155:31337",
            "readPoint": {"blockNumber": 10, "blockHash": "0x" + "0a" * 32},
            "indexer": {"state": "FOLLOWING", "head": 12, "indexed": 10, "lag": 2},
        },
        {"chainId": "eip155:1", "readPoint": None, "indexer": None},
    ]
    assert dict(gateway.world.calls) == {"ListChains": 1, "GetReadPoints": 1, "GetStatus": 1}


LAG = "lag { head seen indexed catalogued pushed blocksBehind secondsBehind }"


async def test_lag_tells_each_step_from_the_node_to_the_subscriber(gateway: Gateway) -> None:
    await pushed.retreat(gateway.redis, {CHAIN: 0})
    await pushed.advance(gateway.redis, {CHAIN: 9})
    answer = await gateway.execute(f"{{ syncStatus {{ chainId {LAG} }} }}")
    nothing = dict.fromkeys(("head", "seen", "indexed", "catalogued", "pushed", "blocksBehind", "secondsBehind"))
    assert answer.data["syncStatus"] == [
        {
            "chainId": "eip155:31337",
            "lag": {
                "head": 12, "seen": 11, "indexed": 10, "catalogued": 10, "pushed": 9,
                "blocksBehind": 2, "secondsBehind": 24,
            },
        },
        {"chainId": "eip155:1", "lag": nothing},
    ]  # fmt: skip
    assert dict(gateway.world.calls) == {"ListChains": 1, "GetReadPoints": 1, "GetStatus": 1}


async def test_lag_tells_what_it_can_while_the_indexer_is_away(gateway: Gateway) -> None:
    gateway.world.failures["GetStatus"] = Unavailable("DEPENDENCY_UNAVAILABLE", "try again shortly")
    answer = await gateway.execute("{ syncStatus { lag { head catalogued } } }")
    assert answer.body["data"]["syncStatus"][0] == {"lag": {"head": None, "catalogued": 10}}
    assert answer.body["errors"][0]["path"] == ["syncStatus", 0, "lag", "head"]


POINT = {
    "chainId": "eip155:31337", "blockNumber": 10, "blockHash": "0x" + "0a" * 32, "finality": "SAFE",
    "blockTime": "2026-11-22T09:00:00.000Z",
}  # fmt: skip


@pytest.mark.parametrize("field", ["collections", "tokens", "balances", "transfers", "activities"])
async def test_a_page_names_the_blocks_it_is_true_at(gateway: Gateway, field: str) -> None:
    answer = await gateway.execute(
        f"{{ {field}(filter: {{ {WHERE} }}) {{ asOf {{ chainId blockNumber blockHash finality blockTime }} }} }}"
        if field != "collections"
        else "{ collections { asOf { chainId blockNumber blockHash finality blockTime } } }"
    )
    assert answer.data[field] == {"asOf": [POINT]}


async def test_an_entity_names_the_block_it_is_true_at(gateway: Gateway) -> None:
    point = "asOf { chainId blockNumber blockHash finality blockTime }"
    answer = await gateway.execute(
        f"""{{ collection({WHERE}) {{ {point} tokens {{ nodes {{ {point} }} }} }}
              token({WHERE}, tokenId: "1") {{ {point} }} }}"""
    )
    assert answer.data["collection"]["asOf"] == POINT
    assert answer.data["token"]["asOf"] == POINT
    assert {json.dumps(node["asOf"]) for node in answer.data["collection"]["tokens"]["nodes"]} == {json.dumps(POINT)}


async def test_a_fact_tells_how_final_its_own_block_is(gateway: Gateway) -> None:
    answer = await gateway.execute(
        f"""{{ transfers(filter: {{ {WHERE} }}) {{ nodes {{ position {{ blockNumber finality }} }} }}
              activities(filter: {{ {WHERE} }}) {{ nodes {{ position {{ blockNumber finality }} }} }} }}"""
    )
    for field in ("transfers", "activities"):
        assert answer.data[field]["nodes"] == [{"position": {"blockNumber": 7, "finality": "FINALIZED"}}]


async def test_what_works_is_answered_while_one_service_is_away(gateway: Gateway) -> None:
    gateway.world.failures["GetStatus"] = Unavailable("DEPENDENCY_UNAVAILABLE", "try again shortly")
    answer = await gateway.execute("{ syncStatus { chainId readPoint { blockNumber } indexer { head } } }")
    assert answer.status == 200
    assert answer.body["data"]["syncStatus"][0] == {
        "chainId": "eip155:31337",
        "readPoint": {"blockNumber": 10},
        "indexer": None,
    }
    error = answer.body["errors"][0]
    assert error["path"] == ["syncStatus", 0, "indexer"]
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")


async def test_filters_reach_the_catalog_typed(gateway: Gateway) -> None:
    await gateway.execute(
        f"""{{ tokens(filter: {{ {WHERE}, owner: "{BOB.text}", traits: [{{name: "Mood", values: ["calm", "wild"]}}] }})
              {{ nodes {{ id }} }}
            activities(filter: {{ {WHERE}, kinds: [MINT, BURN], account: "{BOB.text}" }}) {{ nodes {{ kind }} }}
            collections(filter: {{ standard: ERC1155, nameContains: "light", creator: "{BOB.text}" }})
              {{ nodes {{ id }} }}
            balances(filter: {{ {WHERE}, tokenId: "7", owners: ["{BOB.text}"] }}) {{ nodes {{ owner }} }}
            transfers(filter: {{ {WHERE}, tokenId: "7", account: "{BOB.text}" }}) {{ nodes {{ from to }} }} }}"""
    )
    asked = gateway.world.requests
    assert [(t.name, list(t.values)) for t in asked["ListTokens"].traits] == [("Mood", ["calm", "wild"])]
    assert (asked["ListTokens"].chain_id, asked["ListTokens"].contract, asked["ListTokens"].owner) == (
        "eip155:31337", CONTRACT, BOB,
    )  # fmt: skip
    assert list(asked["ListActivities"].kinds) == ["mint", "burn"]
    assert (asked["ListCollections"].standard, asked["ListCollections"].name_contains) == (2, "light")
    assert (asked["ListBalances"].token_id, list(asked["ListBalances"].owners)) == ("7", [BOB])
    assert (asked["ListTransfers"].token_id, asked["ListTransfers"].account) == ("7", BOB)


async def test_the_viewers_sessions_and_intents(gateway: Gateway) -> None:
    for number in range(3):
        intent = an_intent(gateway.world.alice, ["PREPARED", "SUBMITTED"], version=number)
        gateway.world.intents[intent.id] = intent
    gateway.world.intents["foreign"] = an_intent(gateway.world.bob, intent_id=new_id())
    answer = await gateway.execute(
        """{ viewer { sessions { address current ip } intents(first: 2) {
            edges { cursor node { state timeline { state at note } } } pageInfo { hasNextPage } } } }""",
        token="token-alice",
    )
    viewer = answer.data["viewer"]
    assert [s["current"] for s in viewer["sessions"]] == [True, False]
    assert len(viewer["intents"]["edges"]) == 2
    assert viewer["intents"]["pageInfo"] == {"hasNextPage": True}
    assert viewer["intents"]["edges"][0]["node"]["timeline"] == [
        {"state": "PREPARED", "at": "2026-11-22T09:00:00.000Z", "note": "step 1"},
        {"state": "SUBMITTED", "at": "2026-11-22T09:00:01.000Z", "note": "step 2"},
    ]


async def test_tools_can_read_the_whole_schema(gateway: Gateway) -> None:
    query = get_introspection_query(
        descriptions=True, specified_by_url=True, directive_is_repeatable=True, schema_description=True,
        input_value_deprecation=True,
    )  # fmt: skip
    answer = await gateway.execute(query)
    client_schema = build_client_schema(answer.data)
    assert print_schema(client_schema).count("\n") > 1000
    assert client_schema.get_type("Intent") is not None


async def test_a_stored_document_is_found_by_its_uri(gateway: Gateway) -> None:
    query = "query ($uri: String!) { metadata(uri: $uri) { json url } }"
    found = await gateway.execute(query, uri=f"ipfs://{CID}")
    assert found.data["metadata"] == {"json": {"name": "Light"}, "url": f"/media/{CID}"}
    assert (await gateway.execute(query, uri="file:///etc/passwd")).data == {"metadata": None}
