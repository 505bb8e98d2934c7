"""Track and watch: a reported hash is a claim, and every end of a transaction is found without the client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from intent_world import World

from mercato.intents.facts import Claimed, Confirmed, Fact, Indexed, IntentState, Mined
from mercato.intents.store import IntentStore, status_key
from mercato.kit import channels, redis
from mercato.kit.errors import Conflict, FailedPrecondition, InvalidArgument, MercatoError, NotFound
from mercato.kit.ids import IntentId, new_id
from mercato.kit.pushes import PushLog
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.services.orchestrator.jobs import Housekeeper


async def reason_of(call: Any, kind: type[MercatoError]) -> str:
    with pytest.raises(kind) as caught:
        await call
    return caught.value.reason


def states(intent: pb.Intent) -> list[str]:
    return [pb.IntentState.Name(step.state).removeprefix("INTENT_STATE_") for step in intent.timeline]


# ---- claims --------------------------------------------------------------------------------------


async def test_a_tracked_collection_is_confirmed_and_every_step_pushed_in_order(world: World) -> None:
    user = world.user()
    async with world.listening_to_user(user) as listener:
        intent = await world.prepare_collection(user)
        async with world.listening(channels.intent(id_of(intent))) as own:
            tx_hash = await world.send(intent)
            tracked = await world.track(intent, tx_hash)
            assert states(tracked) == ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"]
            assert tracked.tx_hash == tx_hash
            assert await listener.states(4) == ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"]
            assert await own.states(3) == ["SUBMITTED", "INCLUDED", "CONFIRMED"]
            assert await listener.nothing_more()
    status = pb.Intent.FromString(await world.redis.get(status_key(id_of(intent))))
    assert status == await world.get(intent)


async def test_a_hash_the_node_learns_later_is_verified_by_the_watcher(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    async with world.holding_blocks():
        tx_hash = await world.send(intent)
        tracked = await world.track(intent, tx_hash)
        assert states(tracked) == ["PREPARED", "SUBMITTED"]
        await world.mine()
        done = await world.reaching(intent, pb.INTENT_STATE_CONFIRMED)
    assert states(done) == ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"]
    receipt = await world.node.find_receipt(tx_hash)
    assert receipt is not None
    assert done.block_number == receipt.block_number


async def test_tracking_twice_changes_nothing(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    tx_hash = await world.send(intent)
    assert await world.track(intent, tx_hash) == await world.track(intent, tx_hash)


async def test_parallel_track_calls_leave_one_timeline(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    tx_hash = await world.send(intent)
    await asyncio.gather(*(world.track(intent, tx_hash) for _ in range(20)))
    assert states(await world.get(intent)) == ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"]


async def test_bad_claims_are_refused_with_the_reason(world: World) -> None:
    user, stranger = world.user(), world.user()
    intent = await world.prepare_collection(user)
    other = await world.prepare_collection(stranger)
    foreign = pb.TrackTxRequest(user_id=str(stranger.id), intent_id=intent.id, tx_hash=bytes(32))
    assert await reason_of(world.orchestrator.TrackCollectionTx(foreign), NotFound) == "INTENT_NOT_FOUND"
    unknown = pb.TrackTxRequest(user_id=str(user.id), intent_id=str(new_id()), tx_hash=bytes(32))
    assert await reason_of(world.orchestrator.TrackCollectionTx(unknown), NotFound) == "INTENT_NOT_FOUND"
    kind = pb.TrackTxRequest(user_id=str(user.id), intent_id=intent.id, tx_hash=bytes(32))
    assert await reason_of(world.orchestrator.TrackMintTx(kind), FailedPrecondition) == "WRONG_INTENT_KIND"
    assert await reason_of(world.track(intent, b"short"), InvalidArgument) == "INVALID_HASH"
    theirs = await world.send(other)
    with pytest.raises(InvalidArgument) as caught:
        await world.track(intent, theirs)
    assert caught.value.reason == "TX_MISMATCH"
    assert "its sender and calldata differ" in caught.value.message
    assert await world.get(intent) == intent


async def test_a_false_claim_made_before_the_node_knew_better_is_taken_back(world: World) -> None:
    user, stranger = world.user(), world.user()
    intent, other = await world.prepare_collection(user), await world.prepare_collection(stranger)
    theirs = await world.hash_of_sending(other)
    claimed = await world.track(intent, theirs)
    assert states(claimed) == ["PREPARED", "SUBMITTED"]
    assert await world.send(other) == theirs
    back = await world.reaching(intent, pb.INTENT_STATE_PREPARED)
    assert states(back) == ["PREPARED", "SUBMITTED", "PREPARED"]
    assert back.tx_hash == b""
    assert "was refused: its sender and calldata differ" in back.timeline[-1].note
    assert (await world.track(other, theirs)).state == pb.INTENT_STATE_CONFIRMED


async def test_one_transaction_carries_out_one_intent(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    first, second = await world.prepare_mint(user, contract), await world.prepare_mint(user, contract)
    tx_hash = await world.send(first)
    await world.track(first, tx_hash)
    assert await reason_of(world.track(second, tx_hash), Conflict) == "TX_ALREADY_TRACKED"
    assert (await world.get(second)).state == pb.INTENT_STATE_PREPARED


async def test_of_two_claims_at_once_one_wins(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intents = [await world.prepare_mint(user, contract) for _ in range(5)]
    tx_hash = await world.send(intents[0])
    outcomes = await asyncio.gather(*(world.track(i, tx_hash) for i in intents), return_exceptions=True)
    refused = [o for o in outcomes if isinstance(o, Conflict)]
    assert len(refused) == 4
    assert {o.reason for o in refused} == {"TX_ALREADY_TRACKED"}
    final = [(await world.get(i)).state for i in intents]
    assert sorted(final) == [pb.INTENT_STATE_PREPARED] * 4 + [pb.INTENT_STATE_CONFIRMED]


async def test_a_mined_intent_takes_no_other_hash(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    await world.track(intent, await world.send(intent))
    again = await world.send(intent)
    assert await reason_of(world.track(intent, again), FailedPrecondition) == "INTENT_ALREADY_MINED"


async def test_an_intent_follows_a_limited_number_of_hashes(world: World) -> None:
    intent = await world.prepare_collection(world.user())
    for number in range(10):
        await world.track(intent, number.to_bytes(32, "big"))
    assert await reason_of(world.track(intent, b"\xff" * 32), FailedPrecondition) == "TOO_MANY_TRANSACTIONS"


# ---- ends ----------------------------------------------------------------------------------------


async def test_a_reverted_mint_ends_failed_with_the_contracts_reason(world: World) -> None:
    user, rival = world.user(), world.user()
    contract = await world.new_collection(user, mint_config=common_pb2.MintConfig(max_supply="2"))
    intent, winner = await world.prepare_mint(user, contract, 2), await world.prepare_mint(rival, contract)
    await world.send(winner)
    tx_hash = await world.send(intent)
    failed = await world.track(intent, tx_hash)
    assert states(failed) == ["PREPARED", "SUBMITTED", "FAILED"]
    assert (failed.failure_reason, failed.failure_message) == ("REVERTED", "SoldOut(maxSupply=2, requested=2)")


async def test_a_mint_beaten_in_its_own_block_shows_the_reason_too(world: World) -> None:
    user, rival = world.user(), world.user()
    contract = await world.new_collection(user, mint_config=common_pb2.MintConfig(max_supply="2"))
    intent, winner = await world.prepare_mint(user, contract, 2), await world.prepare_mint(rival, contract)
    async with world.holding_blocks():
        await world.send(winner, maxPriorityFeePerGas=hex(2 * 10**9), maxFeePerGas=hex(10**11))
        tx_hash = await world.send(intent)
        await world.track(intent, tx_hash)
        await world.mine()
        failed = await world.reaching(intent, pb.INTENT_STATE_FAILED)
    assert failed.failure_message == "SoldOut(maxSupply=2, requested=2)"


async def test_a_transaction_out_of_gas_says_so(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    failed = await world.track(intent, await world.send(intent, gas=hex(40_000)))
    assert (failed.failure_reason, failed.failure_message) == ("REVERTED", "out of gas")


async def test_a_sped_up_transaction_completes_under_its_new_hash(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    async with world.holding_blocks():
        nonce = hex(await world.node.transaction_count(user.wallet))
        slow = await world.send(intent, nonce=nonce)
        await world.track(intent, slow)
        fast = await world.send(intent, nonce=nonce, maxFeePerGas=hex(10**11), maxPriorityFeePerGas=hex(5 * 10**9))
        await world.mine(3)
        done = await world.reaching(intent, pb.INTENT_STATE_CONFIRMED)
    assert (done.tx_hash, fast == slow) == (fast, False)
    assert states(done) == ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED"]


async def test_a_nonce_used_for_something_else_ends_replaced(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user)
    intent = await world.prepare_mint(user, contract)
    async with world.holding_blocks():
        nonce = hex(await world.node.transaction_count(user.wallet))
        await world.track(intent, await world.send(intent, nonce=nonce))
        await world.send_plain(
            user, user.wallet, nonce=nonce, maxFeePerGas=hex(10**11), maxPriorityFeePerGas=hex(5 * 10**9)
        )
        await world.mine()
        replaced = await world.reaching(intent, pb.INTENT_STATE_REPLACED)
    assert replaced.failure_reason == "REPLACED"
    assert states(replaced) == ["PREPARED", "SUBMITTED", "REPLACED"]


async def test_a_hash_no_node_knows_for_long_ends_dropped_and_the_real_one_still_completes(world: World) -> None:
    intent = await world.prepare_collection(world.user())
    await world.track(intent, b"\xab" * 32)
    dropped = await world.reaching(intent, pb.INTENT_STATE_DROPPED)
    assert dropped.failure_reason == "DROPPED"
    done = await world.track(intent, await world.send(intent))
    assert states(done) == ["PREPARED", "SUBMITTED", "DROPPED", "SUBMITTED", "INCLUDED", "CONFIRMED"]


async def test_an_intent_nobody_sends_expires(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    later = datetime.now(UTC) + timedelta(seconds=world.settings.intent_ttl + 1)
    async with world.listening_to_user(user) as listener:
        await Housekeeper(world.store(lambda: later), lambda: later).expire_once()
        assert await listener.states(1) == ["EXPIRED"]
    expired = await world.get(intent)
    assert (expired.state, expired.failure_reason) == (pb.INTENT_STATE_EXPIRED, "EXPIRED")


# ---- forks and depth -----------------------------------------------------------------------------


async def test_a_fork_takes_an_intent_back_and_it_completes_again(world: World) -> None:
    intent = await world.prepare_collection(world.user())
    tx_hash = await world.send(intent)
    before = await world.track(intent, tx_hash)
    await world.node.raw("anvil_reorg", 1, [])
    await world.reaching(intent, pb.INTENT_STATE_SUBMITTED)
    assert await world.node.find_receipt(tx_hash) is None
    resent = await world.send(intent)
    await world.mine()
    done = await world.reaching(intent, pb.INTENT_STATE_CONFIRMED)
    assert resent == tx_hash
    assert states(done) == [
        "PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "SUBMITTED", "INCLUDED", "CONFIRMED",
    ]  # fmt: skip
    assert done.version > before.version


async def test_facts_of_a_block_that_was_orphaned_before_count_for_nothing(world: World) -> None:
    intent = await world.prepare_collection(world.user())
    stored, store = await world.stored(intent), world.store()
    tx_hash, orphan = b"\x51" * 32, b"\x52" * 32
    async with world.database.transaction() as transaction:
        assert await store.orphan_within(transaction, world.chain_id, [(orphan, 7)]) == []
    facts = [Claimed(tx_hash, datetime.now(UTC)), Indexed(tx_hash, 7, orphan), Confirmed(orphan)]
    assert (await store.learn(stored, facts)).state is IntentState.SUBMITTED
    await store.restore(world.chain_id, orphan, 7)
    assert (await world.stored(intent)).standing.block_hash == orphan


async def test_a_fork_and_a_fact_of_its_block_at_once_never_leave_the_intent_in_it(world: World) -> None:
    store = world.store()
    for number in range(10):
        intent = await world.prepare_collection(world.user())
        stored = await world.stored(intent)
        tx_hash, orphan = new_id().bytes * 2, new_id().bytes * 2

        async def fork(block: bytes = orphan, height: int = 2**40 + number) -> None:
            async with world.database.transaction() as transaction:
                await store.orphan_within(transaction, world.chain_id, [(block, height)])

        claim, mined = Claimed(tx_hash, datetime.now(UTC)), Mined(tx_hash, 2**40 + number, orphan)
        await asyncio.gather(store.learn(stored, [claim, mined]), fork())
        assert (await world.stored(intent)).state is IntentState.SUBMITTED


async def test_confirmed_waits_for_the_depth_of_the_policy(world: World) -> None:
    async with world.confirmations(3):
        intent = await world.prepare_collection(world.user())
        tracked = await world.track(intent, await world.send(intent))
        assert states(tracked) == ["PREPARED", "SUBMITTED", "INCLUDED"]
        await world.mine()
        await asyncio.sleep(0.4)
        assert (await world.get(intent)).state == pb.INTENT_STATE_INCLUDED
        await world.mine()
        await world.reaching(intent, pb.INTENT_STATE_CONFIRMED)


# ---- pushes --------------------------------------------------------------------------------------


async def test_what_a_crash_left_unpushed_is_pushed_in_order(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    stored, facts = await world.stored(intent), await facts_of_sending(world, intent)
    async with world.listening_to_user(user) as listener:
        # The commit without the push: what a kill between the two leaves.
        async with world.database.transaction() as transaction:
            await world.store().learn_within(transaction, stored, facts)
        assert await listener.states(3) == ["SUBMITTED", "INCLUDED", "CONFIRMED"]
        assert await listener.nothing_more()


async def test_many_pushers_at_once_push_each_version_once_and_in_order(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    stored, facts = await world.stored(intent), await facts_of_sending(world, intent)
    async with world.listening_to_user(user) as listener:
        store = world.store()
        async with world.database.transaction() as transaction:
            await store.learn_within(transaction, stored, facts)
        pushed = await asyncio.gather(*(store.push(stored.id) for _ in range(20)))
        assert sum(pushed) in (0, 3)  # 0: the housekeeper was faster
        assert await listener.states(3) == ["SUBMITTED", "INCLUDED", "CONFIRMED"]
        assert await listener.nothing_more()


async def test_parallel_facts_are_pushed_in_the_order_of_their_steps(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    stored, facts = await world.stored(intent), await facts_of_sending(world, intent)
    async with world.listening_to_user(user) as listener:
        await asyncio.gather(*(world.store().learn(stored, [fact]) for fact in [*facts, *facts, *facts]))
        assert await listener.states(3) == ["SUBMITTED", "INCLUDED", "CONFIRMED"]
        assert await listener.nothing_more()


async def test_without_redis_a_change_is_kept_and_pushed_later(world: World) -> None:
    user = world.user()
    intent = await world.prepare_collection(user)
    stored, facts = await world.stored(intent), await facts_of_sending(world, intent)
    nobody = world.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"})
    async with redis.connected(nobody) as away, world.listening_to_user(user) as listener:
        log = PushLog(away, nobody)
        changed = await IntentStore(world.database, away, log, lambda: datetime.now(UTC)).learn(stored, facts)
        assert changed.state is IntentState.CONFIRMED
        assert await listener.states(3) == ["SUBMITTED", "INCLUDED", "CONFIRMED"]
        assert await listener.nothing_more()


def id_of(intent: pb.Intent) -> IntentId:
    return IntentId(UUID(intent.id))


async def facts_of_sending(world: World, intent: pb.Intent) -> list[Fact]:
    tx_hash = await world.send(intent)
    receipt = await world.node.find_receipt(tx_hash)
    assert receipt is not None
    return [
        Claimed(tx_hash, datetime.now(UTC)),
        Mined(tx_hash, receipt.block_number, receipt.block_hash),
        Confirmed(receipt.block_hash),
    ]
