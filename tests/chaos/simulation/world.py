"""One seed: a random history of chain, nodes, replicas, broker and consumers, and what the tables must be then."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from mercato.kit import postgres
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Database, Transaction
from mercato.kit.rabbit import Handler
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1 import chains_pb2
from mercato.services.catalog.consumers import handlers as catalog_handlers
from mercato.services.catalog.store.writing import CatalogStore, Unit
from mercato.services.indexer.jobs import Tools, scope_of
from mercato.services.indexer.store.checkpoints import Checkpoints
from mercato.services.wallets.consumers import (
    OnApprovalsChanged,
    OnChainAdvanced,
    OnChainReorged,
    OnTokensTransferred,
)
from mercato.services.wallets.store.approvals import ApprovalStore
from mercato.services.wallets.usecases import FollowApprovals
from tests.chaos.simulation import tables
from tests.chaos.simulation.broker import Broker
from tests.chaos.simulation.chain import Chain
from tests.chaos.simulation.faults import Lifetime, MortalDatabase
from tests.chaos.simulation.node import LyingNode
from tests.chaos.simulation.raw_memory import RawEventsInMemory
from tests.chaos.simulation.replica import Lease, Mutation, Replica, handle_of
from tests.chaos.simulation.transactions import FACTORY, MARKET

_ACTIONS = 12
_ENOUGH_TURNS = 80
_LONG_HISTORY = 75
"""Blocks that bring the reader to read by ranges."""


def as_it_is(tools: Tools) -> Tools:
    """No mutant."""
    return tools


@dataclass(frozen=True)
class Build:
    """What is put together: the project as it is, or with one part that is wrong."""

    reader: Mutation = as_it_is
    unit: Callable[[Transaction, int], Unit] = Unit


class NoCache:
    """Pages of approvals, never kept."""

    async def turn(self, chain: ChainId) -> None:
        pass


@dataclass
class Servers:
    """The three databases; one world after the other uses them, each with chains of its own."""

    indexer: Database
    catalog: Database
    wallets: Database
    chains: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new_chain(self) -> ChainId:
        return ChainId(next(self.chains))


async def open_servers(settings: Settings, stack: AsyncExitStack, first_chain: int = 1) -> Servers:
    """Commits need not survive this server, so none waits for the disk."""
    names = ("indexer_db", "catalog_db", "wallet_db")
    for name in names:
        connection = await asyncpg.connect(settings.database_url(name))
        await connection.execute(f'ALTER ROLE "{name}" SET synchronous_commit = off')
        await connection.close()
    opened = [await stack.enter_async_context(postgres.connected(settings, name)) for name in names]
    return Servers(*opened, itertools.count(first_chain))


def handlers_of(catalog: Database, wallets: Database, build: Build) -> Mapping[str, Handler]:
    """The real consumers of chain events, as their services put them together."""
    follow = FollowApprovals(ApprovalStore(wallets), NoCache())
    return {
        **catalog_handlers(CatalogStore(catalog, build.unit)),
        "wallets.tokens.approved": OnApprovalsChanged(follow),
        "wallets.tokens.transferred": OnTokensTransferred(follow),
        "wallets.chains.reorged": OnChainReorged(follow),
        "wallets.chains.advanced": OnChainAdvanced(follow),
    }


class World:
    """Everything of one seed. Each part draws from a generator of its own, so that one more draw here changes nothing
    there."""

    def __init__(self, servers: Servers, seed: int, build: Build) -> None:
        self._servers = servers
        self._build = build
        self._draw = random.Random(f"{seed} actions")
        self.id = servers.new_chain()
        self.chain = Chain(random.Random(f"{seed} chain"), finality=self._draw.randint(2, 6))
        self.node = LyingNode(self.chain, random.Random(f"{seed} node"))
        scope = self._draw.choice((chains_pb2.INDEX_SCOPE_ALL, chains_pb2.INDEX_SCOPE_FOLLOWED))
        self._handle = handle_of(self.id, self.node, FACTORY, MARKET, scope, self.chain.finality)
        lifetime = Lifetime()
        catalog = MortalDatabase(servers.catalog.pool, lifetime)
        wallets = MortalDatabase(servers.wallets.pool, lifetime)
        self._consumers = handlers_of(catalog, wallets, build)
        self.broker = Broker(self._consumers, lifetime, random.Random(f"{seed} broker"))
        self.raw = RawEventsInMemory()
        self.lease = Lease()
        self._faults = random.Random(f"{seed} faults")
        self._replicas: list[Replica] = []
        self._seed = seed

    async def live(self) -> None:
        """The whole story, up to the moment when everything has been read and delivered."""
        if self._draw.random() < 0.12:
            self.chain.mine(_LONG_HISTORY, emptiness=0.85)
        self.chain.mine(self._draw.randint(1, 4))
        try:
            for _ in range(_ACTIONS):
                await self._act()
            await self.settle()
        finally:
            await self.end()

    async def end(self) -> None:
        """Stops what still runs."""
        for replica in self._replicas:
            await replica.kill()

    async def compare(self) -> dict[str, Any]:
        """Tables that are not as a clean reading makes them: what is too much, and what is missing."""
        clean = self._servers.new_chain()
        handlers = handlers_of(self._servers.catalog, self._servers.wallets, Build())
        blocks = self.chain.blocks
        await tables.read_cleanly(handlers, clean, blocks, scope_of(self._handle.chain))
        catalog, wallets = self._servers.catalog, self._servers.wallets
        expected = await tables.follow_up(catalog, wallets, clean)
        expected |= tables.index_of(blocks, scope_of(self._handle.chain))
        found = await tables.follow_up(catalog, wallets, self.id)
        found |= await tables.index(self._servers.indexer, catalog, wallets, self.raw, self.id, blocks)
        return {name: difference(found[name], rows) for name, rows in expected.items() if found[name] != rows}

    async def _act(self) -> None:
        """A little of everything that goes on at the same time."""
        kind = self._draw.choices(("mine", "fork", "flip", "nothing"), (4, 4, 2, 3))[0]
        match kind:
            case "mine":
                self.chain.mine(self._draw.randint(1, 3))
            case "fork":
                self.chain.fork()
            case "flip":
                self.chain.flip()
        await self._choose_mood()
        await self._read(self._draw.randint(1, 4))
        await self.broker.deliver(self._draw.choice((0, 2, 8)))

    async def _choose_mood(self) -> None:
        self.node.mood = self._draw.choice((0.0, 0.0, 0.1, 0.3))
        near = [b for b in self.chain.left if self.chain.shared_with(b) >= self.chain.floor]
        self.node.stale = self._draw.choice(near) if near and self._draw.random() < 0.3 else None
        self.node.alien = None
        if self._draw.random() < 0.06:
            await self._alienate()

    async def _alienate(self) -> None:
        """The node is on a chain that leaves ours below what is final for the reader: nothing may follow it there."""
        at = await self._servers.indexer.pool.fetchrow(
            "SELECT * FROM indexer_checkpoints WHERE chain_id = $1", int(self.id)
        )
        if at is None or at["block_hash"] is None:
            return
        final = max(at["finalized"], at["block_number"] - self.chain.finality)
        if final > 1:
            self.node.alien = self.chain.alien(self._draw.randrange(final - 1))

    async def _read(self, turns: int) -> None:
        """The leader works; it may die on the way or freeze, and then another takes over. Frozen ones may wake."""
        leader = self.leader()
        leader.doom.decide(self._faults)
        for _ in range(turns):
            if leader.alive:
                await leader.turn()
        if not leader.alive or self._draw.random() < (0.6 if leader.doom.frozen else 0.1):
            self.lease.holder = None
        self._replicas = [replica for replica in self._replicas if replica.alive]
        for replica in self._replicas:
            if replica is not self.lease.holder and self._draw.random() < 0.3:
                await replica.turn()

    def leader(self) -> Replica:
        """The replica that leads; a new one where none does."""
        if self.lease.holder is not None and self.lease.holder.alive:
            return self.lease.holder
        replica = Replica(
            self._handle, self.lease, Checkpoints(self._servers.indexer), self.raw, self.broker, self._faults,
            self._build.reader,
        )  # fmt: skip
        self._replicas.append(replica)
        self.lease.holder = replica
        return replica

    async def settle(self) -> None:
        """Nodes tell the truth again, a last block is mined, the reader gets as far, and every message is delivered."""
        self.node.mood, self.node.stale, self.node.alien = 0.0, None, None
        self.chain.mine(1)
        if self._draw.random() < 0.5:
            self.lease.holder = None
        await self._wake_the_forgotten()
        leader = self.leader()
        leader.doom.lift()
        for _ in range(_ENOUGH_TURNS):
            await leader.turn()
            if await self._is_read():
                break
        # One turn more: what it had to tell after the last block.
        await leader.turn()
        await self._wake_the_forgotten()
        await self.broker.drain()

    async def _is_read(self) -> bool:
        hash_ = await self._servers.indexer.pool.fetchval(
            "SELECT block_hash FROM indexer_checkpoints WHERE chain_id = $1", int(self.id)
        )
        return bool(hash_ == self.chain.head.hash)

    async def _wake_the_forgotten(self) -> None:
        for replica in self._replicas:
            if replica is not self.lease.holder and replica.alive:
                replica.doom.lift()
                await replica.turn()


def difference(found: Any, expected: Any) -> Any:
    """Rows too much and rows missing, of lists; both values otherwise."""
    if not isinstance(found, list):
        return {"found": found, "expected": expected}
    return {
        "too much": [row for row in found if row not in expected],
        "missing": [row for row in expected if row not in found],
    }


async def failures(servers: Servers, seed: int, build: Build) -> dict[str, Any]:
    """What one seed finds wrong, by table; nothing when all is well."""
    world = World(servers, seed, build)
    await world.live()
    return await world.compare()
