"""A reader that dies between any two steps repeats work and never skips it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_faults import Crash, FailsOnce
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Stores,
    canonical_positions,
    close,
    fact_positions,
    handle_of,
    reading,
)

from mercato.kit.errors import Unavailable
from mercato.services.indexer.jobs import ChainReader, Tools

TIP_STEPS = [
    ("checkpoints", "announce"), ("raw", "add"), ("publisher", "publish_all"), ("checkpoints", "advance"),
]  # fmt: skip
FORK_STEPS = [
    ("checkpoints", "retract"), ("raw", "orphan"), ("publisher", "publish_all"), ("checkpoints", "mark_published"),
    ("checkpoints", "list_recent"),
]  # fmt: skip


def _faulty(tools: Tools, part: str, method: str, moment: str, nth: int, failure: Exception | None = None) -> Tools:
    fault = FailsOnce(getattr(tools, part), method, moment, nth, failure)
    parts: dict[str, Any] = {"checkpoints": tools.checkpoints, "raw": tools.raw, "publisher": tools.publisher}
    return Tools(
        **(parts | {part: fault}), leases=tools.leases, leader=tools.leader, poll_interval=tools.poll_interval,
        log_range=tools.log_range, log=tools.log,
    )  # fmt: skip


async def _run_until_crash(tools: Tools, anvil: Anvil, finality: int) -> None:
    with pytest.raises(Crash):
        await ChainReader(tools, handle_of(anvil.chain, anvil.pool, anvil.factory, finality=finality)).run()
    await close(tools.leases)


async def _busy_chain(anvil: Anvil) -> None:
    """Four blocks with facts of several kinds."""
    creator, alice = anvil.accounts[1:3]
    collection = await anvil.create(creator)
    await anvil.mint(collection, alice, 2)
    await anvil.mine()
    for token in (1, 2):
        await anvil.transfer(collection, alice, creator, token)
        await anvil.mint(collection, alice)
        await anvil.mine()
    await anvil.approve_all(collection, alice, creator)
    await anvil.mine()


async def _clean_index(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> set[Any]:
    """The facts of a reader that starts from nothing and is left in peace."""
    await mailbox.read()
    await stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain)
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory)):
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    return fact_positions(await mailbox.read())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("part", "method"), TIP_STEPS)
@pytest.mark.parametrize("finality", [200, 0], ids=["tip", "history"])
async def test_a_crash_between_any_two_steps_loses_nothing(
    stores: Stores, anvil: Anvil, mailbox: Mailbox, part: str, method: str, moment: str, finality: int
) -> None:
    if (finality, method) == (0, "announce"):
        method = "list_recent"  # history announces nothing
    await _busy_chain(anvil)
    await anvil.bury()
    await _run_until_crash(_faulty(stores.tools(log_range=2), part, method, moment, 1), anvil, finality)
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=finality)):
        head = await anvil.head()
        await stores.indexed(anvil.chain, head.number, head.hash)
    facts = fact_positions(await mailbox.read())
    rows = await stores.raw_rows(anvil.chain)
    assert facts == await _clean_index(stores, anvil, mailbox)
    assert {(row.tx_hash, row.log_index) for row in rows} == {(tx, index) for _, _, _, tx, index, _ in facts}
    assert len(rows) == len({(row.tx_hash, row.log_index) for row in rows})


async def test_repeated_work_has_the_same_message_ids(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> None:
    """An inbox then takes the second delivery for what it is."""
    await _busy_chain(anvil)
    tools = _faulty(stores.tools(), "checkpoints", "advance", "before", 1)
    await _run_until_crash(tools, anvil, 64)
    first = {item.id for item in await mailbox.read() if item.kind != "advanced"}
    async with reading(stores.tools(), handle_of(anvil.chain, anvil.pool, anvil.factory, finality=64)):
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    assert {item.id for item in await mailbox.read() if item.kind != "advanced"} == first


@pytest.mark.parametrize(("part", "method"), TIP_STEPS)
async def test_a_store_that_is_away_for_a_moment_is_tried_again_in_the_same_term(
    stores: Stores, anvil: Anvil, mailbox: Mailbox, part: str, method: str
) -> None:
    await _busy_chain(anvil)
    tools = _faulty(stores.tools(), part, method, "before", 1, Unavailable("AWAY", "back in a moment"))
    async with reading(tools, handle_of(anvil.chain, anvil.pool, anvil.factory, finality=64)):
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    facts = fact_positions(await mailbox.read())
    assert await stores.database.pool.fetchval(
        "SELECT epoch FROM indexer_checkpoints WHERE chain_id = $1", anvil.chain
    ) == 1  # fmt: skip
    assert facts == await _clean_index(stores, anvil, mailbox)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("part", "method"), FORK_STEPS)
async def test_a_crash_while_a_fork_is_followed_neither_loses_nor_keeps_a_fact(
    stores: Stores, anvil: Anvil, mailbox: Mailbox, part: str, method: str, moment: str
) -> None:
    await _busy_chain(anvil)
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    async with reading(stores.tools(), handle):
        await stores.indexed(anvil.chain, (await anvil.head()).number)
    await anvil.reorg(2)
    await anvil.mine()
    # The first load of a term reads the recent blocks; the crash is to come after that.
    nth = 2 if method == "list_recent" else 1
    await _run_until_crash(_faulty(stores.tools(), part, method, moment, nth), anvil, 16)
    async with reading(stores.tools(), handle):
        head = await anvil.head()
        await stores.indexed(anvil.chain, head.number, head.hash)
    received = mailbox.received + await mailbox.read()
    facts = canonical_positions(received)
    canonical = {(row.tx_hash, row.log_index) for row in await stores.raw_rows(anvil.chain) if row.canonical}
    assert canonical == {(tx, index) for _, _, _, tx, index, _ in facts}
    assert facts == await _clean_index(stores, anvil, mailbox)
    reorgs = {item.id: item.message for item in received if item.kind == "reorged"}
    assert [(len(m.orphaned), m.generation) for m in reorgs.values()] == [(2, 1)]


async def test_a_fork_during_a_crash_retracts_what_was_published_and_never_finished(
    stores: Stores, anvil: Anvil, mailbox: Mailbox
) -> None:
    await _busy_chain(anvil)
    handle = handle_of(anvil.chain, anvil.pool, anvil.factory)
    async with reading(stores.tools(), handle):
        before = await stores.indexed(anvil.chain, (await anvil.head()).number)
    collection = await anvil.create(anvil.accounts[3], salt=9)
    await anvil.mint(collection, anvil.accounts[3])
    orphan = await anvil.mine()
    await _run_until_crash(_faulty(stores.tools(), "checkpoints", "advance", "before", 1), anvil, 16)
    assert orphan.hash in {block for _, _, block, _, _, _ in fact_positions(await mailbox.read())}
    await anvil.reorg(1)
    async with reading(stores.tools(), handle):
        head = await anvil.head()
        after = await stores.indexed(anvil.chain, head.number, head.hash)
    await mailbox.read()
    (reorg,) = [item.message for item in mailbox.received if item.kind == "reorged"]
    assert [(block.number, block.hash) for block in reorg.orphaned] == [(orphan.number, orphan.hash)]
    assert (reorg.common_ancestor.number, reorg.common_ancestor.hash) == (before.indexed, before.indexed_hash)
    assert after.indexed == orphan.number
    assert orphan.hash not in {block for _, _, block, _, _, _ in canonical_positions(mailbox.received)}
    assert collection not in await stores.checkpoints.list_followed(anvil.chain)
