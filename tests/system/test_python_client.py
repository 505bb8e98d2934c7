"""The story as a program plays it that has nothing of ours but the Python client of clients/python."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from mercato_client.base_model import Upload
from mercato_client.enums import IntentState, TokenStandard
from mercato_client.fragments import IntentFields, TokenFields
from mercato_client.input_types import (
    CollectionFilter,
    MintConfigInput,
    PrepareCreateCollectionInput,
    PrepareMint721Input,
    TokenFilter,
)
from mercato_client.intent_updates import IntentUpdatesIntentUpdates
from mercato_client.marketplace import Marketplace as Client
from mercato_client.marketplace import Refused

from mercato.evm.rpc import RpcPool
from mercato.kit.ids import ChainId, new_id
from mercato.story.play import small_png
from mercato.story.wallet import Wallet
from tests.marketplace import Marketplace

T = TypeVar("T")
_PATIENCE = 60.0
_HAPPY = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]


@dataclass
class Visitor:
    """A client, and the wallet and node it needs beside."""

    client: Client
    chain: ChainId
    node: RpcPool
    wallet: Wallet = field(default_factory=Wallet)

    async def send(self, intent: IntentFields) -> str:
        """Signs the intent's transaction and gives it to the node."""
        assert intent.transaction is not None
        unsigned = intent.transaction.model_dump(by_alias=True)
        nonce = await self.node.transaction_count(self.wallet.address, "pending")
        raw, tx_hash = self.wallet.sign_transaction(unsigned, nonce)
        await self.node.send_raw(raw)
        return tx_hash

    async def send_and_watch(self, intent: IntentFields) -> tuple[str, list[str]]:
        """(transaction hash, states in the order told) once it is indexed."""
        updates = self.client.intent_updates(id=intent.id)
        first = await anext(updates)
        assert (first.snapshot, first.state) == (True, IntentState.PREPARED)
        tx_hash = await self.send(intent)
        told = await until(updates, lambda update: update.state is IntentState.INDEXED)
        return tx_hash, [first.state.value, *(update.state.value for update in told)]


async def until(
    events: AsyncIterator[IntentUpdatesIntentUpdates], wanted: Callable[[IntentUpdatesIntentUpdates], bool]
) -> list[IntentUpdatesIntentUpdates]:
    """The events up to the one that is wanted."""
    told = []
    async with asyncio.timeout(_PATIENCE):
        async for event in events:
            told.append(event)
            if wanted(event):
                return told
    raise AssertionError(f"the subscription ended after {told}")


@pytest.fixture
async def visitor(market: Marketplace) -> AsyncIterator[Visitor]:
    """Somebody with coins who has signed in."""
    chain, node = market.nodes[0]
    async with Client(market.url) as client:
        found = Visitor(client, chain, node)
        await node.raw("anvil_setBalance", found.wallet.address.text, hex(10**20))
        session = await client.sign_in_with(found.wallet.address.checksum, chain.caip2, found.wallet.sign_message)
        assert (session.new_user, session.address) == (True, found.wallet.address.checksum)
        yield found


async def test_the_story_can_be_played_with_the_python_client(visitor: Visitor) -> None:
    client, chain, me = visitor.client, visitor.chain.caip2, visitor.wallet.address.checksum
    picture = Upload("picture.png", io.BytesIO(small_png(visitor.wallet.address)), "image/png")
    asset = (await client.upload_media(file=picture)).asset
    assert asset.content_type == "image/png"
    document = {"name": "Typed", "image": asset.uri, "attributes": [{"trait_type": "Mood", "value": "calm"}]}
    uri = (await client.create_metadata(document=document)).document.uri

    collection = PrepareCreateCollectionInput(
        chain_id=chain, standard=TokenStandard.ERC721, name="Typed", symbol="TYP", base_uri=uri,
        mint_config=MintConfigInput(price="1000", max_supply="5"),
    )  # fmt: skip
    key = str(new_id())
    prepared = await client.prepare_create_collection(input=collection, idempotency_key=key)
    again = await client.prepare_create_collection(input=collection, idempotency_key=key)
    assert (prepared.created, again.created, again.intent.id) == (True, False, prepared.intent.id)
    contract = prepared.intent.contract
    assert contract is not None
    tx_hash, states = await visitor.send_and_watch(prepared.intent)
    assert states == _HAPPY
    indexed = await client.get_intent(id=prepared.intent.id)
    assert indexed is not None
    assert (indexed.state, indexed.tx_hash) == (IntentState.INDEXED, tx_hash)
    owned = await client.list_collections(filter_=CollectionFilter(creator=me))
    assert [(c.contract, c.name, c.standard) for c in owned.nodes] == [(contract, "Typed", TokenStandard.ERC721)]

    mint = PrepareMint721Input(chain_id=chain, contract=contract, quantity=2)
    minting = await client.prepare_mint_721(input=mint, idempotency_key=str(new_id()))
    _, states = await visitor.send_and_watch(minting.intent)
    assert states == _HAPPY
    tokens = await until_named(client, TokenFilter(chain_id=chain, contract=contract))
    assert sorted((t.token_id, t.owner, t.name) for t in tokens) == [("1", me, "Typed"), ("2", me, "Typed")]
    assert [(trait.name, trait.value) for trait in tokens[0].traits] == [("Mood", "calm")]


async def until_named(client: Client, tokens: TokenFilter) -> list[TokenFields]:
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = (await client.list_tokens(filter_=tokens)).nodes
            if found and all(token.name for token in found):
                return list(found)
            await asyncio.sleep(0.1)


async def test_a_collections_events_reach_whoever_watches_it(visitor: Visitor) -> None:
    chain = visitor.chain.caip2
    collection = PrepareCreateCollectionInput(chain_id=chain, standard=TokenStandard.ERC1155, name="Seen", symbol="SEE")
    prepared = await visitor.client.prepare_create_collection(input=collection, idempotency_key=str(new_id()))
    contract = prepared.intent.contract
    assert contract is not None

    watched = asyncio.Event()

    async def first_event() -> str:
        async for event in visitor.client.collection_events(chain_id=chain, contract=contract, after=""):
            if event.typename__ == "Gap":  # the place of now: what happens from here on is told
                watched.set()
            if event.typename__ == "CollectionUpserted":
                return f"{event.contract} {event.name}"
        raise AssertionError("the subscription ended")

    watching = asyncio.create_task(first_event())
    async with asyncio.timeout(_PATIENCE):
        await watched.wait()
    _, states = await visitor.send_and_watch(prepared.intent)
    assert states == _HAPPY
    async with asyncio.timeout(_PATIENCE):
        assert await watching == f"{contract} Seen"


async def test_a_refusal_tells_its_reason_over_both_transports(market: Marketplace, visitor: Visitor) -> None:
    with pytest.raises(Refused) as unknown:
        await visitor.client.get_intent(id=str(new_id()))
    assert unknown.value.code == "NOT_FOUND"
    async with Client(market.url) as anonymous:
        with pytest.raises(Refused) as signed_out:
            await anonymous.list_chain_changes()
    assert (signed_out.value.code, signed_out.value.reason) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    with pytest.raises(Refused) as no_admin:
        await visitor.client.get_chain_registry()
    assert (no_admin.value.reason, bool(no_admin.value.request_id)) == ("ADMIN_REQUIRED", True)
