"""Lists of approvals name the block they are true at: it moves when all up to it is applied, and goes back."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence

import pytest
from approval_parts import (
    CONTRACT,
    OPERATORS,
    OWNERS,
    Handlers,
    Message,
    advanced,
    as_of,
    block,
    change,
    facts,
    in_force,
    move,
    moved,
    reorg,
    said,
)

from mercato.kit.finality import Finality
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Database
from mercato.rpc.common.v1.common_pb2 import STANDARD_ERC1155
from mercato.rpc.common.v1.common_pb2 import Block as WireBlock
from mercato.services.wallets.model import ApprovalFilter
from mercato.services.wallets.store.cache import ApprovalCache
from mercato.services.wallets.store.reading import ApprovalPages
from mercato.services.wallets.usecases import ListApprovals, ListHistory


def at(number: int, fork: str = "") -> list[tuple[int, bytes]]:
    return [(number, block(number, fork).hash)]


async def waiting(database: Database, chain: ChainId) -> int:
    count: int = await database.pool.fetchval("SELECT count(*) FROM awaited_progress WHERE chain_id = $1", int(chain))
    return count


async def test_a_page_is_true_at_a_block_once_approvals_and_transfers_up_to_it_are_in(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    granted, given = facts(chain, block(1), change(0, token_id=7)), moved(chain, block(1), move(1, 8))
    await handle(advanced(chain, block(1), granted, given))
    assert await as_of(listing, chain) == []
    await handle(given)
    assert await as_of(listing, chain) == []
    await handle(granted)
    assert await as_of(listing, chain) == at(1)
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], 7, 1, 0)]


async def test_transfers_that_end_nothing_are_waited_for_like_others(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    """A message of ERC-1155 transfers alone leaves no row, and one without facts neither."""
    multi, empty = moved(chain, block(1), move(1, 8, STANDARD_ERC1155)), facts(chain, block(1))
    await handle(advanced(chain, block(1), multi, empty))
    await handle(multi)
    assert await as_of(listing, chain) == []
    await handle(empty)
    assert await as_of(listing, chain) == at(1)


async def test_a_later_block_does_not_overtake_one_whose_facts_are_missing(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    late, soon = facts(chain, block(2), change(0)), facts(chain, block(3), change(0, approved=False))
    for message in (advanced(chain, block(1)), soon, advanced(chain, block(3), soon), advanced(chain, block(2), late)):
        await handle(message)
    assert await as_of(listing, chain) == at(1)
    await handle(late)
    assert await as_of(listing, chain) == at(3)


async def test_any_order_of_facts_statements_and_a_fork_ends_alike(
    handle: Handlers, listing: ListApprovals, database: Database, chain: ChainId
) -> None:
    for number, order in enumerate(itertools.permutations(range(6))):
        if number % 9:
            continue
        own = ChainId(int(chain) + number)
        lost, fork = facts(own, block(2, "lost"), change(0)), reorg(own, 1, block(2, "lost"))
        won = moved(own, block(2, "won"), move(0, 7), generation=1)
        messages: list[Message] = [
            lost, fork, won, advanced(own, block(1)), advanced(own, block(2, "lost"), lost),
            advanced(own, block(2, "won"), fork, won, from_block=2, generation=1),
        ]  # fmt: skip
        for index in order:
            await handle(messages[index])
            await handle(messages[index])
        assert await as_of(listing, own) == at(2, "won")
        assert await in_force(listing, own) == []
        assert await waiting(database, own) == 0


async def test_messages_side_by_side_move_it_to_the_end(
    handle: Handlers, listing: ListApprovals, database: Database, chain: ChainId
) -> None:
    said_of = [facts(chain, block(number), change(0, token_id=number)) for number in range(1, 9)]
    statements = [advanced(chain, block(number), said_of[number - 1]) for number in range(1, 9)]
    messages = [*said_of, *statements] * 2
    random.Random(5).shuffle(messages)
    await asyncio.gather(*map(handle, messages))
    assert await as_of(listing, chain) == at(8)
    assert await waiting(database, chain) == 0


async def test_a_fork_takes_the_page_back_to_the_last_shared_block(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    lost = [facts(chain, block(number, "lost"), change(number, token_id=number)) for number in (2, 3)]
    await handle(advanced(chain, block(1)))
    for number, fact in zip((2, 3), lost, strict=True):
        await handle(fact)
        await handle(advanced(chain, block(number, "lost"), fact))
    assert await as_of(listing, chain) == at(3, "lost")
    fork = reorg(chain, 1, block(2, "lost"), block(3, "lost"))
    await handle(advanced(chain, block(2, "won"), fork, from_block=2, generation=1))
    assert await as_of(listing, chain) == at(3, "lost"), "the rows are still those of the lost branch"
    await handle(fork)
    assert await as_of(listing, chain) == at(2, "won")
    assert await in_force(listing, chain) == []


async def test_a_fork_that_touches_no_owner_takes_kept_pages_back_too(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    """Whose rows stay as they were is told the shared block all the same, also when the fork is told again."""
    await handle(advanced(chain, block(1)))
    await handle(advanced(chain, block(2, "lost")))
    assert await as_of(listing, chain) == at(2, "lost")
    fork = reorg(chain, 1, block(2, "lost"))
    await handle(fork)
    assert await as_of(listing, chain) == at(1)
    await handle(fork)
    assert await as_of(listing, chain) == at(1)


async def test_a_fork_without_orphans_is_waited_for_too(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    fork = reorg(chain, 1, block(2, "lost"))
    del fork.orphaned[:]
    await handle(advanced(chain, block(1)))
    await handle(advanced(chain, block(2, "won"), fork, from_block=2, generation=1))
    assert await as_of(listing, chain) == at(1)
    await handle(fork)
    assert await as_of(listing, chain) == at(2, "won")


async def test_its_finality_is_by_the_horizons_it_came_with(
    handle: Handlers, reads: ApprovalPages, chain: ChainId
) -> None:
    async def finality() -> tuple[Finality, int | None, int | None]:
        (point,) = (await reads.page(ApprovalFilter((OWNERS[0],), chain), None, 1)).at
        return point.finality, point.safe, point.finalized

    await handle(advanced(chain, block(5), from_block=0, safe=4, finalized=2))
    assert await finality() == (Finality.LATEST, 4, 2)
    await handle(advanced(chain, block(5), from_block=0, safe=5, finalized=2))
    assert await finality() == (Finality.SAFE, 5, 2)
    await handle(advanced(chain, block(5), from_block=0, safe=5, finalized=5))
    assert await finality() == (Finality.FINALIZED, 5, 5)
    await handle(reorg(chain, 1, block(9)))
    assert await finality() == (Finality.LATEST, None, None)


async def test_rows_and_read_point_are_of_one_moment_while_both_move(
    handle: Handlers, reads: ApprovalPages, chain: ChainId
) -> None:
    """Each block grants another token and its read point follows: whoever sees block n sees n tokens at least, and of
    a fork that leaves them all, none with the block of before."""
    page, history = ApprovalFilter((OWNERS[0],), chain), ListHistory(reads)
    ended = asyncio.Event()

    async def watch() -> int:
        looks = 0
        while not ended.is_set():
            found = await reads.page(page, None, 100)
            told = await history.run(page, 100, "")
            for count, points in ((len(found.rows), found.at), (len(told.items), told.at)):
                for point in points:
                    assert count >= point.block.number - 1
            looks += 1
        return looks

    watching = [asyncio.create_task(watch()) for _ in range(3)]
    await handle(advanced(chain, block(1)))
    lost: list[WireBlock] = []
    for number in range(2, 40):
        fact = facts(chain, block(number, "lost"), change(0, token_id=number))
        await asyncio.gather(handle(advanced(chain, block(number, "lost"), fact)), handle(fact))
        lost.append(block(number, "lost"))
    await handle(reorg(chain, 1, *lost))
    ended.set()
    assert min(await asyncio.gather(*watching)) > 0


async def test_a_kept_page_says_what_it_said_and_one_of_before_the_block_moved_does_not_count(
    handle: Handlers, listing: ListApprovals, reads: ApprovalPages, cache: ApprovalCache, database: Database,
    chain: ChainId,
) -> None:  # fmt: skip
    wanted = ApprovalFilter((OWNERS[0],), chain)
    await handle(facts(chain, block(1), change(0)))
    await handle(advanced(chain, block(1), safe=1))
    fresh = await listing.run(wanted, 0, "")
    await database.pool.execute("DELETE FROM approvals WHERE chain_id = $1", int(chain))
    assert await listing.run(wanted, 0, "") == fresh
    _, mark = await cache.find(chain, OWNERS[0], "21::/")
    outdated = await reads.page(wanted, None, 21)
    await handle(advanced(chain, block(2)))
    await cache.keep(chain, OWNERS[0], "21::/", outdated, mark)
    assert await as_of(listing, chain) == at(2)


async def test_a_list_of_one_chain_names_its_block_and_one_of_all_names_every_chains(
    handle: Handlers, reads: ApprovalPages, chain: ChainId
) -> None:
    other = ChainId(int(chain) + 1)
    await handle(advanced(chain, block(3), from_block=0))
    await handle(advanced(other, block(4), from_block=0))

    async def named(points: ApprovalFilter) -> dict[ChainId, int]:
        return {point.chain: point.block.number for point in (await reads.page(points, None, 5)).at}

    assert await named(ApprovalFilter((OWNERS[0],), chain, contract=CONTRACT)) == {chain: 3}
    everywhere = await named(ApprovalFilter((OWNERS[0],)))
    assert (everywhere[chain], everywhere[other]) == (3, 4)
    assert await named(ApprovalFilter((OWNERS[0],), ChainId(int(chain) + 2))) == {}


@pytest.mark.parametrize("missing", [[0], [1], [0, 1]], ids=str)
async def test_a_statement_waits_for_each_of_its_messages(
    handle: Handlers, listing: ListApprovals, chain: ChainId, missing: Sequence[int]
) -> None:
    messages: list[Message] = [facts(chain, block(1), change(0)), moved(chain, block(1), move(3, 9))]
    for index in {0, 1} - set(missing):
        await handle(messages[index])
    await handle(advanced(chain, block(1), *messages))
    assert await as_of(listing, chain) == []
    for index in missing:
        await handle(messages[index])
    assert await as_of(listing, chain) == at(1)
