"""Approvals on the real stores: any order, any repetition and any fork give what the canonical chain says."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from approval_parts import (
    BIG,
    CONTRACT,
    OPERATORS,
    OWNERS,
    Handlers,
    Message,
    block,
    change,
    facts,
    in_force,
    move,
    moved,
    reorg,
    said,
)
from redis.exceptions import TimeoutError as RedisTimeout

from mercato.kit import cursors, redis
from mercato.kit.errors import InvalidArgument, Poison
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId
from mercato.kit.logging import get_logger
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.common.v1.common_pb2 import STANDARD_ERC1155, Block
from mercato.rpc.events.v1.events_pb2 import (
    ApprovalChanged,
    Transfer,
    UserLoggedIn,
)
from mercato.services.wallets.consumers import OnApprovalsChanged, OnChainAdvanced, OnChainReorged, OnTokensTransferred
from mercato.services.wallets.model import Approval, ApprovalFilter, Entry
from mercato.services.wallets.store.approvals import ApprovalStore
from mercato.services.wallets.store.cache import ApprovalCache
from mercato.services.wallets.store.reading import ApprovalPages
from mercato.services.wallets.usecases import FollowApprovals, ListApprovals, ListHistory

LOG = get_logger("wallets")


async def test_a_grant_a_revocation_and_a_new_grant_are_each_seen_at_once(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    assert await in_force(listing, chain) == []
    await handle(facts(chain, block(1), change(0)))
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], None, 1, 0)]
    await handle(facts(chain, block(2), change(3, approved=False)))
    assert await in_force(listing, chain) == []
    await handle(facts(chain, block(3), change(1)))
    (granted,) = await in_force(listing, chain)
    assert said([granted]) == [(OPERATORS[0], None, 3, 1)]
    assert granted.place.block_time == datetime.fromtimestamp(1_700_000_003, UTC)
    assert granted.place.block_hash == block(3).hash


async def test_a_token_has_one_approved_operator_whoever_owns_it(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0, token_id=BIG)))
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], BIG, 1, 0)]
    await handle(facts(chain, block(2), change(0, owner=OWNERS[1], operator=OPERATORS[1], token_id=BIG)))
    assert await in_force(listing, chain) == []
    assert said(await in_force(listing, chain, OWNERS[1])) == [(OPERATORS[1], BIG, 2, 0)]
    await handle(facts(chain, block(3), change(0, owner=OWNERS[1], operator=ZERO_ADDRESS, token_id=BIG)))
    assert await in_force(listing, chain, OWNERS[1]) == []


async def test_all_of_a_contract_and_one_of_its_tokens_are_two_approvals(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0), change(1, token_id=0), change(2, operator=OPERATORS[1])))
    assert said(await in_force(listing, chain)) == [
        (OPERATORS[1], None, 1, 2),
        (OPERATORS[0], 0, 1, 1),
        (OPERATORS[0], None, 1, 0),
    ]


@dataclass
class World:
    """A chain that forks and forks back, told by messages, and what is left in the end."""

    chain: ChainId
    messages: list[Message] = field(default_factory=list)
    canonical: list[tuple[Block, ApprovalChanged]] = field(default_factory=list)
    moves: list[tuple[Block, Transfer]] = field(default_factory=list)

    def history(self) -> set[tuple[bytes, int]]:
        return {(at.hash, fact.log_index) for at, fact in self.canonical}

    def moves_kept(self) -> set[tuple[bytes, int]]:
        return {(at.hash, fact.log_index) for at, fact in self.moves}

    def end_of(self, token: int | None, number: int, log_index: int) -> tuple[bytes, int] | None:
        """The first move of a token after a position."""
        later = [
            (at.number, fact.log_index, at.hash)
            for at, fact in self.moves
            if token is not None and int(fact.token_id) == token and (at.number, fact.log_index) > (number, log_index)
        ]
        return (min(later)[2], min(later)[1]) if later else None

    def current(self) -> set[tuple[object, ...]]:
        """Reference fold: the last word by position for each key."""
        last: dict[tuple[object, ...], tuple[object, ...]] = {}
        for at, fact in sorted(self.canonical, key=lambda entry: (entry[0].number, entry[1].log_index)):
            token = int(fact.token_id) if fact.token_id else None
            key = ("all", fact.owner, fact.operator) if token is None else ("one", token)
            approved = fact.approved and fact.operator != ZERO_ADDRESS
            end = self.end_of(token, at.number, fact.log_index) if approved else None
            said = fact.owner, fact.operator, token, approved and end is None, at.number, at.hash, fact.log_index
            last[key] = (*said, *(end or (None, None)))
        return set(last.values())


def world(chain: ChainId, dice: random.Random) -> World:
    """Random changes over six blocks; the last three orphaned, replaced, and sometimes canonical again."""
    made = World(chain)

    def changes() -> list[ApprovalChanged | Transfer]:
        return [
            move(log_index, dice.choice([0, BIG]))
            if dice.random() < 0.3
            else change(
                log_index,
                owner=dice.choice(OWNERS),
                operator=dice.choice([*OPERATORS, ZERO_ADDRESS]),
                approved=dice.random() < 0.6,
                token_id=dice.choice([None, 0, BIG]),
            )
            for log_index in sorted(dice.sample(range(6), dice.randint(1, 4)))
        ]

    def branch(numbers: Iterable[int], fork: str) -> list[tuple[Block, list[ApprovalChanged | Transfer]]]:
        return [(block(number, fork), changes()) for number in numbers]

    def tell(blocks: list[tuple[Block, list[ApprovalChanged | Transfer]]], generation: int) -> None:
        for at, happened in blocks:
            words = [fact for fact in happened if isinstance(fact, ApprovalChanged)]
            transfers = [fact for fact in happened if isinstance(fact, Transfer)]
            made.messages.append(facts(chain, at, *words, generation=generation))
            made.messages.append(moved(chain, at, *transfers, generation=generation))

    trunk, losing, winning = branch(range(1, 4), ""), branch(range(4, 7), "a"), branch(range(4, 8), "b")
    tell(trunk + losing, 0)
    made.messages.append(reorg(chain, 1, *(at for at, _ in losing)))
    tell(winning, 1)
    kept = trunk + winning
    if dice.random() < 0.5:
        made.messages.append(reorg(chain, 2, *(at for at, _ in winning)))
        tell(losing, 2)
        kept = trunk + losing
    made.canonical = [(at, fact) for at, facts_ in kept for fact in facts_ if isinstance(fact, ApprovalChanged)]
    made.moves = [(at, fact) for at, facts_ in kept for fact in facts_ if isinstance(fact, Transfer)]
    return made


Rows = tuple[set[tuple[bytes, int]], set[tuple[bytes, int]], set[tuple[object, ...]]]


async def tables(database: Database, chain: ChainId) -> Rows:
    history = await database.pool.fetch(
        "SELECT block_hash, log_index FROM approvals_history WHERE chain_id = $1", int(chain)
    )
    current = await database.pool.fetch("SELECT * FROM approvals WHERE chain_id = $1", int(chain))
    moves = await database.pool.fetch("SELECT block_hash, log_index FROM token_moves WHERE chain_id = $1", int(chain))
    sets = [{(row["block_hash"], row["log_index"]) for row in rows} for rows in (history, moves)]
    return sets[0], sets[1], {
        (
            row["owner"], row["operator"], None if row["token_id"] is None else int(row["token_id"]), row["approved"],
            row["block_number"], row["block_hash"], row["log_index"], row["ended_block_hash"], row["ended_log_index"],
        )
        for row in current
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
async def test_messages_shuffled_and_repeated_end_as_the_canonical_chain_says(
    handle: Handlers, database: Database, chain: ChainId, seed: int
) -> None:
    dice = random.Random(seed)
    told = world(chain, dice)
    messages = told.messages * 2
    dice.shuffle(messages)
    for message in messages:
        await handle(message)
    assert await tables(database, chain) == (told.history(), told.moves_kept(), told.current())


@pytest.mark.parametrize("seed", range(100, 106))
async def test_messages_handled_side_by_side_end_as_the_canonical_chain_says(
    handle: Handlers, database: Database, chain: ChainId, seed: int
) -> None:
    dice = random.Random(seed)
    told = world(chain, dice)
    messages = told.messages * 2
    dice.shuffle(messages)
    await asyncio.gather(*map(handle, messages))
    assert await tables(database, chain) == (told.history(), told.moves_kept(), told.current())


async def test_in_whatever_order_three_messages_come_the_lists_are_exact_afterwards(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        own = ChainId(int(chain) + number)
        messages: list[Message] = [
            facts(own, block(1), change(0)),
            facts(own, block(2), change(0, operator=OPERATORS[1]), change(1, approved=False)),
            reorg(own, 1, block(2)),
        ]
        for index in order:
            await in_force(listing, own)
            await handle(messages[index])
        assert said(await in_force(listing, own)) == [(OPERATORS[0], None, 1, 0)]


async def test_history_keeps_every_word(handle: Handlers, database: Database, chain: ChainId) -> None:
    words = [change(0), change(1, approved=False), change(2)]
    await handle(facts(chain, block(1), *words))
    rows = await database.pool.fetch(
        "SELECT log_index, approved FROM approvals_history WHERE chain_id = $1 ORDER BY log_index", int(chain)
    )
    assert [tuple(row) for row in rows] == [(0, True), (1, False), (2, True)]


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        ({"block": 1}, Poison),
        ({"contract": b"short"}, InvalidArgument),
        ({"owner": b""}, InvalidArgument),
        ({"tx_hash": b"x"}, Poison),
        ({"token_id": "-1"}, InvalidArgument),
        ({"token_id": str(BIG + 1)}, InvalidArgument),
    ],
)
async def test_facts_that_cannot_be_read_are_refused_for_good_and_leave_nothing(
    handle: Handlers, database: Database, chain: ChainId, damage: dict[str, object], error: type[Exception]
) -> None:
    bad = change(1)
    for name, value in damage.items():
        setattr(bad, name, value)
    with pytest.raises(error):
        await handle(facts(chain, block(1), change(0), bad))
    assert await tables(database, chain) == (set(), set(), set())


async def test_messages_of_another_kind_are_refused_for_good(store: ApprovalStore, cache: ApprovalCache) -> None:
    follow = FollowApprovals(store, cache)
    stray = Incoming("1", "mercato.events.v1.UserLoggedIn", UserLoggedIn(), {}, 1)
    for kind in (OnApprovalsChanged, OnTokensTransferred, OnChainReorged, OnChainAdvanced):
        handler = kind(follow)
        with pytest.raises(Poison):
            await handler(stray)


async def pages(listing: ListApprovals, owner: Address, chain: ChainId | None, first: int) -> list[list[Approval]]:
    found, after = [], ""
    while True:
        page = await listing.run(ApprovalFilter((owner,), chain), first, after)
        assert len(page.cursors) == len(page.items)
        found.append(list(page.items))
        if not page.has_next:
            return found
        after = page.end_cursor


async def test_pages_of_one_chain_and_of_all_come_newest_first_and_miss_nothing(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    owner = Address(os.urandom(20))
    other = ChainId(int(chain) + 1)
    for number in range(1, 6):
        await handle(facts(chain, block(number), change(number, owner=owner, token_id=number)))
        await handle(facts(other, block(number), change(number, owner=owner, token_id=number)))
    one_chain = await pages(listing, owner, chain, 2)
    assert [[a.place.block_number for a in page] for page in one_chain] == [[5, 4], [3, 2], [1]]
    all_chains = list(itertools.chain.from_iterable(await pages(listing, owner, None, 3)))
    assert [(a.place.block_number, a.chain) for a in all_chains] == [
        (number, c) for number in (5, 4, 3, 2, 1) for c in (other, chain)
    ]


@pytest.mark.parametrize("key", [(1, 2, 3), (-1, 1, 1, 1), (10**30, 1, 1, 1), (1, 1, 1, 2**31), ("x", 1, 1, 1)])
async def test_a_made_up_cursor_is_refused(listing: ListApprovals, key: Sequence[int | str]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await listing.run(ApprovalFilter((OWNERS[0],), ChainId(1)), 1, cursors.encode(*key))
    assert refusal.value.reason == "INVALID_CURSOR"


@pytest.mark.parametrize("changed_before", [False, True])
async def test_a_page_read_before_a_change_is_not_kept_after_it(
    handle: Handlers, listing: ListApprovals, reads: ApprovalPages, cache: ApprovalCache, chain: ChainId,
    changed_before: bool,
) -> None:  # fmt: skip
    if changed_before:
        await handle(facts(chain, block(1), change(0)))
    page = "21::/"
    _, mark = await cache.find(chain, OWNERS[0], page)
    outdated = await reads.page(ApprovalFilter((OWNERS[0],), chain), None, 21)
    await handle(facts(chain, block(2), change(0, approved=not changed_before)))
    await cache.keep(chain, OWNERS[0], page, outdated, mark)
    assert len(await in_force(listing, chain)) == (0 if changed_before else 1)


async def test_a_page_is_read_from_redis_until_something_changes(
    handle: Handlers, listing: ListApprovals, database: Database, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0, token_id=7), change(1)))
    first = await in_force(listing, chain)
    await database.pool.execute("DELETE FROM approvals WHERE chain_id = $1", int(chain))
    assert await in_force(listing, chain) == first
    await handle(facts(chain, block(2), change(0, operator=OPERATORS[1])))
    assert said(await in_force(listing, chain)) == [(OPERATORS[1], None, 2, 0)]


async def test_without_redis_lists_come_from_the_database(
    handle: Handlers, store: ApprovalStore, reads: ApprovalPages, settings: Settings, chain: ChainId
) -> None:
    async with redis.connected(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as nobody:
        cache = ApprovalCache(nobody, LOG)
        await Handlers(store, cache)(facts(chain, block(1), change(0)))
        assert said(await in_force(ListApprovals(reads, cache), chain)) == [(OPERATORS[0], None, 1, 0)]


async def entries(
    reads: ApprovalPages, chain: ChainId, owner: Address = OWNERS[0], operator: Address | None = None
) -> list[Entry]:
    page = await ListHistory(reads).run(ApprovalFilter((owner,), chain, operator, CONTRACT), 100, "")
    return list(page.items)


def told(found: Iterable[Entry]) -> list[tuple[int, bool, tuple[int, int] | None]]:
    return [
        (
            e.approval.place.block_number,
            e.approval.approved,
            None if e.ended_by is None else (e.ended_by.block_number, e.ended_by.log_index),
        )
        for e in found
    ]


async def test_a_transfer_ends_the_approval_of_its_token_and_no_other(
    handle: Handlers, listing: ListApprovals, reads: ApprovalPages, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0, token_id=7), change(1, token_id=8), change(2)))
    assert len(await in_force(listing, chain)) == 3
    await handle(moved(chain, block(2), move(4, 7), move(5, 9), move(6, 8, STANDARD_ERC1155)))
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], None, 1, 2), (OPERATORS[0], 8, 1, 1)]
    assert told(await entries(reads, chain)) == [(1, True, None), (1, True, None), (1, True, (2, 4))]
    await handle(facts(chain, block(3), change(0, token_id=7)))
    assert said(await in_force(listing, chain))[0] == (OPERATORS[0], 7, 3, 0)


async def test_a_transfer_that_was_forked_away_gives_its_approval_back(
    handle: Handlers, listing: ListApprovals, reads: ApprovalPages, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0, token_id=7)))
    await handle(moved(chain, block(2), move(0, 7)))
    await handle(moved(chain, block(3), move(1, 7)))
    assert await in_force(listing, chain) == []
    await handle(reorg(chain, 1, block(2), block(3)))
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], 7, 1, 0)]
    await handle(moved(chain, block(3), move(1, 7)))  # late: read before the fork
    assert said(await in_force(listing, chain)) == [(OPERATORS[0], 7, 1, 0)]
    await handle(moved(chain, block(3), move(1, 7), generation=1))  # the block came back
    assert await in_force(listing, chain) == []
    assert told(await entries(reads, chain)) == [(1, True, (3, 1))]


async def test_a_cached_page_is_dropped_again_when_a_transfer_is_told_twice(
    handle: Handlers, listing: ListApprovals, cache: ApprovalCache, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0, token_id=7)))
    before = await in_force(listing, chain)
    outdated, _ = await cache.find(chain, OWNERS[0], "21::/")
    assert outdated is not None
    transfer = moved(chain, block(2), move(0, 7))
    await handle(transfer)
    # As if the process had died between the commit and the cache, with the page of before in it.
    _, mark = await cache.find(chain, OWNERS[0], "21::/")
    await cache.keep(chain, OWNERS[0], "21::/", outdated, mark)
    assert await in_force(listing, chain) == before
    await handle(transfer)
    assert await in_force(listing, chain) == []


async def test_history_names_each_word_and_what_ended_it(
    handle: Handlers, reads: ApprovalPages, chain: ChainId
) -> None:
    await handle(moved(chain, block(9), move(0, 7), move(1, 8)))
    await handle(facts(chain, block(2), change(0, token_id=7)))
    await handle(facts(chain, block(3), change(0, token_id=7, operator=ZERO_ADDRESS)))
    await handle(facts(chain, block(4), change(0, token_id=7, operator=OPERATORS[1])))
    assert told(await entries(reads, chain)) == [(4, True, (9, 0)), (3, False, None), (2, True, None)]
    assert told(await entries(reads, chain, operator=OPERATORS[1])) == [(4, True, (9, 0))]
    assert await entries(reads, chain, OWNERS[1]) == []


async def test_lists_are_narrowed_by_operator_and_contract_and_joined_over_owners(
    handle: Handlers, listing: ListApprovals, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0), change(1, operator=OPERATORS[1]), change(2, owner=OWNERS[1])))

    async def found(wanted: ApprovalFilter) -> list[tuple[Address, int | None, int, int]]:
        first = said((await listing.run(wanted, 0, "")).items)
        assert said((await listing.run(wanted, 0, "")).items) == first
        return first

    one, both = (OWNERS[0],), (OWNERS[0], OWNERS[1])
    assert await found(ApprovalFilter(one, chain, OPERATORS[1])) == [(OPERATORS[1], None, 1, 1)]
    assert await found(ApprovalFilter(one, chain, None, OPERATORS[1])) == []
    assert await found(ApprovalFilter(one, chain, OPERATORS[0], CONTRACT)) == [(OPERATORS[0], None, 1, 0)]
    assert await found(ApprovalFilter(both, chain, OPERATORS[0])) == [
        (OPERATORS[0], None, 1, 2),
        (OPERATORS[0], None, 1, 0),
    ]


@pytest.mark.parametrize("owners", [(), tuple(Address(bytes([n]) * 20) for n in range(101))])
async def test_lists_are_of_one_to_a_hundred_owners(listing: ListApprovals, owners: tuple[Address, ...]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await listing.run(ApprovalFilter(owners), 0, "")
    assert refusal.value.reason == "INVALID_OWNERS"


async def test_a_cached_page_is_dropped_again_when_a_fork_is_told_twice(
    handle: Handlers, listing: ListApprovals, cache: ApprovalCache, chain: ChainId
) -> None:
    await handle(facts(chain, block(1), change(0)))
    before = await in_force(listing, chain)
    outdated, _ = await cache.find(chain, OWNERS[0], "21::/")
    assert outdated is not None
    fork = reorg(chain, 1, block(1))
    await handle(fork)
    _, mark = await cache.find(chain, OWNERS[0], "21::/")
    await cache.keep(chain, OWNERS[0], "21::/", outdated, mark)
    assert await in_force(listing, chain) == before
    await handle(fork)
    assert await in_force(listing, chain) == []


class Hiccups(redis.Redis):
    """A client whose single commands the server does not answer for a while."""

    silent = False

    async def set(self, *args: Any, **named: Any) -> Any:
        if self.silent:
            raise RedisTimeout("no answer")
        return await super().set(*args, **named)


async def test_a_change_that_redis_missed_is_seen_at_once_here_and_soon_elsewhere(
    store: ApprovalStore, reads: ApprovalPages, listing: ListApprovals, settings: Settings, chain: ChainId
) -> None:
    async with Hiccups.from_url(settings.redis_url) as client:
        cache = ApprovalCache(client, LOG)
        handle, here = Handlers(store, cache), ListApprovals(reads, cache)
        await handle(facts(chain, block(1), change(0)))
        granted = [(OPERATORS[0], None, 1, 0)]
        assert said(await in_force(here, chain)) == granted
        assert said(await in_force(listing, chain)) == granted
        client.silent = True
        await handle(facts(chain, block(2), change(0, approved=False)))
        assert await in_force(here, chain) == []
        assert said(await in_force(listing, chain)) == granted, "another process still reads the kept page"
        client.silent = False
        async with looping(LOG, "approvals cache", cache.run), asyncio.timeout(10):
            while await in_force(listing, chain):
                await asyncio.sleep(0.05)
        assert await in_force(here, chain) == []
