"""How many gRPC calls a query takes, to the call: one for each kind of thing, however many there are of it."""

from __future__ import annotations

import pytest
from gateway_fakes import ALICE, CHAIN, CONTRACT, an_intent
from gateway_parts import Gateway

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


async def test_intents_with_their_tokens_and_collections_take_one_call_for_each_kind(gateway: Gateway) -> None:
    for _ in range(5):
        intent = an_intent(gateway.world.alice, ["PREPARED"], token_ids=["1", "2"])
        gateway.world.intents[intent.id] = intent
    answer = await gateway.execute(
        "{ viewer { intents { nodes { tokens { name } collection { name } } } user { id } wallets { id } } }",
        token="token-alice",
    )
    assert len(answer.data["viewer"]["intents"]["nodes"]) == 5
    assert dict(gateway.world.calls) == {
        "Introspect": 1, "ListIntents": 1, "BatchGetTokens": 1, "BatchGetCollections": 1, "BatchGetUsers": 1,
        "ListWallets": 1,
    }  # fmt: skip


async def test_a_page_within_each_row_is_a_call_for_each_row_and_the_cost_says_so(gateway: Gateway) -> None:
    """Each row's page has a place of its own; the limit of cost, 100 for a call, is what bounds this."""
    query = "{ tokens(first: 10) { nodes { holders(first: 3) { nodes { amount } } } } }"
    assert (await gateway.execute(query)).data
    assert dict(gateway.world.calls) == {"ListTokens": 1, "ListBalances": 10}
    refused = await gateway.execute("{ tokens(first: 100) { nodes { holders(first: 100) { nodes { amount } } } } }")
    assert refused.reason == "QUERY_TOO_COSTLY"
