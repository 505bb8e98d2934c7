"""How far each chain is, in API, status and metrics; and a fork as people see it through the API."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest
from rich.console import Console

from mercato.cli import lag
from mercato.evm.rpc import Header
from mercato.story import documents
from mercato.story.play import Collection, Story
from tests.marketplace import Marketplace

T = TypeVar("T")

_PATIENCE = 60.0
SYNC = """{ syncStatus { chainId readPoint { blockNumber blockHash blockTime finality }
  lag { head seen indexed catalogued pushed blocksBehind secondsBehind } } }"""
TOKENS = """query ($chain: ChainId!, $contract: Address!) { tokens(filter: {chainId: $chain, contract: $contract}) {
  nodes { tokenId asOf { blockNumber } } asOf { chainId blockNumber blockHash finality } } }"""
TRANSFERS = """query ($chain: ChainId!, $contract: Address!) {
  transfers(filter: {chainId: $chain, contract: $contract}) { nodes { position { blockNumber finality } } } }"""
FEED = "subscription { feed { __typename ... on Retracted { chainId fromBlock } } }"


async def eventually(look: Callable[[], Awaitable[T | None]]) -> T:
    async with asyncio.timeout(_PATIENCE):
        while (found := await look()) is None:
            await asyncio.sleep(0.1)
        return found


async def head_of(story: Story) -> Header:
    head = await story.node.find_header("latest")
    assert head is not None
    return head


async def status_at(story: Story, number: int) -> dict[str, Any]:
    """The chain's row once everything up to a block is catalogued."""

    async def look() -> dict[str, Any] | None:
        rows: list[dict[str, Any]] = (await story.api.execute(SYNC))["syncStatus"]
        (row,) = [r for r in rows if r["chainId"] == story.chain.caip2]
        return row if row["lag"]["catalogued"] == row["lag"]["head"] == number else None

    return await eventually(look)


@pytest.fixture(scope="module")
async def played(market: Marketplace) -> tuple[Story, Collection, int]:
    """A collection with one token, and the block of its mint."""
    story = await market.signed_in_story(1)
    async with story.api.socket() as socket:
        made = await story.create_collection(socket, "ERC721", "ipfs://lag")
        minted = await story.mint(socket, made)
    receipt = await story.node.find_receipt(bytes.fromhex(minted.tx_hash[2:]))
    assert receipt is not None
    return story, made, receipt.block_number


async def test_each_step_of_a_chains_way_moves_with_its_blocks(
    market: Marketplace, played: tuple[Story, Collection, int]
) -> None:
    story, made, block = played
    row = await status_at(story, (await head_of(story)).number)
    await story.node.raw("anvil_mine", hex(3))
    head = await head_of(story)
    after = await status_at(story, head.number)
    assert after["lag"]["head"] == row["lag"]["head"] + 3
    assert {after["lag"][step] for step in ("head", "seen", "indexed", "catalogued")} == {head.number}
    assert (after["lag"]["blocksBehind"], after["lag"]["secondsBehind"]) == (0, 0)
    assert after["readPoint"]["blockHash"] == "0x" + head.hash.hex()
    assert after["readPoint"]["finality"] == "SAFE", "a local block has its one confirmation at once"

    async def pushed() -> bool | None:
        return True if (await status_at(story, head.number))["lag"]["pushed"] == block else None

    await eventually(pushed)
    page = (await story.api.execute(TOKENS, chain=story.chain.caip2, contract=made.contract))["tokens"]
    point = {"chainId": story.chain.caip2, "blockNumber": head.number, "finality": "SAFE"}
    assert page["asOf"] == [{**point, "blockHash": "0x" + head.hash.hex()}]
    assert page["nodes"] == [{"tokenId": "1", "asOf": {"blockNumber": head.number}}]


async def test_the_status_command_shows_the_same_numbers(
    market: Marketplace, played: tuple[Story, Collection, int]
) -> None:
    story, _, block = played
    head = await head_of(story)
    await status_at(story, head.number)

    async def shown() -> lag.ChainLag | None:
        rows = await lag.look(market.stack.settings)
        (row,) = [r for r in rows if r.chain == story.chain.caip2]
        return row if row.pushed == block else None

    row = await eventually(shown)
    assert (row.head, row.seen, row.indexed, row.catalogued) == (head.number,) * 4
    assert (row.blocks_behind, row.seconds_behind, row.state) == (0, 0, "following")
    console = Console(width=200, record=True)
    console.print(lag.table([row]))
    text = console.export_text()
    assert "catalogued" in text
    assert f" {head.number} " in text


async def test_the_command_itself_prints_parts_and_chains(
    market: Marketplace, played: tuple[Story, Collection, int]
) -> None:
    story, _, _ = played
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mercato.cli", "status", stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "MERCATO_HOME": str(market.stack.home), "COLUMNS": "200"},
    )  # fmt: skip
    out, _ = await command.communicate()
    assert command.returncode == 0, out
    for word in ("catalogued", "pushed", "blocks behind", story.chain.caip2, "subscriptions"):
        assert word in out.decode()


async def test_each_service_measures_the_step_it_knows(
    market: Marketplace, played: tuple[Story, Collection, int]
) -> None:
    story, _, block = played
    head = (await head_of(story)).number
    chain = f'{{chain="{story.chain.caip2}"}}'
    wanted = {
        "indexer": [f"mercato_indexer_{step}_block{chain} {float(head)}" for step in ("head", "seen", "indexed")],
        "catalog": [f"mercato_catalog_catalogued_block{chain} {float(head)}"],
        "subscriptions": [f"mercato_subscriptions_pushed_block{chain} {float(block)}"],
    }

    async def measured() -> bool | None:
        for service, lines in wanted.items():
            text = await _metrics(market, service)
            if not all(line in text for line in lines):
                return None
        return True

    assert await eventually(measured)


async def test_the_local_chains_announce_their_blocks(market: Marketplace) -> None:
    async def up() -> bool | None:
        text = await _metrics(market, "indexer")
        sockets = [line for line in text.splitlines() if line.startswith("mercato_indexer_websocket_up{")]
        return True if len(sockets) == len(market.nodes) and all(s.endswith(" 1.0") for s in sockets) else None

    assert await eventually(up)


async def _metrics(market: Marketplace, service: str) -> str:
    url = f"http://127.0.0.1:{market.stack.settings.ops_port(service)}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def test_a_fork_takes_a_mint_back_tells_it_and_the_mint_completes_again(
    market: Marketplace, played: tuple[Story, Collection, int]
) -> None:
    story, made, _ = played
    where = {"chain": story.chain.caip2, "contract": made.contract}
    async with story.api.socket() as socket:
        minted = await story.mint(socket, made)
        feed = await socket.subscribe(FEED)
        updates = await socket.subscribe(documents.INTENT_UPDATES, id=minted.intent["id"])
        assert (await updates.next())["intentUpdates"]["state"] == "INDEXED"
        lost = await head_of(story)
        raw = await story.node.raw("eth_getRawTransactionByHash", minted.tx_hash)
        await story.node.raw("anvil_reorg", 1, [])
        won = await head_of(story)
        assert (won.number, won.hash != lost.hash) == (lost.number, True)
        while (event := (await feed.next())["feed"])["__typename"] != "Retracted":
            pass
        assert event == {"__typename": "Retracted", "chainId": story.chain.caip2, "fromBlock": won.number}
        assert (await updates.next())["intentUpdates"]["state"] == "SUBMITTED"

        async def taken_back() -> bool | None:
            page = (await story.api.execute(TOKENS, **where))["tokens"]
            ids, (point,) = [node["tokenId"] for node in page["nodes"]], page["asOf"]
            assert ("2" in ids) == (point["blockHash"] == "0x" + lost.hash.hex()), (
                "rows of one branch, point of another"
            )
            return True if point["blockHash"] == "0x" + won.hash.hex() else None

        await eventually(taken_back)
        await story.node.send_raw(bytes.fromhex(raw[2:]))
        states = []
        while not states or states[-1] != "INDEXED":
            states.append((await updates.next())["intentUpdates"]["state"])
        assert states == ["INCLUDED", "CONFIRMED", "INDEXED"]
    moves = (await story.api.execute(TRANSFERS, **where))["transfers"]["nodes"]
    assert moves[0]["position"]["blockNumber"] == won.number + 1
    assert {m["position"]["finality"] for m in moves} == {"SAFE"}
