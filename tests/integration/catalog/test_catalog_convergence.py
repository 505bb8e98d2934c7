"""Any order, any number of times, any forks on the way: the tables end as a clean reading of the canonical chain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog_facts import (
    NOBODY,
    WHOLE,
    Chain,
    Configured,
    Created,
    Deliver,
    Fact,
    Move,
    account,
    block,
    contract,
    new_chain,
    terms,
)
from catalog_tables import Tables, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb

CATS, CARDS, MIXED = contract("cats"), contract("cards"), contract("mixed")
PEOPLE = [account(name) for name in ("ann", "bob", "cyd")]
HEIGHTS = 6


@dataclass
class World:
    """A chain as an indexer met it: blocks came, forks won, and all of it was published, each block perhaps twice."""

    seed: int
    facts: dict[bytes, list[Fact]] = field(default_factory=dict)
    canonical: list[common_pb2.Block] = field(default_factory=list)
    published: list[tuple[int, list[common_pb2.Block]]] = field(default_factory=list)
    reorgs: list[tuple[int, list[common_pb2.Block], common_pb2.Block]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.canonical = [block(0)]
        self.facts[block(0).hash] = []
        known: dict[int, list[common_pb2.Block]] = {0: [block(0)]}
        self._grow(HEIGHTS - 1, 0, known)
        for generation in range(1, self.random.randint(1, 4)):
            kept = self.random.randrange(1, len(self.canonical))
            orphaned, self.canonical = self.canonical[kept:], self.canonical[:kept]
            self.reorgs.append((generation, orphaned, self.canonical[-1]))
            self._grow(self.random.randint(1, HEIGHTS - kept), generation, known)

    def _grow(self, blocks: int, generation: int, known: dict[int, list[common_pb2.Block]]) -> None:
        """New blocks, or ones that were orphaned before and are canonical again."""
        for _ in range(blocks):
            height = len(self.canonical)
            siblings = known.setdefault(height, [])
            if siblings and self.random.random() < 0.4:
                chosen = self.random.choice(siblings)
            else:
                chosen = block(height, f"{len(siblings)}")
                siblings.append(chosen)
                self.facts[chosen.hash] = self._some_facts()
            self.canonical.append(chosen)
        new = self.canonical[-blocks:]
        cuts = sorted(self.random.sample(range(1, blocks), self.random.randint(0, blocks - 1)))
        for start, end in zip([0, *cuts], [*cuts, blocks], strict=True):
            self.published.append((generation, new[start:end]))
        if self.random.random() < 0.3:  # an indexer that crashed publishes again what it had published
            self.published.append((generation, self.canonical[1:]))

    def _some_facts(self) -> list[Fact]:
        kinds = (self._move, self._move, self._move, self._created, self._configured)
        return [self.random.choice(kinds)(log_index) for log_index in range(self.random.randint(0, 5))]

    def _move(self, log_index: int) -> Fact:
        where = self.random.choice((CATS, CARDS, MIXED))
        multi = where == CARDS or (where == MIXED and self.random.random() < 0.5)
        sender, recipient = self.random.choice(PEOPLE), self.random.choice(PEOPLE)
        kind = self.random.random()
        return Move(
            log_index,
            where,
            self.random.randint(1, 2),
            NOBODY if kind < 0.4 else sender,
            NOBODY if kind > 0.85 else recipient,
            self.random.randint(0, 3) if multi else None,
            self.random.randint(0, 1),
        )

    def _created(self, log_index: int) -> Fact:
        where, standard = self.random.choice(((CATS, 1), (CARDS, 2)))
        return Created(log_index, where, self.random.choice(("Cats", "Dogs")), standard, self.random.choice(PEOPLE))

    def _configured(self, log_index: int) -> Fact:
        someone = self.random.choice(PEOPLE)
        change = self.random.choice((
            terms(self.random.randint(0, 3), self.random.choice((WHOLE, "1"))),
            pb.RoleChanged(role=bytes(32), account=someone, granted=self.random.random() < 0.6),
            pb.OwnerChanged(owner=someone),
            pb.RoyaltySet(receiver=someone, bps=self.random.randint(0, 500)),
        ))  # fmt: skip
        return Configured(log_index, self.random.choice((CATS, MIXED)), change)

    def _with_facts(self, blocks: Sequence[common_pb2.Block]) -> list[tuple[common_pb2.Block, list[Fact]]]:
        return [(b, self.facts[b.hash]) for b in blocks]

    def everything(self, chain: Chain) -> list[Incoming]:
        """All that was ever published."""
        told = [
            message
            for generation, blocks in self.published
            for message in chain.messages(self._with_facts(blocks), generation, self.random.random() < 0.5)
        ]
        return told + [chain.reorged(orphaned, ancestor, generation) for generation, orphaned, ancestor in self.reorgs]

    def clean(self, chain: Chain) -> list[Incoming]:
        """What an indexer that only ever saw the canonical chain publishes, block by block."""
        return [message for b in self.canonical for message in chain.messages(self._with_facts([b]))]


def without_dictionary(found: Tables) -> Tables:
    """Blocks may be known without any fact; requests for metadata depend on what was told live."""
    return {name: rows for name, rows in found.items() if name not in ("blocks", "metadata_requests")}


def folded(world: World) -> tuple[dict[object, object], ...]:
    """Owners, ERC-1155 balances and held units of the canonical chain, added up the plain way."""
    owners: dict[object, object] = {}
    balances: dict[object, object] = {}
    holders: dict[object, object] = {}
    moves = [
        fact for b in world.canonical
        for fact in sorted(world.facts[b.hash], key=lambda f: f.log_index) if isinstance(fact, Move)
    ]  # fmt: skip
    for move in moves:
        units = 1 if move.amount is None else move.amount
        if move.amount is None:
            owners[move.contract, move.token_id] = None if move.recipient == NOBODY else move.recipient
        for who, change in ((move.sender, -units), (move.recipient, units)):
            if who != NOBODY:
                holders[move.contract, who] = holders.get((move.contract, who), 0) + change  # type: ignore[operator]
                if move.amount is not None:
                    key = (move.contract, move.token_id, who)
                    balances[key] = balances.get(key, 0) + change  # type: ignore[operator]
    return owners, balances, holders


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
async def test_any_interleaving_with_retractions_ends_as_a_clean_reading(
    database: Database, deliver: Deliver, seed: int
) -> None:
    world = World(seed)
    forked, clean = new_chain(), new_chain()
    await deliver(world.clean(clean))
    messages = world.everything(forked)
    messages += world.random.sample(messages, len(messages) // 3)
    world.random.shuffle(messages)
    await deliver(messages)
    expected = await tables(database, clean.id)
    assert without_dictionary(await tables(database, forked.id)) == without_dictionary(expected)
    await _matches_plain_sums(database, clean.id, world)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
async def test_parallel_consumers_end_as_a_clean_reading(database: Database, deliver: Deliver, seed: int) -> None:
    world = World(seed)
    forked, clean = new_chain(), new_chain()
    await deliver(world.clean(clean))
    messages = world.everything(forked) * 2
    world.random.shuffle(messages)
    await asyncio.gather(*(deliver([message]) for message in messages))
    expected = await tables(database, clean.id)
    assert without_dictionary(await tables(database, forked.id)) == without_dictionary(expected)


async def _matches_plain_sums(database: Database, chain: ChainId, world: World) -> None:
    found = await tables(database, chain)
    owners, balances, holders = folded(world)
    assert {(row[0], int(row[1])): row[2] for row in found["tokens"] if row[4] is not None} == owners
    assert {(row[0], int(row[1]), row[2]): int(row[3]) for row in found["token_balances"]} == balances
    assert {(row[0], row[1]): int(row[2]) for row in found["collection_holders"]} == holders
    for row in found["collections"]:
        of_collection = [units for (where, _), units in holders.items() if where == row[0]]
        tokens = {token for where, token, *_ in found["tokens"] if where == row[0]}
        assert row[12:14] == (len(tokens), sum(units > 0 for units in of_collection))  # type: ignore[operator]
