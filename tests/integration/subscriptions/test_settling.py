"""Settling: a domain event carries its intent to INDEXED, once, in whatever order and number messages come."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from domain_events import collections_of, incoming, position, receipt_of, token_events, tokens_of
from intent_world import World
from redis.exceptions import RedisError

from mercato.intents.sightings import contract_errors
from mercato.intents.store import status_key
from mercato.kit import channels, grpc, read_versions, redis
from mercato.kit.errors import Poison, Unavailable
from mercato.kit.ids import Address, ChainId, IntentId, new_id
from mercato.kit.messages import Incoming
from mercato.kit.pushes import PushLog
from mercato.kit.read_versions import ReadVersions
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.services.subscriptions.consumers import Consumers
from mercato.services.subscriptions.rpc import CatalogClient, ChainsClient
from mercato.services.subscriptions.store import PushedBlocks
from mercato.services.subscriptions.usecases import Settle

ALL_STATES = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]


@pytest.fixture(scope="module")
async def settle(world: World) -> AsyncIterator[Settle]:
    async with grpc.connected(world.settings, "catalog", CatalogServiceStub) as catalog:
        chains = ChainsClient(world.directory, contract_errors())
        yield Settle(world.store(), chains, CatalogClient(catalog), now)


@pytest.fixture(scope="module")
def consumers(world: World, settle: Settle) -> Consumers:
    """The handlers with all they use, but for the broker."""
    return consumers_on(world, settle, world.redis, ReadVersions(world.redis))


def consumers_on(world: World, settle: Settle, client: redis.Redis, versions: ReadVersions) -> Consumers:
    """The handlers, whose pushes and read versions go to a Redis of their own."""
    pushes = PushLog(client, world.settings)
    return Consumers(world.database, world.store(), settle, pushes, versions, now, PushedBlocks(client))


def now() -> datetime:
    return datetime.now(UTC)


def states(intent: pb.Intent) -> list[str]:
    return [pb.IntentState.Name(step.state).removeprefix("INTENT_STATE_") for step in intent.timeline]


async def test_a_creation_nobody_tracked_is_indexed_by_its_predicted_address(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    async with world.listening_to_user(user) as listener:
        intent = await world.prepare_collection(user)
        tx_hash = await world.send(intent)
        (event,) = collections_of(world.chain_id, await receipt_of(world, tx_hash))
        assert event.contract == intent.contract
        await consumers.collection_upserted(incoming(event))
        assert await listener.states(5) == ALL_STATES
    done = await world.get(intent)
    assert (states(done), done.tx_hash) == (ALL_STATES, tx_hash)
    assert pb.Intent.FromString(await world.redis.get(status_key(id_of(intent)))) == done


async def test_a_batch_mint_is_indexed_by_its_first_event_with_all_token_ids(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    async with world.listening_to_user(user) as listener:
        intent = await world.prepare_mint(user, contract, 20)
        tx_hash = await world.send(intent)
        await world.track(intent, tx_hash)
        events = tokens_of(world.chain_id, await receipt_of(world, tx_hash))
        assert len(events) == 20
        await asyncio.gather(*(consumers.tokens_upserted(incoming(event)) for event in events))
        assert await listener.states(4) == ALL_STATES[:4]
        last = (await listener.next()).intent
        assert last.state == pb.INTENT_STATE_INDEXED
        assert list(last.token_ids) == [str(number) for number in range(1, 21)]
        assert await listener.nothing_more()
    assert await world.get(intent) == last


async def test_a_block_told_in_one_message_settles_every_mint_in_it_and_reaches_the_watchers_in_order(
    world: World, consumers: Consumers
) -> None:
    """Two transactions to the same account: what the first settles is no candidate for the second."""
    user = world.user()
    contract = await world.new_collection(user)
    first, second = await world.prepare_mint(user, contract, 2), await world.prepare_mint(user, contract, 3)
    hashes = [await world.send(first), await world.send(second)]
    for intent, tx_hash in zip((first, second), hashes, strict=True):
        await world.track(intent, tx_hash)
    events = [event for tx_hash in hashes for event in tokens_of(world.chain_id, await receipt_of(world, tx_hash))]
    message = incoming(token_events(*events))
    async with world.listening(channels.collection(world.chain_id, Address(contract))) as listener:
        for _ in range(2):
            await consumers.tokens_upserted(message)
        pushes = [await listener.next() for _ in events]
        assert await listener.nothing_more()
    assert [push.token_upserted for push in pushes] == events
    assert [push.id for push in pushes] == [event.id for event in message.message.events]
    done = [await world.get(intent) for intent in (first, second)]
    assert [intent.tx_hash for intent in done] == hashes
    assert [list(intent.token_ids) for intent in done] == [["1", "2"], ["3", "4", "5"]]
    assert [states(intent) for intent in done] == [ALL_STATES, ALL_STATES]


async def test_an_untracked_intent_is_settled_by_the_first_of_two_fitting_mints_in_one_message(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    hashes = [await world.send(intent), await world.send(intent)]
    events = [event for tx_hash in hashes for event in tokens_of(world.chain_id, await receipt_of(world, tx_hash))]
    assert len(events) == 2
    await consumers.tokens_upserted(incoming(token_events(*events)))
    done = await world.get(intent)
    assert (states(done), done.tx_hash, list(done.token_ids)) == (ALL_STATES, hashes[0], ["1"])


async def test_units_of_a_token_are_indexed_too(world: World, consumers: Consumers) -> None:
    user, friend = world.user(), world.user()
    contract = await world.new_collection(user, common_pb2.STANDARD_ERC1155)
    request = pb.PrepareMint1155Request(
        caller=user.caller(), chain_id=world.chain_id.caip2, contract=contract, recipient=friend.wallet,
        token_id=str(2**200), amount="9",
    )  # fmt: skip
    intent = (await world.orchestrator.PrepareMint1155(request)).intent
    (event,) = tokens_of(world.chain_id, await receipt_of(world, await world.send(intent)))
    await consumers.tokens_upserted(incoming(event))
    done = await world.get(intent)
    assert (states(done), list(done.token_ids)) == (ALL_STATES, [str(2**200)])


async def test_of_two_equal_untracked_mints_the_one_that_is_tracked_later_is_indexed(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    abandoned, meant = await world.prepare_mint(user, contract), await world.prepare_mint(user, contract)
    tx_hash = await world.send(meant)
    (event,) = tokens_of(world.chain_id, await receipt_of(world, tx_hash))
    await consumers.tokens_upserted(incoming(event))
    assert (await world.get(meant)).state == pb.INTENT_STATE_PREPARED
    assert states(await world.track(meant, tx_hash)) == ALL_STATES
    assert states(await world.get(abandoned)) == ["PREPARED"]


async def test_a_mint_from_before_the_intent_does_not_settle_it(world: World, consumers: Consumers) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    earlier = await world.send(await world.prepare_mint(user, contract))
    intent = await world.prepare_mint(user, contract)
    await world.database.pool.execute("DELETE FROM tx_intents WHERE user_id = $1 AND id <> $2", user.id, id_of(intent))
    (event,) = tokens_of(world.chain_id, await receipt_of(world, earlier))
    await consumers.tokens_upserted(incoming(event))
    assert states(await world.get(intent)) == ["PREPARED"]


async def test_a_mint_by_somebody_else_to_the_same_recipient_does_not_settle_it(
    world: World, consumers: Consumers
) -> None:
    user, giver = world.user(), world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    gift = await world.prepare_mint(giver, contract, recipient=user.wallet)
    (event,) = tokens_of(world.chain_id, await receipt_of(world, await world.send(gift)))
    await consumers.tokens_upserted(incoming(event))
    assert states(await world.get(intent)) == ["PREPARED"]
    assert states(await world.get(gift)) == ALL_STATES


async def test_a_false_claim_is_taken_back_when_its_transaction_shows_up(world: World, consumers: Consumers) -> None:
    user, giver = world.user(), world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    gift = await world.prepare_mint(giver, contract, recipient=user.wallet)
    tx_hash = await world.hash_of_sending(gift)
    assert (await world.track(intent, tx_hash)).state == pb.INTENT_STATE_SUBMITTED
    assert await world.send(gift) == tx_hash
    (event,) = tokens_of(world.chain_id, await receipt_of(world, tx_hash))
    await consumers.tokens_upserted(incoming(event))
    assert states(await world.get(intent)) == ["PREPARED", "SUBMITTED", "PREPARED"]
    assert states(await world.get(gift)) == ALL_STATES


async def test_an_event_without_an_intent_is_nothing_special(world: World, consumers: Consumers) -> None:
    contract, block = b"\x71" * 20, common_pb2.Block(number=1, hash=b"\x72" * 32)
    event = events_pb2.TokenUpserted(
        chain_id=world.chain_id.caip2, contract=contract, token_id="1", owner=b"\x73" * 20, amount="1",
        position=common_pb2.Position(block=block, tx_hash=b"\x74" * 32),
    )  # fmt: skip
    async with world.listening(channels.collection(world.chain_id, Address(contract))) as listener:
        message = incoming(event)
        await consumers.tokens_upserted(message)
        push = await listener.next()
        assert (push.id, push.token_upserted) == (message.message_id, event)


async def test_mints_told_only_by_their_collection_while_catching_up_are_indexed(
    world: World, consumers: Consumers
) -> None:
    user, other = world.user(), world.user()
    contract = await world.new_collection(user)
    tracked, untracked = await world.prepare_mint(user, contract, 2), await world.prepare_mint(other, contract)
    first, last = (
        await receipt_of(world, await world.send(tracked)),
        await receipt_of(world, await world.send(untracked)),
    )
    await world.track(tracked, first.tx_hash)
    for receipt in (first, last):
        world.catalog.movements += [
            catalog_pb2.TokenMovement(to=token.owner, position=token.position, **{"from": bytes(20)})
            for token in tokens_of(world.chain_id, receipt)
        ]
    event = events_pb2.CollectionUpserted(chain_id=world.chain_id.caip2, contract=contract, position=position(last))
    await consumers.collection_upserted(incoming(event))
    assert [states(await world.get(i)) for i in (tracked, untracked)] == [ALL_STATES, ALL_STATES]
    assert list((await world.get(tracked)).token_ids) == ["1", "2"]


async def test_a_creation_told_by_a_later_change_is_found_through_the_catalog(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    creation = await world.send(intent)
    world.catalog.tell(intent.contract, common_pb2.STANDARD_ERC721, creation)
    change = await receipt_of(world, await world.send_plain(user, user.wallet))
    event = events_pb2.CollectionUpserted(
        chain_id=world.chain_id.caip2, contract=intent.contract, position=position(change)
    )
    await consumers.collection_upserted(incoming(event))
    done = await world.get(intent)
    assert (states(done), done.tx_hash) == (ALL_STATES, creation)


async def test_an_event_before_enough_confirmations_waits_for_them(world: World, consumers: Consumers) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    async with world.confirmations(3):
        intent = await world.prepare_mint(user, contract)
        (event,) = tokens_of(world.chain_id, await receipt_of(world, await world.send(intent)))
        await consumers.tokens_upserted(incoming(event))
        assert states(await world.get(intent)) == ALL_STATES[:3]
        await world.mine(2)
        assert states(await world.reaching(intent, pb.INTENT_STATE_INDEXED)) == ALL_STATES


# ---- twice and shuffled --------------------------------------------------------------------------


async def everything(world: World) -> tuple[list[pb.Intent], list[Incoming]]:
    """Three intents, one of each kind, and every message that concerns them."""
    user = world.user()
    creation = await world.prepare_collection(user)
    created = await receipt_of(world, await world.send(creation))
    world.catalog.tell(creation.contract, common_pb2.STANDARD_ERC721, created.tx_hash)
    mint = await world.prepare_mint(user, creation.contract, 5)
    minted = await receipt_of(world, await world.send(mint))
    failing = await world.prepare_mint(user, creation.contract, 2)
    events = [*collections_of(world.chain_id, created), *tokens_of(world.chain_id, minted)]
    signed_in = events_pb2.UserLoggedIn(user_id=str(user.id), session_id="s", address=user.wallet)
    linked = events_pb2.WalletLinked(user_id=str(user.id), wallet_id="w", address=user.wallet)
    enriched = events_pb2.TokenEnriched(chain_id=world.chain_id.caip2, contract=creation.contract, token_id="1")
    moved = events_pb2.TokenTransferred(chain_id=world.chain_id.caip2, contract=creation.contract, token_id="1")
    return [creation, mint, failing], [incoming(m) for m in (*events, signed_in, linked, enriched, moved)]


def handler_for(consumers: Consumers, message: Incoming) -> Callable[[Incoming], Awaitable[None]]:
    if isinstance(message.message, events_pb2.TokenEvents):
        minted = message.message.events[0].WhichOneof("body") == "token_upserted"
        return consumers.tokens_upserted if minted else consumers.tokens_changed
    return {
        "CollectionUpserted": consumers.collection_upserted,
        "UserLoggedIn": consumers.user_logged_in,
        "WalletLinked": consumers.wallet_linked,
        "ChainReorged": consumers.chain_reorged,
    }[message.type.rpartition(".")[2]]


@pytest.mark.parametrize("seed", range(4))
async def test_messages_twice_and_shuffled_end_alike(world: World, consumers: Consumers, seed: int) -> None:
    intents, messages = await everything(world)
    shuffled = [*messages, *messages]
    random.Random(seed).shuffle(shuffled)
    half = len(shuffled) // 2
    for message in shuffled[:half]:
        await handler_for(consumers, message)(message)
    await asyncio.gather(*(handler_for(consumers, message)(message) for message in shuffled[half:]))
    creation, mint, waiting = [await world.get(intent) for intent in intents]
    assert [states(creation), states(mint), states(waiting)] == [ALL_STATES, ALL_STATES, ["PREPARED"]]
    assert list(mint.token_ids) == ["1", "2", "3", "4", "5"]
    ids = [message.message_id for message in messages]
    remembered = await world.database.pool.fetchval(
        "SELECT count(*) FROM processed_events WHERE event_id = ANY($1)", ids
    )
    assert remembered == len(messages)


async def test_a_message_handled_before_is_not_pushed_again(world: World, consumers: Consumers) -> None:
    user = world.user()
    message = incoming(events_pb2.WalletLinked(user_id=str(user.id), wallet_id="w", address=user.wallet))
    async with world.listening_to_user(user) as listener:
        for _ in range(3):
            await consumers.wallet_linked(message)
        push = await listener.next()
        assert (push.id, push.wallet_linked.wallet_id) == (message.message_id, "w")
        assert await listener.nothing_more()


async def test_a_message_that_could_not_be_pushed_is_tried_again(
    world: World, consumers: Consumers, settle: Settle
) -> None:
    user = world.user()
    message = incoming(events_pb2.WalletLinked(user_id=str(user.id), wallet_id="w", address=user.wallet))
    nobody = world.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"})
    async with redis.connected(nobody) as away, world.listening_to_user(user) as listener:
        cut_off = consumers_on(world, settle, away, ReadVersions(away))
        with pytest.raises(RedisError):
            await cut_off.wallet_linked(message)
        await consumers.wallet_linked(message)
        assert (await listener.next()).id == message.message_id


# ---- forks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        events_pb2.CollectionUpserted(position=common_pb2.Position(tx_hash=b"\x05" * 32)),
        events_pb2.TokenUpserted(token_id="1", owner=b"\x06" * 20, position=common_pb2.Position(tx_hash=b"\x05" * 32)),
        events_pb2.TokenTransferred(token_id="1"),
        events_pb2.TokenEnriched(token_id="1"),
    ],
)
async def test_read_versions_have_changed_before_a_push_arrives(world: World, settle: Settle, message: Any) -> None:
    contract = Address(os.urandom(20))
    event = type(message)()
    event.CopyFrom(message)
    event.chain_id, event.contract = world.chain_id.caip2, contract
    if "position" in event.DESCRIPTOR.fields_by_name:
        event.position.block.hash = os.urandom(32)
    names = read_versions.of_collection(world.chain_id, contract)
    before = await world.redis.mget(names)

    class Slow(ReadVersions):
        """Leaves a push that does not wait the time to arrive first."""

        async def change(self, names: Iterable[str]) -> None:
            await asyncio.sleep(0.2)
            await super().change(names)

    given = incoming(event)
    async with world.listening(channels.collection(world.chain_id, contract)) as listener:
        handle = handler_for(consumers_on(world, settle, world.redis, Slow(world.redis)), given)
        handling = asyncio.create_task(handle(given))
        assert (await listener.next()).id == given.message_id
        after = await world.redis.mget(names)
        await handling
    assert None not in after
    assert not set(before) & set(after)


async def test_read_versions_have_changed_before_an_intent_is_told_to_be_indexed(world: World, settle: Settle) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    (event,) = tokens_of(world.chain_id, await receipt_of(world, await world.send(intent)))
    seen: list[str] = []

    class Watching(ReadVersions):
        async def change(self, names: Iterable[str]) -> None:
            await super().change(names)
            seen.append(pb.IntentState.Name((await world.get(intent)).state))

    given = incoming(event)
    await handler_for(consumers_on(world, settle, world.redis, Watching(world.redis)), given)(given)
    assert (await world.get(intent)).state == pb.INTENT_STATE_INDEXED
    assert seen
    assert "INTENT_STATE_INDEXED" not in seen


def reorged(world: World, block_number: int, block_hash: bytes) -> Incoming:
    orphaned = [common_pb2.Block(number=block_number, hash=block_hash)]
    ancestor = common_pb2.Block(number=block_number - 1, hash=new_id().bytes * 2)
    return incoming(events_pb2.ChainReorged(chain_id=world.chain_id.caip2, orphaned=orphaned, common_ancestor=ancestor))


async def test_a_fork_takes_intents_back_and_tells_the_feed(world: World, consumers: Consumers) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    tx_hash = await world.send(intent)
    receipt = await receipt_of(world, tx_hash)
    (event,) = tokens_of(world.chain_id, receipt)
    await consumers.tokens_upserted(incoming(event))
    assert (await world.get(intent)).state == pb.INTENT_STATE_INDEXED

    await world.node.raw("anvil_reorg", 1, [])
    message = reorged(world, receipt.block_number, receipt.block_hash)
    async with world.listening(channels.FEED) as feed:
        for _ in range(2):
            await consumers.chain_reorged(message)
        push = await feed.next()
        assert (push.retracted.chain_id, push.retracted.from_block) == (world.chain_id.caip2, receipt.block_number)
        assert await feed.nothing_more()
    fallen = await world.get(intent)
    assert states(fallen) == [*ALL_STATES, "SUBMITTED"]
    assert (fallen.block_number, list(fallen.token_ids)) == (0, [])

    # A late event of the orphaned block is not believed.
    await world.database.pool.execute("DELETE FROM processed_events")
    with pytest.raises(Unavailable):
        await consumers.tokens_upserted(incoming(event))
    assert (await world.get(intent)).state == pb.INTENT_STATE_SUBMITTED

    # The same transaction mined again in another block completes it again.
    assert await world.send(intent) == tx_hash
    again = await receipt_of(world, tx_hash)
    assert again.block_hash != receipt.block_hash
    await consumers.tokens_upserted(incoming(tokens_of(world.chain_id, again)[0]))
    done = await world.get(intent)
    assert states(done)[-3:] == ["INCLUDED", "CONFIRMED", "INDEXED"]
    assert done.block_number == again.block_number


async def test_a_fork_is_told_to_followers_of_the_chains_collections_too(world: World, consumers: Consumers) -> None:
    log = PushLog(world.redis, world.settings)
    ours, elsewhere = Address(new_id().bytes + b"\0" * 4), Address(new_id().bytes + b"\1" * 4)
    followed, other = channels.collection(world.chain_id, ours), channels.collection(ChainId(424242), elsewhere)
    for channel in (followed, other):
        await log.push(str(new_id()), b"", [channel])
    message = reorged(world, 2**41, new_id().bytes * 2)
    async with world.listening(followed) as listener, world.listening(other) as stranger:
        for _ in range(2):
            await consumers.chain_reorged(message)
        push = await listener.next()
        assert (push.id, push.retracted.from_block) == (message.message_id, 2**41)
        assert await listener.nothing_more()
        assert await stranger.nothing_more()
    assert [p.body for p in await log.read_since(followed, 0, 10)] == [b"", push.SerializeToString()]


async def test_the_event_of_the_new_block_may_overtake_the_fork(world: World, consumers: Consumers) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    tx_hash = await world.send(intent)
    old = await receipt_of(world, tx_hash)
    await consumers.tokens_upserted(incoming(tokens_of(world.chain_id, old)[0]))
    await world.node.raw("anvil_reorg", 1, [])
    await world.mine(2)
    assert await world.send(intent) == tx_hash
    new = await receipt_of(world, tx_hash)
    await consumers.tokens_upserted(incoming(tokens_of(world.chain_id, new)[0]))
    await consumers.chain_reorged(reorged(world, old.block_number, old.block_hash))
    done = await world.get(intent)
    assert (done.state, done.block_number) == (pb.INTENT_STATE_INDEXED, new.block_number)


async def test_a_fork_and_an_event_at_once_leave_no_intent_in_the_orphaned_block(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    for _ in range(5):
        intent = await world.prepare_mint(user, contract)
        receipt = await receipt_of(world, await world.send(intent))
        (event,) = tokens_of(world.chain_id, receipt)
        await asyncio.gather(
            consumers.tokens_upserted(incoming(event)),
            consumers.chain_reorged(reorged(world, receipt.block_number, receipt.block_hash)),
        )
        # The chain itself did not fork, so the watcher may find the block canonical and restore it; never before.
        row = await world.database.pool.fetchrow(
            "SELECT block_hash = $2 AS stands, EXISTS (SELECT FROM orphaned_blocks WHERE block_hash = $2) AS orphaned "
            "FROM tx_intents WHERE id = $1",
            id_of(intent), receipt.block_hash,
        )  # fmt: skip
        assert row is not None
        assert bool(row["stands"]) is not row["orphaned"]


# ---- what cannot be handled ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        events_pb2.TokenUpserted(chain_id="mainnet", contract=bytes(20), owner=bytes(20)),
        events_pb2.TokenUpserted(chain_id="eip155:1", contract=b"\x01", owner=bytes(20)),
        events_pb2.TokenUpserted(chain_id="eip155:1", contract=bytes(20), owner=bytes(20)),
        events_pb2.CollectionUpserted(chain_id="eip155:1", contract=bytes(20)),
        events_pb2.UserLoggedIn(user_id="nobody"),
        events_pb2.WalletLinked(user_id=""),
        events_pb2.ChainReorged(chain_id=""),
        events_pb2.TokenTransferred(chain_id="eip155:1"),
    ],
)
async def test_a_message_that_means_nothing_is_poison(consumers: Consumers, message: Any) -> None:
    with pytest.raises(Poison):
        await handler_for(consumers, incoming(message))(incoming(message))


async def test_a_message_in_the_wrong_queue_is_poison(consumers: Consumers) -> None:
    with pytest.raises(Poison):
        await consumers.tokens_changed(incoming(events_pb2.UserLoggedIn(user_id=str(new_id()))))
    with pytest.raises(Poison):
        await consumers.tokens_upserted(incoming(events_pb2.TokenTransferred(chain_id="eip155:1", contract=bytes(20))))


async def test_a_node_that_does_not_know_the_transaction_yet_is_asked_again_later(
    world: World, consumers: Consumers
) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    event = events_pb2.TokenUpserted(
        chain_id=world.chain_id.caip2, contract=contract, token_id="1", owner=user.wallet, amount="1",
        position=common_pb2.Position(block=common_pb2.Block(number=1, hash=b"\x81" * 32), tx_hash=b"\x82" * 32),
    )  # fmt: skip
    with pytest.raises(Unavailable) as caught:
        await consumers.tokens_upserted(incoming(event))
    assert caught.value.reason == "NODE_UNSURE"
    assert states(await world.get(intent)) == ["PREPARED"]


def id_of(intent: pb.Intent) -> IntentId:
    return IntentId(UUID(intent.id))
