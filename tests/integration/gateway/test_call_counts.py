"""How many gRPC calls a query takes, to the call: one for each kind of thing, however many there are of it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from gateway_fakes import ALICE, CHAIN, CONTRACT, World, a_collection, an_intent
from gateway_parts import Gateway

from mercato.kit.errors import Unavailable
from mercato.kit.ids import Address, new_id
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.keys import CollectionKey, TokenKey

WHERE = f'chainId: "{CHAIN.caip2}", contract: "{CONTRACT.checksum}"'
TOKEN = "id tokenId owner name description imageUrl uri metadataState traits { name value } flags"
COLLECTION = "id name symbol chain { name currency { symbol } contracts { kind } }"

READS = {
    "50 tokens with owners, metadata and traits": (f"tokens(first: 50) {{ nodes {{ {TOKEN} }} }}", {"ListTokens": 1}),
    "50 tokens with their collection and its chain": (
        f"tokens(first: 50) {{ nodes {{ {TOKEN} collection {{ {COLLECTION} }} }} }}",
        {"ListTokens": 1, "BatchGetCollections": 1, "ListChains": 1},
    ),
    "the same twice under two names": (
        f"a: tokens(first: 50) {{ nodes {{ collection {{ {COLLECTION} }} }} }} "
        f"b: tokens(first: 50) {{ nodes {{ collection {{ {COLLECTION} }} }} }}",
        {"ListTokens": 2, "BatchGetCollections": 1, "ListChains": 1},
    ),
    "50 balances with token, its collection and chain": (
        f'balances(first: 50, filter: {{ owners: ["{ALICE.checksum}"] }}) '
        f"{{ nodes {{ amount token {{ {TOKEN} collection {{ {COLLECTION} }} }} }} }}",
        {"ListBalances": 1, "BatchGetTokens": 1, "BatchGetCollections": 1, "ListChains": 1},
    ),
    "transfers with their tokens": (
        f"transfers(first: 50) {{ nodes {{ from to token {{ {TOKEN} collection {{ name }} }} }} }}",
        {"ListTransfers": 1, "BatchGetTokens": 1, "BatchGetCollections": 1},
    ),
    "the feed with collections": (
        "activities(first: 50) { nodes { kind token { name } collection { name } } }",
        {"ListActivities": 1, "BatchGetCollections": 1},
    ),
    "one thing asked for in three ways": (
        f'token({WHERE}, tokenId: "7") {{ name collection {{ name }} }} '
        f"collection({WHERE}) {{ name chain {{ name }} }} "
        f'chain(chainId: "{CHAIN.caip2}") {{ name }} chains {{ name }}',
        {"BatchGetTokens": 1, "BatchGetCollections": 1, "ListChains": 1},
    ),
    "where every chain stands": (
        "syncStatus { chainId readPoint { blockNumber } indexer { state head } }",
        {"ListChains": 1, "GetReadPoints": 1, "GetStatus": 1},
    ),
    "nothing but names of types": ("__typename __schema { queryType { name } }", {}),
}


@pytest.mark.parametrize("name", READS)
async def test_anonymous_reads_take_one_call_for_each_kind(gateway: Gateway, name: str) -> None:
    fields, calls = READS[name]
    answer = await gateway.execute(f"{{ {fields} }}")
    assert answer.data
    assert dict(gateway.world.calls) == calls


def new_token(world: World, user_id: UUID | None = None) -> str:
    """An access token that the gateway has not asked about before: it remembers what it was told of one."""
    token = f"token-{new_id()}"
    world.tokens_of_users[token] = world.alice if user_id is None else user_id
    return token


def new_intents(world: World, number: int) -> list[str]:
    """Node ids of new intents of Alice."""
    intents = [an_intent(world.alice, ["PREPARED"], token_ids=["1", "2"]) for _ in range(number)]
    world.intents |= {intent.id: intent for intent in intents}
    return [node_ids.intent(UUID(intent.id)) for intent in intents]


async def test_intents_with_their_tokens_and_collections_take_one_call_for_each_kind(gateway: Gateway) -> None:
    new_intents(gateway.world, 5)
    answer = await gateway.execute(
        "{ viewer { intents { nodes { tokens { name } collection { name } } } user { id } wallets { id } } }",
        token=new_token(gateway.world),
    )
    assert len(answer.data["viewer"]["intents"]["nodes"]) == 5
    assert dict(gateway.world.calls) == {
        "Introspect": 1, "ListIntents": 1, "BatchGetTokens": 1, "BatchGetCollections": 1, "BatchGetUsers": 1,
        "ListWallets": 1,
    }  # fmt: skip


NODES: dict[str, tuple[Callable[[World, int], list[str]], dict[str, int]]] = {
    "Chain": (lambda _, number: [node_ids.chain(CHAIN)] * number, {"ListChains": 1}),
    "Collection": (
        lambda _, number: [node_ids.collection(CollectionKey(CHAIN, CONTRACT))] * number,
        {"BatchGetCollections": 1},
    ),
    "Token": (
        lambda _, number: [node_ids.token(TokenKey(CHAIN, CONTRACT, i % 50 + 1)) for i in range(number)],
        {"BatchGetTokens": 1},
    ),
    "User": (
        lambda world, number: [node_ids.user((world.alice, world.bob)[i % 2]) for i in range(number)],
        {"BatchGetUsers": 1},
    ),
    "Intent": (new_intents, {"Introspect": 1, "BatchGetIntents": 1}),
}
OF_IDS = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


@pytest.mark.parametrize("kind", NODES)
async def test_a_hundred_nodes_of_a_kind_take_one_call(gateway: Gateway, kind: str) -> None:
    some, calls = NODES[kind]
    ids = some(gateway.world, 100)
    answer = await gateway.execute(OF_IDS, token=new_token(gateway.world), ids=ids)
    assert answer.data["nodes"] == [{"__typename": kind, "id": node_id} for node_id in ids]
    assert dict(gateway.world.calls) == calls


async def test_nodes_of_all_kinds_take_one_call_for_each_kind_and_cost_that(gateway: Gateway) -> None:
    ids = [node_id for some, _ in NODES.values() for node_id in some(gateway.world, 20)]
    answer = await gateway.execute(OF_IDS, token=new_token(gateway.world), ids=ids)
    assert [found["id"] for found in answer.data["nodes"]] == ids
    assert dict(gateway.world.calls) == {method: 1 for _, calls in NODES.values() for method in calls}


async def test_the_most_nodes_that_one_query_may_name_take_a_call_for_each_hundred(gateway: Gateway) -> None:
    world, aliases = gateway.world, 30
    ids = {f"v{i}": new_intents(world, 100) for i in range(aliases)}
    fields = " ".join(f"{name}: nodes(ids: ${name}) {{ id }}" for name in ids)
    query = f"query ({', '.join(f'${name}: [ID!]!' for name in ids)}) {{ {fields} }}"
    answer = await gateway.execute(query, token=new_token(world), **ids)
    assert {name: [found["id"] for found in nodes] for name, nodes in answer.data.items()} == ids
    assert dict(world.calls) == {"Introspect": 1, "BatchGetIntents": aliases}


async def test_strangers_and_nobody_find_no_intents_among_nodes(gateway: Gateway) -> None:
    ids = new_intents(gateway.world, 3)
    for token, calls in (
        (new_token(gateway.world, gateway.world.bob), {"Introspect": 1, "BatchGetIntents": 1}),
        (None, {}),
    ):
        gateway.world.calls.clear()
        answer = await gateway.execute(OF_IDS, token=token, ids=ids)
        assert answer.data == {"nodes": [None, None, None]}
        assert dict(gateway.world.calls) == calls


async def test_a_batch_that_fails_fails_each_of_its_nodes_with_the_reason(gateway: Gateway) -> None:
    gateway.world.failures["BatchGetIntents"] = Unavailable("SERVICE_UNAVAILABLE", "a service did not answer")
    answer = await gateway.execute(OF_IDS, token=new_token(gateway.world), ids=new_intents(gateway.world, 2))
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")


async def test_the_log_of_sign_ins_takes_one_call_beside_the_wallets_it_is_about(gateway: Gateway) -> None:
    query = (
        "{ viewer { lastSignInAt signIns(first: 50) { nodes { at reason sessionId } } wallets { id } user { id } } }"
    )
    assert (await gateway.execute(query, token=new_token(gateway.world))).data
    assert dict(gateway.world.calls) == {"Introspect": 1, "ListLoginEvents": 1, "ListWallets": 1, "BatchGetUsers": 1}


async def test_the_same_sessions_under_many_names_take_one_call(gateway: Gateway) -> None:
    fields = " ".join(f"s{i}: sessions {{ id }}" for i in range(30))
    answer = await gateway.execute(f"{{ viewer {{ {fields} }} }}", token=new_token(gateway.world))
    assert len(answer.data["viewer"]) == 30
    assert dict(gateway.world.calls) == {"Introspect": 1, "ListSessions": 1}


PAGES_IN_ROWS = {
    "holders of each token": ("tokens(first: 10) { nodes { holders(first: 3) { nodes { amount } } } }",
                              {"ListTokens": 1, "ListBalances": 10}),
    "transfers of each token": ("tokens(first: 10) { nodes { transfers(first: 3) { nodes { amount } } } }",
                                {"ListTokens": 1, "ListTransfers": 10}),
    "tokens of each collection": ("collections(first: 10) { nodes { tokens(first: 3) { nodes { name } } } }",
                                  {"ListCollections": 1, "ListTokens": 10}),
    "activities of each collection": ("collections(first: 10) { nodes { activities(first: 3) { nodes { kind } } } }",
                                      {"ListCollections": 1, "ListActivities": 10}),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES_IN_ROWS)
async def test_a_page_within_each_row_is_a_call_for_each_row_and_the_cost_says_so(gateway: Gateway, name: str) -> None:
    """Each row's page has a place of its own; the limit of cost, 100 for a call, is what bounds this."""
    fields, calls = PAGES_IN_ROWS[name]
    gateway.world.collections = {a: a_collection(a) for a in (Address(bytes([i]) * 20) for i in range(1, 11))}
    assert (await gateway.execute(f"{{ {fields} }}")).data
    assert dict(gateway.world.calls) == calls
    refused = await gateway.execute(
        f"{{ {fields.replace('first: 10)', 'first: 100)').replace('first: 3)', 'first: 100)')} }}"
    )
    assert refused.reason == "QUERY_TOO_COSTLY"
