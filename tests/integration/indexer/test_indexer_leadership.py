"""One leader per chain among replicas, takeover, and a fence that holds against a leader that does not know it lost."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Stores,
    eventually,
    fact_positions,
    handle_of,
    new_chain,
    reading,
)

from mercato.services.indexer.model.chain import Advance, Block, LeadershipLost, RecentBlock, State
from mercato.services.indexer.store.leases import Leases


def _leases(stores: Stores) -> Leases:
    return Leases(stores.settings.database_url("indexer_db"))


async def _leader(stores: Stores, anvil: Anvil) -> str:
    name: str = await stores.database.pool.fetchval(
        "SELECT leader FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain
    )
    return name


async def test_a_lease_is_held_by_one_and_free_after_release_or_death(stores: Stores) -> None:
    chain, other_chain = new_chain(), new_chain()
    first, second = _leases(stores), _leases(stores)
    assert await first.try_acquire(chain)
    assert await first.try_acquire(chain)
    assert not await second.try_acquire(chain)
    assert await second.try_acquire(other_chain)
    await first.release(chain)
    assert not await first.check(chain)
    assert await second.try_acquire(chain)
    await second.close()  # as a death does, the end of the session frees both
    assert await first.try_acquire(chain)
    assert await first.try_acquire(other_chain)
    await first.close()


async def test_fifty_attempts_in_parallel_make_one_leader(stores: Stores) -> None:
    chain = new_chain()
    replicas = [_leases(stores) for _ in range(10)]
    won = await asyncio.gather(*(replica.try_acquire(chain) for replica in replicas for _ in range(5)))
    assert sum(won) == 5
    assert len({index // 5 for index, leads in enumerate(won) if leads}) == 1
    await asyncio.gather(*(replica.close() for replica in replicas))


async def test_every_write_of_a_leader_that_was_replaced_is_refused(stores: Stores) -> None:
    chain = new_chain()
    old = await stores.checkpoints.take(chain, 0, "old")
    new = await stores.checkpoints.take(chain, 0, "new")
    block = Block(0, b"\1" * 32, 1)
    known = RecentBlock(block, bytes(32))
    step = Advance(old.moved(0, block, -1), 0, State.FOLLOWING, 1, -1)
    for write in (
        stores.checkpoints.announce(old, [known]),
        stores.checkpoints.advance(old, step),
        stores.checkpoints.report(old, 1, State.FOLLOWING, ""),
        stores.checkpoints.readopt(old, [known]),
    ):
        with pytest.raises(LeadershipLost):
            await write
    assert await stores.checkpoints.list_recent(chain) == {}
    assert await stores.checkpoints.get(chain, new.epoch) == new
    await stores.checkpoints.announce(new, [known])
    assert await stores.checkpoints.list_recent(chain) == {0: known}


async def test_two_replicas_never_both_advance(stores: Stores) -> None:
    """Both write under their own epoch in parallel; the older one never gets through again."""
    chain = new_chain()
    old = await stores.checkpoints.take(chain, 0, "old")

    async def advance_all() -> int:
        done, at = 0, old
        for number in range(30):
            after = at.moved(number, Block(number, bytes([number]) * 32, 1), -1)
            try:
                await stores.checkpoints.advance(at, Advance(after, number, State.FOLLOWING, 1, -1))
            except LeadershipLost:
                return done
            done, at = done + 1, after
        return done

    running = asyncio.create_task(advance_all())
    await asyncio.sleep(0.02)
    new = await stores.checkpoints.take(chain, 0, "new")
    done = await running
    assert new.number == done - 1
    assert (await stores.checkpoints.get(chain, new.epoch)).number == new.number


async def test_another_replica_takes_over_when_the_leader_dies(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> None:
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    first, second = stores.tools("first"), stores.tools("second")
    assert isinstance(first.leases, Leases)
    async with reading(first, handle):
        await stores.indexed(anvil.chain, 1)
        async with reading(second, handle):
            await asyncio.sleep(0.6)
            assert await _leader(stores, anvil) == "first"
            # The first one's session ends, as it does with its process; its reader still runs.
            await stores.database.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1",
                int(anvil.chain),
            )

            async def taken_over() -> bool | None:
                return True if await _leader(stores, anvil) == "second" else None

            await eventually(taken_over, patience=5)
            collection = await anvil.create(anvil.accounts[1])
            await anvil.mint(collection, anvil.accounts[1], 2)
            head = await anvil.mine()
            await stores.indexed(anvil.chain, head.number)
    received = await mailbox.read()
    minted = [fact for item in received if item.kind == "minted" for fact in item.facts]
    assert len(minted) == 2
    assert len({item.id for item in received}) == len([i for i in received if i.kind != "advanced"]) + len(
        {item.id for item in received if item.kind == "advanced"}
    )
    assert len([p for p in fact_positions(received) if p[0] == "minted"]) == 2
