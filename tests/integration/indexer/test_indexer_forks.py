"""Forks of a real node: what was published of a lost branch is retracted, and the end equals a clean index."""

from __future__ import annotations

import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Stores,
    canonical_positions,
    eventually,
    fact_positions,
    handle_of,
    reading,
)

from mercato.services.indexer.model.chain import State


async def _grow(anvil: Anvil, blocks: int, salt: int) -> None:
    """A block with a new collection and one mint of it, then one mint in each further block."""
    creator = anvil.accounts[1]
    collection = await anvil.create(creator, salt=salt)
    for _ in range(blocks):
        await anvil.mint(collection, creator)
        await anvil.mine()


async def _clean(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> set[tuple[str, int, bytes, bytes, int, int]]:
    await mailbox.read()
    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain)
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    return fact_positions(await mailbox.read())


@pytest.mark.parametrize("depth", [1, 5])
async def test_a_fork_is_followed_while_reading(stores: Stores, anvil: Anvil, mailbox: Mailbox, depth: int) -> None:
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await _grow(anvil, 3, salt=1)
        ancestor = await anvil.mine(3)
        await stores.indexed(anvil.chain, ancestor.number)
        await _grow(anvil, depth, salt=2)
        lost = await anvil.head()
        await stores.indexed(anvil.chain, lost.number, lost.hash)
        orphaned = [h.hash for h in await anvil.pool.headers(range(ancestor.number + 1, lost.number + 1)) if h]
        won = await anvil.reorg(depth)
        await stores.indexed(anvil.chain, won.number, won.hash)
        await _grow(anvil, 1, salt=3)
        head = await anvil.head()
        await stores.indexed(anvil.chain, head.number, head.hash)
    await mailbox.read()
    (reorg,) = [item.message for item in mailbox.received if item.kind == "reorged"]
    assert [block.hash for block in reorg.orphaned] == orphaned
    assert (reorg.common_ancestor.number, reorg.common_ancestor.hash) == (ancestor.number, ancestor.hash)
    facts = canonical_positions(mailbox.received)
    assert {block for _, _, block, _, _, _ in fact_positions(mailbox.received)} & set(orphaned)
    rows = await stores.raw_rows(anvil.chain)
    assert {row.block_hash for row in rows if not row.canonical} <= set(orphaned)
    assert {(r.tx_hash, r.log_index) for r in rows if r.canonical} == {(tx, i) for _, _, _, tx, i, _ in facts}
    assert set(await stores.checkpoints.list_orphans(anvil.chain, 0)) == set(orphaned)
    assert facts == await _clean(stores, anvil, mailbox)


async def test_the_next_leader_waits_for_the_fork_that_its_predecessor_told(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    async with reading(stores.tools(), handle):
        await _grow(anvil, 2, salt=1)
        await stores.indexed(anvil.chain, (await anvil.head()).number)
        won = await anvil.reorg(1)
        await stores.indexed(anvil.chain, won.number, won.hash)
    (told,) = [item for item in await mailbox.read() if item.kind == "reorged"]
    async with reading(stores.tools("next"), handle):
        await anvil.mine()
        head = await anvil.head()
        await stores.indexed(anvil.chain, head.number, head.hash)
    (said,) = [item.message for item in await mailbox.read() if item.kind == "advanced"]
    assert told.id in said.after


async def test_a_fork_while_the_indexer_is_down_is_found_at_start(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    async with reading(stores.tools(), handle):
        await _grow(anvil, 6, salt=1)
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    await anvil.reorg(4)
    await _grow(anvil, 3, salt=2)
    head = await anvil.head()
    async with reading(stores.tools(), handle):
        await stores.indexed(anvil.chain, head.number, head.hash)
    await mailbox.read()
    assert [len(item.message.orphaned) for item in mailbox.received if item.kind == "reorged"] == [4]
    assert canonical_positions(mailbox.received) == await _clean(stores, anvil, mailbox)


async def test_a_fork_with_a_lower_head_is_followed_and_a_shorter_chain_alone_is_not(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await _grow(anvil, 3, salt=1)
        snapshot = await anvil.rpc("evm_snapshot")
        await _grow(anvil, 4, salt=2)
        top = await anvil.head()
        await stores.indexed(anvil.chain, top.number, top.hash)
        assert await anvil.rpc("evm_revert", snapshot)

        async def lagging() -> str | None:
            progress = await stores.progress(anvil.chain)
            return progress.reason if progress and "behind" in progress.reason else None

        assert await eventually(lagging) == "the node is 4 blocks behind what was read from it before"
        assert (await stores.indexed(anvil.chain, top.number)).indexed_hash == top.hash
        await anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(7))
        lower = await anvil.mine()
        assert lower.number == top.number - 3
        await stores.indexed(anvil.chain, lower.number, lower.hash)
    await mailbox.read()
    assert [len(item.message.orphaned) for item in mailbox.received if item.kind == "reorged"] == [4]
    assert canonical_positions(mailbox.received) == await _clean(stores, anvil, mailbox)


@pytest.mark.parametrize(("depth", "followed"), [(3, True), (4, False)])
async def test_a_fork_is_followed_down_to_finality_and_a_deeper_one_stops_the_chain(
    stores: Stores, anvil: Anvil, mailbox: Mailbox, depth: int, followed: bool
) -> None:
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory, finality=3)
    async with reading(stores.tools(), handle):
        await _grow(anvil, 8, salt=1)
        top = await anvil.head()
        before = await stores.indexed(anvil.chain, top.number, top.hash)
        rows = await stores.raw_rows(anvil.chain)
        recent = await stores.checkpoints.list_recent(anvil.chain)
        won = await anvil.reorg(depth)
        if followed:
            await stores.indexed(anvil.chain, won.number, won.hash)
            return

        async def halted() -> bool | None:
            progress = await stores.progress(anvil.chain)
            return True if progress and progress.state is State.HALTED else None

        await eventually(halted)
        after = await stores.progress(anvil.chain)
    assert after is not None
    assert "FORK_TOO_DEEP" in after.reason
    assert (after.indexed, after.indexed_hash) == (before.indexed, before.indexed_hash)
    assert await stores.raw_rows(anvil.chain) == rows
    assert await stores.checkpoints.list_recent(anvil.chain) == recent
    await mailbox.read()
    assert not [item for item in mailbox.received if item.kind == "reorged"]


async def test_the_same_transaction_mined_again_is_one_canonical_event_and_two_raw_rows(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    creator = anvil.accounts[1]
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        collection = await anvil.create(creator)
        await anvil.mine()
        tx_hash = await anvil.mint(collection, creator)
        lost = await anvil.mine()
        await stores.indexed(anvil.chain, lost.number, lost.hash)
        raw = await anvil.rpc("eth_getRawTransactionByHash", "0x" + tx_hash.hex())
        await anvil.reorg(1, [(raw, 0)])
        won = await anvil.head()
        await stores.indexed(anvil.chain, won.number, won.hash)
    rows = [row for row in await stores.raw_rows(anvil.chain) if row.tx_hash == tx_hash]
    assert {(row.block_hash, row.canonical) for row in rows} == {(lost.hash, False), (won.hash, True)}
    canonical = [(row.tx_hash, row.log_index) for row in rows if row.canonical]
    assert len(canonical) == len(set(canonical)) == len(rows) / 2
    await mailbox.read()
    minted = {p for p in canonical_positions(mailbox.received) if p[0] == "minted"}
    assert [(block, tx) for _, _, block, tx, _, _ in minted] == [(won.hash, tx_hash)]


async def test_the_same_transaction_mined_again_behind_another_one_has_another_log_index(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    creator, other = anvil.accounts[1], anvil.accounts[2]
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    async with reading(stores.tools(), handle):
        collection = await anvil.create(creator)
        await anvil.mine()
        tx_hash = await anvil.mint(collection, creator)
        lost = await anvil.mine()
        await stores.indexed(anvil.chain, lost.number, lost.hash)
        again = await anvil.rpc("eth_getRawTransactionByHash", "0x" + tx_hash.hex())
        snapshot = await anvil.rpc("evm_snapshot")
        first_hash = await anvil.mint(collection, other)
        await anvil.mine()
        first = await anvil.rpc("eth_getRawTransactionByHash", "0x" + first_hash.hex())
        await anvil.rpc("evm_revert", snapshot)
        await anvil.reorg(1, [(first, 0), (again, 0)])
        won = await anvil.head()
        await stores.indexed(anvil.chain, won.number, won.hash)
    await mailbox.read()
    minted = {p for p in canonical_positions(mailbox.received) if p[0] == "minted"}
    (before,) = {p[4] for p in fact_positions(mailbox.received) if p[0] == "minted" and p[2] == lost.hash}
    (now,) = {p[4] for p in minted if p[3] == tx_hash}
    assert now > before
    assert {(p[2], p[3]) for p in minted} == {(won.hash, first_hash), (won.hash, tx_hash)}
    rows = [row for row in await stores.raw_rows(anvil.chain) if row.tx_hash == tx_hash]
    assert {(row.block_hash, row.canonical) for row in rows} == {(lost.hash, False), (won.hash, True)}
    assert canonical_positions(mailbox.received) == await _clean(stores, anvil, mailbox)


async def test_two_forks_in_a_row_leave_nothing_of_either_lost_branch(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await _grow(anvil, 6, salt=1)
        lost = await anvil.head()
        await stores.indexed(anvil.chain, lost.number, lost.hash)
        for depth, salt in ((2, 2), (4, 3)):
            await anvil.reorg(depth)
            await _grow(anvil, 2, salt=salt)
            head = await anvil.head()
            await stores.indexed(anvil.chain, head.number, head.hash)
    await mailbox.read()
    reorgs = [item.message for item in mailbox.received if item.kind == "reorged"]
    assert [reorg.generation for reorg in reorgs] == [1, 2]
    orphaned = {block.hash for reorg in reorgs for block in reorg.orphaned}
    canonical = {h.hash for h in await anvil.pool.headers(range(head.number + 1)) if h}
    assert not orphaned & canonical
    assert {row.block_hash for row in await stores.raw_rows(anvil.chain) if row.canonical} <= canonical
    assert canonical_positions(mailbox.received) == await _clean(stores, anvil, mailbox)
