"""What happens on a chain arrives as exactly these messages."""

from __future__ import annotations

from typing import Any

import aio_pika
import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Received,
    Stores,
    canonical_positions,
    fact_positions,
    handle_of,
    reading,
)

from mercato.kit import topology
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.common.v1 import common_pb2
from mercato.services.indexer.messages import MAX_FACTS

NOBODY = bytes(20)


def _of(received: list[Received], kind: str) -> list[Received]:
    return [item for item in received if item.kind == kind]


def _moves(message: Received) -> list[tuple[bytes, bytes, str, str]]:
    return [(getattr(t, "from"), t.to, t.token_id, t.amount) for t in message.facts]


async def test_a_collection_and_its_mints_arrive_live_one_message_per_kind_and_block(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    creator, alice, bob = anvil.accounts[1:4]
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await stores.indexed(anvil.chain, 1)
        collection = await anvil.create(creator)
        await anvil.mint(collection, alice, 3)
        second = await anvil.mine()
        await anvil.transfer(collection, alice, bob, 2)
        await anvil.approve_all(collection, alice, bob)
        await anvil.approve(collection, bob, alice, 2)
        await anvil.set_base_uri(collection, creator, "ipfs://new/")
        third = await anvil.mine()
        progress = await stores.indexed(anvil.chain, 3, third.hash)
    received = await mailbox.read()

    (created,) = _of(received, "created")
    (made,) = created.facts
    assert (made.contract, made.creator, made.factory) == (collection, creator, anvil.factory)
    assert (made.standard, made.name, made.symbol) == (common_pb2.STANDARD_ERC721, "Herons", "HRN")
    assert [(b.number, b.hash, b.timestamp) for b in created.message.at.blocks] == [(2, second.hash, second.timestamp)]
    assert not created.message.at.catching_up

    (minted,) = _of(received, "minted")
    assert _moves(minted) == [(NOBODY, alice, str(n), "") for n in (1, 2, 3)]
    (transferred,) = _of(received, "transferred")
    assert _moves(transferred) == [(alice, bob, "2", "")]
    (approved,) = _of(received, "approved")
    assert [(a.owner, a.operator, a.token_id, a.approved) for a in approved.facts] == [
        (alice, bob, "", True),
        (bob, alice, "2", True),
    ]
    (refreshed,) = _of(received, "refreshed")
    assert [(r.from_token_id, r.to_token_id) for r in refreshed.facts] == [("0", str(2**256 - 1))]
    (configured,) = _of(received, "configured")
    changes = {change.WhichOneof("change") for change in configured.facts}
    assert changes == {"mint_config", "role", "owner", "royalty"}

    advanced = _of(received, "advanced")[-1].message
    assert (advanced.indexed.number, advanced.indexed.hash, advanced.head) == (3, third.hash, 3)
    assert progress.facts_published == sum(len(item.facts) for item in received if item.kind not in ("advanced",))
    assert progress.state.value == "following"


async def test_history_and_live_reading_give_the_same_facts(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> None:
    creator, alice = anvil.accounts[1:3]
    collection = await anvil.create(creator, standard=1155)
    await anvil.mine()
    for n in range(6):
        await anvil.airdrop_batch(collection, creator, alice, [1, 2, 1], [n + 1, 10, 2])
        await anvil.mine()
    second = await anvil.create(alice, standard=721)
    await anvil.mint(second, alice, 2)
    await anvil.mine()
    head = await anvil.bury()

    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=200)):
        await stores.indexed(anvil.chain, head.number)
    live = await mailbox.read()
    assert not any(item.message.at.catching_up for item in live if item.kind == "minted")

    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain)
    async with reading(stores.tools(log_range=2), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=0)):
        await stores.indexed(anvil.chain, head.number)
    history = await mailbox.read()
    assert all(item.message.at.catching_up for item in history if item.kind == "minted")
    assert fact_positions(history) == fact_positions(live)
    batches = [t for item in _of(history, "minted") for t in item.facts if t.contract == collection]
    assert [(t.token_id, t.amount, t.batch_index) for t in batches[:3]] == [
        ("1", "", 0),
        ("2", "10", 1),
        ("1", "2", 2),
    ]
    assert len(batches) == 18


async def test_a_contract_that_nobody_follows_is_left_out_and_read_in_the_scope_of_everything(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    official, creator = anvil.factory, anvil.accounts[1]
    await anvil.deploy_factory()
    collection = await anvil.create(creator)
    await anvil.mint(collection, creator)
    head = await anvil.mine()
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, official)):
        await stores.indexed(anvil.chain, head.number)
    assert {item.kind for item in await mailbox.read()} == {"advanced"}

    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain)
    everything = handle_of(anvil.chain, anvil.pool, official, scope=chains_pb2.INDEX_SCOPE_ALL)
    async with reading(stores.tools(), everything):
        await stores.indexed(anvil.chain, head.number)
    received = await mailbox.read()
    assert {item.kind for item in received} == {"advanced", "minted"}
    assert [t.contract for item in _of(received, "minted") for t in item.facts] == [collection]


async def test_raw_events_hold_every_log_once_however_often_it_is_read(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    creator = anvil.accounts[1]
    collection = await anvil.create(creator)
    await anvil.mint(collection, creator, 5)
    block = await anvil.mine()
    head = await anvil.bury()
    for finality in (200, 0):
        async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=finality)):
            await stores.indexed(anvil.chain, head.number)
        await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain)
    rows = await stores.raw_rows(anvil.chain)
    logs = {log.log_index: log for log in await anvil.pool.logs_by_hash(block.hash)}
    kept = {hex(row.log_index): row.as_log() for row in rows}
    assert len(kept) == len(rows)
    assert len([row for row in rows if row.address == collection]) == len(rows) - 1
    assert all(row.canonical and row.block_hash == block.hash for row in rows)
    assert {index: (log.data, log.topics, log.transaction_hash) for index, log in kept.items()} == {
        index: (logs[index].data, logs[index].topics, logs[index].transaction_hash) for index in kept
    }
    assert {(row.tx_hash, row.log_index) for row in rows} == {
        (tx, index) for _, _, _, tx, index, _ in fact_positions(await mailbox.read())
    }


@pytest.mark.parametrize("finality", [0, 200], ids=["history", "tip"])
async def test_each_kind_of_fact_reaches_its_work_queue(stores: Stores, anvil: Anvil, finality: int) -> None:
    creator, alice = anvil.accounts[1:3]
    collection = await anvil.create(creator)
    await anvil.mint(collection, alice, 2)
    await anvil.mine()
    await anvil.transfer(collection, alice, creator, 1)
    await anvil.approve_all(collection, alice, creator)
    await anvil.set_base_uri(collection, creator, "ipfs://x/")
    await anvil.mine()
    head = await anvil.bury()
    queues = {queue.name: queue for queue in topology.QUEUES}
    connection = await aio_pika.connect(stores.settings.amqp_url)
    async with connection:
        channel = await connection.channel()
        wanted = {
            "catalog.collections.created": "CollectionsCreated",
            "catalog.collections.configured": "CollectionsConfigured",
            "catalog.mints.created": "TokensMinted",
            "catalog.tokens.transferred": "TokensTransferred",
            "catalog.tokens.refreshed": "MetadataRefreshed",
            "wallets.tokens.approved": "ApprovalsChanged",
            "catalog.chains.changed": "ChainAdvanced",
        }
        opened: dict[str, Any] = {}
        for name in wanted:
            opened[name] = await channel.get_queue(queues[name].name, ensure=False)
            await opened[name].purge()
        async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=finality)):
            await stores.indexed(anvil.chain, head.number)
        for name, message in wanted.items():
            first = await opened[name].get(no_ack=True)
            assert first.type == f"mercato.events.v1.{message}"
            assert first.routing_key.endswith(f".eip155.{int(anvil.chain)}")


async def test_nothing_is_orphaned_without_a_fork(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> None:
    collection = await anvil.create(anvil.accounts[1])
    await anvil.mint(collection, anvil.accounts[1])
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=3)):
        for _ in range(8):
            head = await anvil.mine()
            await stores.indexed(anvil.chain, head.number, head.hash)
        recent = await stores.checkpoints.list_recent(anvil.chain)
    received = await mailbox.read()
    assert canonical_positions(received) == fact_positions(received)
    assert not _of(received, "reorged")
    assert sorted(recent) == [head.number - 3, head.number - 2, head.number - 1, head.number]


async def test_an_airdrop_burst_arrives_whole_and_in_messages_of_a_bounded_size(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    owner = anvil.accounts[1]
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        collection = await anvil.create(owner, standard=1155)
        await anvil.mine()
        for part in range(24):
            ids = range(part * 100, (part + 1) * 100)
            await anvil.airdrop_batch(collection, owner, anvil.accounts[2 + part % 3], ids, [1] * 100)
        head = await anvil.mine()
        await stores.indexed(anvil.chain, head.number, head.hash)
    await mailbox.read()
    told = [item for item in mailbox.received if item.kind == "minted"]
    facts = [fact for item in told for fact in item.facts]
    assert sorted(int(fact.token_id) for fact in facts) == list(range(2400))
    assert len({(fact.tx_hash, fact.log_index, fact.batch_index) for fact in facts}) == 2400
    assert max(len(item.facts) for item in told) <= MAX_FACTS
