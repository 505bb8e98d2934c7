"""Global ids name one thing and nothing else."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import MAX_CHAIN_NUMBER, UINT256_MAX, Address, ChainId
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.keys import CollectionKey, TokenKey

chains = st.integers(1, MAX_CHAIN_NUMBER).map(ChainId)
addresses = st.binary(min_size=20, max_size=20).map(Address)
tokens = st.integers(0, UINT256_MAX)


@given(chains, addresses, tokens, st.uuids())
def test_every_id_is_parsed_to_what_made_it(chain: ChainId, contract: Address, token_id: int, key: UUID) -> None:
    collection, token = CollectionKey(chain, contract), TokenKey(chain, contract, token_id)
    assert node_ids.parse(node_ids.chain(chain)) == ("Chain", chain)
    assert node_ids.parse(node_ids.collection(collection)) == ("Collection", collection)
    assert node_ids.parse(node_ids.token(token)) == ("Token", token)
    assert node_ids.parse(node_ids.user(key)) == ("User", key)
    assert node_ids.parse(node_ids.intent(key)) == ("Intent", key)
    assert node_ids.parse_intent(node_ids.intent(key)) == key
    assert node_ids.parse_intent(str(key)) == key


@given(st.text(max_size=400))
def test_any_text_is_an_id_or_refused_as_one(text: str) -> None:
    for parse in (node_ids.parse, node_ids.parse_intent):
        reason = ""
        try:
            parse(text)
        except InvalidArgument as error:
            reason = error.reason
        assert reason in {"", "INVALID_ID"}


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "Token", "Token:", "Token:eip155:1/0x12/1", f"Token:eip155:1/0x{'11' * 20}", "Collection:a/b/c",
        f"Token:eip155:1/0x{'11' * 20}/{2**256}", f"Token:eip155:1/0x{'11' * 20}/-1", "User:1", "Intent:nonsense",
        "Wallet:1", "Chain:solana:1", "Chain:eip155:0", "Query:x",
    ],
)  # fmt: skip
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="INVALID_ID"):
        node_ids.parse(encoded(text))


def test_an_intent_is_not_looked_up_by_another_types_id() -> None:
    with pytest.raises(InvalidArgument, match="names a Chain, not an Intent"):
        node_ids.parse_intent(node_ids.chain(ChainId(1)))
