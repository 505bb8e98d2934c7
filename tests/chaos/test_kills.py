"""Kill -9 of each service, and of each server, in mid-story: the story still completes and nothing is doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import asyncpg
import pytest

from mercato.kit.ids import Address, new_id
from mercato.kit.settings import SERVICES
from mercato.story import documents
from mercato.story.api import ApiError, Json
from mercato.story.play import HAPPY_PATH, Collection, Story, Watched
from tests.marketplace import Marketplace

T = TypeVar("T")
_PATIENCE = 60.0
_PASSING = {"UNAVAILABLE", "INTERNAL"}
"""Codes a client meets while a part is down. INTERNAL is here for one case only: a server killed under a query."""


async def insist(act: Callable[[], Awaitable[T]]) -> T:
    """Does it again while the marketplace says that it is away, as a patient client does."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await act()
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                pass
            except ApiError as error:
                if error.code not in _PASSING:
                    raise
            await asyncio.sleep(0.2)


async def collection_of(story: Story) -> Collection:
    """A new collection, waited for without a socket."""
    intent = (await insist(lambda: story.prepare_collection("ERC721", "ipfs://bafy", key="first")))["intent"]
    await story.send(intent)
    ended = await insist(lambda: story.until_ended(intent["id"]))
    return Collection("ERC721", intent["contract"], Watched(intent, [], [], ended))


async def minted_through(market: Marketplace, story: Story, made: Collection, victim: str) -> Json:
    """A mint of two whose transaction is mined in the moment the victim is killed."""
    key = str(new_id())
    intent = (await insist(lambda: story.prepare_mint(made, 2, key=key)))["intent"]
    pid = market.stack.pid(victim)
    tx_hash = await story.send(intent)
    market.stack.crash(victim)
    again = await insist(lambda: story.prepare_mint(made, 2, key=key))
    assert (again["created"], again["intent"]["id"]) == (False, intent["id"])
    await insist(lambda: story.api.execute(documents.TRACK_MINT, id=intent["id"], hash=tx_hash))
    ended: Json = await insist(lambda: story.until_ended(intent["id"], timeout=_PATIENCE))
    await market.stack.ready(victim, not_pid=pid)
    return ended


async def transfers_of(market: Marketplace, contract: str) -> int:
    connection = await asyncpg.connect(market.stack.settings.database_url("catalog_db"))
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM ownership_transfers JOIN collections USING (collection_ref) WHERE contract = $1",
            Address.parse(contract),
        )
        return count
    finally:
        await connection.close()


@pytest.mark.parametrize("victim", [*SERVICES, "rabbitmq", "redis", "postgres", "mongo"])
async def test_the_story_completes_and_nothing_is_doubled_when_a_part_is_killed(
    market: Marketplace, victim: str
) -> None:
    story = market.story()
    await story.fund()
    await insist(story.sign_in)
    made = await collection_of(story)

    ended = await minted_through(market, story, made, victim)

    assert [step["state"] for step in ended["timeline"]] == HAPPY_PATH
    assert ended["tokenIds"] == ["1", "2"]
    found = await insist(lambda: story.read_collection(made))
    assert (found["supply"], found["tokenCount"], found["holderCount"]) == ("2", 2, 1)
    held = (await insist(lambda: story.read_holdings(made)))["holdings"]["nodes"]
    assert sorted((h["tokenId"], h["amount"]) for h in held) == [("1", "1"), ("2", "1")]
    feed = await insist(lambda: story.read_activities(made))
    assert sorted(a["kind"] for a in feed) == ["COLLECTION_CREATED", "MINT", "MINT"]
    assert await transfers_of(market, made.contract) == 2
