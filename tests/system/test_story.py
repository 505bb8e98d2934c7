"""The whole story through the public API, on real servers, with one process per service."""

from __future__ import annotations

import asyncio

import pytest

from mercato.story import documents
from mercato.story.api import ApiError, Socket
from mercato.story.play import HAPPY_PATH, Story
from tests.marketplace import Marketplace

ZERO = "0x" + "0" * 40


async def test_a_newcomer_signs_in_creates_mints_and_watches_every_step(market: Marketplace) -> None:
    story = market.story()
    await story.fund()
    signed_in = await story.sign_in()
    assert signed_in["newUser"] is True
    me = story.wallet.address.checksum
    async with story.api.socket() as socket:
        heard = await story.hear_own_events(socket, {"UserLoggedIn", "WalletLinked"})
        assert heard["UserLoggedIn"]["address"] == me
        assert (heard["WalletLinked"]["address"], heard["WalletLinked"]["primary"]) == (me, True)
        asset, uri = await story.upload()
        assert (asset["contentType"], asset["width"], asset["height"]) == ("image/png", 64, 64)
        await _plays_721(story, socket, uri, asset["url"])
        await _plays_1155(story, socket, uri)


async def _plays_721(story: Story, socket: Socket, uri: str, image_url: str) -> None:
    me = story.wallet.address.checksum
    made = await story.create_collection(socket, "ERC721", uri)
    assert made.watched.states == HAPPY_PATH
    minted = await story.mint(socket, made, quantity=3)
    assert minted.states == HAPPY_PATH
    assert minted.end["intent"]["tokenIds"] == ["1", "2", "3"]
    assert minted.end["intent"]["txHash"] == minted.tx_hash

    token = await story.until_named(made, 3)
    assert (token["name"], token["metadataState"], token["owner"]) == ("First light", "resolved", me)
    assert {(t["name"], t["value"]) for t in token["traits"]} == {("Mood", "calm"), ("Edition", "1")}
    status, kind, body = await story.api.get(image_url)
    assert (status, kind, body[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n")

    found = await story.read_collection(made)
    assert (found["name"], found["symbol"], found["standard"]) == ("Story ERC721", "STORY", "ERC721")
    assert (found["creator"], found["owner"]) == (me, me)
    assert (found["supply"], found["tokenCount"], found["holderCount"]) == ("3", 3, 1)
    assert found["royalty"] == {"receiver": me, "bps": 500}
    assert (found["mintConfig"]["price"], found["mintConfig"]["maxSupply"]) == ("1000", "100")
    assert {(r["name"], r["account"]) for r in found["roles"]} == {
        ("DEFAULT_ADMIN_ROLE", me), ("MINTER_ROLE", me), ("METADATA_ROLE", me),
    }  # fmt: skip
    assert [b["kind"] for b in found["bindings"]] == ["factory"]
    assert {t["tokenId"]: t["owner"] for t in found["tokens"]["nodes"]} == {"1": me, "2": me, "3": me}

    held = (await story.read_holdings(made))["holdings"]["nodes"]
    assert sorted((h["tokenId"], h["amount"]) for h in held) == [("1", "1"), ("2", "1"), ("3", "1")]
    feed = await story.read_activities(made)
    assert sorted((a["kind"], a["tokenId"]) for a in feed) == [
        ("COLLECTION_CREATED", None), ("MINT", "1"), ("MINT", "2"), ("MINT", "3"),
    ]  # fmt: skip
    assert {a["from"] for a in feed if a["kind"] == "MINT"} == {ZERO}


async def _plays_1155(story: Story, socket: Socket, uri: str) -> None:
    made = await story.create_collection(socket, "ERC1155", uri)
    assert made.watched.states == HAPPY_PATH
    minted = await story.mint(socket, made, quantity=40, token_id=7)
    assert minted.states == HAPPY_PATH
    assert minted.end["intent"]["tokenIds"] == ["7"]
    again = await story.mint(socket, made, quantity=2, token_id=7)
    assert again.states == HAPPY_PATH
    token = await story.until_named(made, 7)
    assert (token["supply"], token["owner"], token["name"]) == ("42", None, "First light")
    held = (await story.read_holdings(made))["holdings"]["nodes"]
    assert [(h["tokenId"], h["amount"]) for h in held] == [("7", "42")]


async def test_a_mint_that_reverts_on_chain_ends_failed_with_the_contracts_reason(market: Marketplace) -> None:
    story = await market.signed_in_story()
    async with story.api.socket() as socket:
        _, uri = await story.upload()
        made = await story.create_collection(socket, "ERC721", uri, maxSupply="3")
        loser = (await story.prepare_mint(made, 2))["intent"]
        await story.mint(socket, made, quantity=2)
        watched = await story.send_and_watch(socket, loser, documents.TRACK_MINT)
    assert watched.states == ["PREPARED", "SUBMITTED", "FAILED"]
    failure = watched.end["intent"]["failure"]
    assert failure["reason"] == "REVERTED"
    assert "SoldOut(maxSupply=3, requested=2)" in failure["message"]


async def test_the_same_prepare_twice_is_one_intent_and_another_body_is_a_conflict(market: Marketplace) -> None:
    story = await market.signed_in_story()
    first = await story.prepare_collection("ERC721", "ipfs://bafy", key="one")
    again = await story.prepare_collection("ERC721", "ipfs://bafy", key="one")
    assert (first["created"], again["created"]) == (True, False)
    assert first["intent"]["id"] == again["intent"]["id"]
    with pytest.raises(ApiError) as caught:
        await story.prepare_collection("ERC1155", "ipfs://bafy", key="one")
    assert (caught.value.code, caught.value.reason) == ("CONFLICT", "IDEMPOTENCY_KEY_REUSED")
    other = await market.signed_in_story()
    assert (await other.prepare_collection("ERC1155", "ipfs://bafy", key="one"))["created"] is True


async def test_fifty_parallel_prepares_make_one_intent(market: Marketplace) -> None:
    story = await market.signed_in_story()
    answers = await asyncio.gather(*(story.prepare_collection("ERC721", "ipfs://bafy", key="k") for _ in range(50)))
    assert len({a["intent"]["id"] for a in answers}) == 1
    assert [a["created"] for a in answers].count(True) == 1


async def test_a_collection_whose_creator_closed_the_tab_still_completes(market: Marketplace) -> None:
    story = await market.signed_in_story()
    intent = (await story.prepare_collection("ERC721", "ipfs://bafy"))["intent"]
    tx_hash = await story.send(intent)
    ended = await story.until_ended(intent["id"])
    assert [step["state"] for step in ended["timeline"]] == HAPPY_PATH
    assert ended["txHash"] == tx_hash


async def test_a_foreign_intent_cannot_be_seen_or_tracked(market: Marketplace) -> None:
    owner, stranger = await market.signed_in_story(), await market.signed_in_story()
    intent = (await owner.prepare_collection("ERC721", "ipfs://bafy"))["intent"]
    for document, variables in (
        (documents.INTENT, {"id": intent["id"]}),
        (documents.TRACK_COLLECTION, {"id": intent["id"], "hash": "0x" + "1" * 64}),
    ):
        with pytest.raises(ApiError) as caught:
            await stranger.api.execute(document, **variables)
        assert caught.value.code == "NOT_FOUND"
    async with stranger.api.socket() as socket:
        updates = await socket.subscribe(documents.INTENT_UPDATES, id=intent["id"])
        with pytest.raises(ApiError):
            await updates.next()
    unchanged = (await owner.api.execute(documents.INTENT, id=intent["id"]))["intent"]
    assert (unchanged["state"], unchanged["version"]) == ("PREPARED", intent["version"])


async def test_both_chains_work_side_by_side(market: Marketplace) -> None:
    stories = [await market.signed_in_story(chain) for chain in (0, 1)]
    intents = await asyncio.gather(*(s.prepare_collection("ERC721", "ipfs://bafy") for s in stories))
    await asyncio.gather(*(s.send(i["intent"]) for s, i in zip(stories, intents, strict=True)))
    ended = await asyncio.gather(*(s.until_ended(i["intent"]["id"]) for s, i in zip(stories, intents, strict=True)))
    assert [e["state"] for e in ended] == ["INDEXED", "INDEXED"]
    assert [e["transaction"]["chainNumber"] for e in ended] == [31337, 31338]
