"""Contracts that were there before anybody asked for them: brought in at run time, whole, through every crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_faults import Crash, FailsOnce
from tests.integration.indexer.indexer_rig import (
    Mailbox,
    Stores,
    canonical_positions,
    close,
    eventually,
    fact_positions,
    handle_of,
    reading,
)

from mercato.evm.directory import ChainHandle
from mercato.kit.ids import Address, ChainId
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.services.indexer.jobs import ChainReader, Tools
from mercato.services.indexer.model.imports import CollectionImport, ImportRequest, ImportState
from mercato.services.indexer.store.imports import Imports
from mercato.services.indexer.usecases.delivery import Deliver
from mercato.services.indexer.usecases.imports import ReadImports, RequestImport, find_deployment

FINALITY = 8
JOIN_STEPS = [
    ("imports", "bind", 1), ("raw", "add", 1), ("publisher", "publish_all", 1),
    ("publisher", "publish_all", 2), ("imports", "follow", 1),
]  # fmt: skip
HISTORY_STEPS = [("raw", "add", 2), ("publisher", "publish_all", 2), ("imports", "advance", 2)]


class OneChain:
    """A registry that knows one chain."""

    def __init__(self, handle: ChainHandle) -> None:
        self._handle = handle

    async def get(self, chain_id: ChainId) -> ChainHandle:
        assert chain_id == self._handle.chain_id
        return self._handle


class World:
    """A chain with a collection of somebody else's factory, and a reader that follows another factory."""

    def __init__(self, stores: Stores, anvil: Anvil, mailbox: Mailbox, stranger: Address) -> None:
        self.stores = stores
        self.anvil = anvil
        self.mailbox = mailbox
        self.stranger = stranger
        self.imports = Imports(stores.database)
        self.handle = handle_of(anvil.chain, anvil.pool, stranger, finality=FINALITY)

    def tools(self, **changes: Any) -> Tools:
        return self.stores.tools(**({"imports": self.imports} | changes))

    async def request(self, contract: Address, from_block: int | None = None) -> CollectionImport:
        asked = ImportRequest(self.anvil.chain, contract, from_block)
        return await RequestImport(OneChain(self.handle), self.imports)(asked)

    async def read_to_head(self) -> None:
        head = await self.anvil.head()
        async with reading(self.stores.tools(), self.handle):
            await self.stores.indexed(self.anvil.chain, head.number, head.hash)

    async def done(self, contract: Address) -> CollectionImport:
        async def look() -> CollectionImport | None:
            found = await self.imports.find(self.anvil.chain, contract)
            return found if found and found.state is ImportState.DONE else None

        return await eventually(look)

    async def clean_index(self) -> set[Any]:
        """What a reader finds that followed the collection's own factory from the first block on."""
        await self.mailbox.read()
        mine = len(self.mailbox.received)
        await self.stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", self.anvil.chain)
        head = await self.anvil.head()
        handle = handle_of(self.anvil.chain, self.anvil.pool, self.anvil.factory, finality=FINALITY)
        async with reading(self.stores.tools(), handle):
            await self.stores.indexed(self.anvil.chain, head.number, head.hash)
        await self.mailbox.read()
        found = fact_positions(self.mailbox.received[mine:])
        del self.mailbox.received[mine:]
        return {position for position in found if position[0] != "created"}


@pytest.fixture
async def world(stores: Stores, anvil: Anvil, mailbox: Mailbox) -> World:
    mine = anvil.factory
    stranger = await anvil.deploy_factory()
    anvil.factory = mine
    return World(stores, anvil, mailbox, stranger)


async def _collection(anvil: Anvil) -> Address:
    """Facts of several kinds in history, and some in blocks that a fork may still take."""
    creator, alice = anvil.accounts[1:3]
    collection = await anvil.create(creator)
    await anvil.mint(collection, alice, 2)
    await anvil.mine()
    for token in (1, 2):
        await anvil.transfer(collection, alice, creator, token)
        await anvil.mint(collection, alice)
        await anvil.mine()
    await anvil.bury()
    await _recently(anvil, collection)
    return collection


async def _recently(anvil: Anvil, collection: Address) -> None:
    creator, alice = anvil.accounts[1:3]
    await anvil.transfer(collection, creator, alice, 1)
    await anvil.mine()
    await anvil.approve_all(collection, alice, creator)
    await anvil.mint(collection, alice)
    await anvil.mine(2)


@asynccontextmanager
async def _at_work(world: World) -> AsyncIterator[None]:
    async with reading(world.tools(log_range=3), world.handle):
        yield


@pytest.mark.parametrize("from_block", [0, None], ids=["from a block", "from its deployment"])
async def test_a_contract_that_was_there_before_is_complete_after_its_import(
    world: World, from_block: int | None
) -> None:
    anvil = world.anvil
    collection = await _collection(anvil)
    await world.read_to_head()
    deployed = await find_deployment(anvil.pool, collection)
    assert await anvil.pool.code(collection, deployed or 0)
    assert not await anvil.pool.code(collection, (deployed or 0) - 1)
    async with _at_work(world):
        asked = await world.request(collection, from_block)
        assert (asked.state, asked.blocks_read, asked.blocks_total) == (ImportState.REQUESTED, 0, 0)
        finished = await world.done(collection)
        await anvil.mint(collection, anvil.accounts[2])
        head = await anvil.mine()
        await world.stores.indexed(anvil.chain, head.number, head.hash)
    first = deployed if from_block is None else from_block
    assert (finished.from_block, finished.blocks_read) == (first, finished.blocks_total)
    assert finished.blocks_total > 50
    await world.mailbox.read()
    found = fact_positions(world.mailbox.received)
    assert finished.facts_published == len([p for p in found if p[1] < head.number])
    bound = [item.message for item in world.mailbox.received if item.kind == "imported"]
    header = await anvil.pool.find_header(first or 0)
    assert header is not None
    assert [(m.at.blocks[0].number, m.at.blocks[0].hash) for m in bound] == [(header.number, header.hash)]
    assert list(bound[0].collections) == [
        events_pb2.CollectionImported(
            block=0, contract=collection, standard=common_pb2.STANDARD_ERC721, name="Herons", symbol="HRN"
        )
    ]
    assert found == await world.clean_index()


async def test_a_contract_without_any_transfer_is_bound_all_the_same(world: World) -> None:
    collection = await world.anvil.create(world.anvil.accounts[1], standard=1155)
    head = await world.anvil.mine()
    async with _at_work(world):
        await world.request(collection)
        await world.done(collection)
        await world.stores.indexed(world.anvil.chain, head.number, head.hash)
    await world.mailbox.read()
    (bound,) = [item.message for item in world.mailbox.received if item.kind == "imported"]
    assert [(c.contract, c.standard) for c in bound.collections] == [(bytes(collection), 2)]
    assert fact_positions(world.mailbox.received) == await world.clean_index()


async def test_an_import_before_the_first_block_was_read_is_complete(world: World) -> None:
    collection = await _collection(world.anvil)
    await world.request(collection, 0)
    head = await world.anvil.head()
    async with _at_work(world):
        await world.done(collection)
        await world.stores.indexed(world.anvil.chain, head.number, head.hash)
    await world.mailbox.read()
    assert fact_positions(world.mailbox.received) == await world.clean_index()


async def test_twice_imported_is_once(world: World) -> None:
    collection = await _collection(world.anvil)
    await world.read_to_head()
    async with _at_work(world):
        first = await world.request(collection)
        assert (await world.request(collection)).ref == first.ref
        finished = await world.done(collection)
        assert await world.request(collection, 5) == finished
    await world.mailbox.read()
    assert len([item for item in world.mailbox.received if item.kind == "imported"]) == 1
    assert len(await world.imports.list_imports(world.anvil.chain, None, 10, None)) == 1


async def test_a_fork_after_the_import_takes_back_what_the_import_read_of_the_lost_blocks(world: World) -> None:
    anvil = world.anvil
    collection = await _collection(anvil)
    await world.read_to_head()
    async with _at_work(world):
        await world.request(collection, 0)
        await world.done(collection)
        await anvil.reorg(4)
        await anvil.mint(collection, anvil.accounts[3])
        head = await anvil.mine(2)
        await world.stores.indexed(anvil.chain, head.number, head.hash)
    await world.mailbox.read()
    rows = await world.stores.raw_rows(anvil.chain)
    orphaned = {row.block_hash for row in rows if not row.canonical}
    lost = {b.hash for i in world.mailbox.received if i.kind == "reorged" for b in i.message.orphaned}
    assert orphaned
    assert orphaned == {row.block_hash for row in rows} & lost
    assert canonical_positions(world.mailbox.received) == await world.clean_index()


async def test_where_everything_is_read_only_the_binding_is_recorded(world: World) -> None:
    collection = await _collection(world.anvil)
    world.handle = handle_of(
        world.anvil.chain, world.anvil.pool, world.stranger, finality=FINALITY, scope=chains_pb2.INDEX_SCOPE_ALL
    )
    await world.read_to_head()
    await world.mailbox.read()
    before = len(world.mailbox.received)
    async with _at_work(world):
        await world.request(collection)
        finished = await world.done(collection)
    await world.mailbox.read()
    news = [item.kind for item in world.mailbox.received[before:]]
    assert [kind for kind in news if kind != "advanced"] == ["imported"]
    assert (finished.blocks_total, finished.facts_published) == (0, 0)
    assert await world.stores.checkpoints.list_followed(world.anvil.chain) == []


async def test_a_chain_that_is_indexed_anew_takes_its_imports_up_again(world: World) -> None:
    collection = await _collection(world.anvil)
    await world.read_to_head()
    async with _at_work(world):
        await world.request(collection)
        await world.done(collection)
    await world.stores.database.pool.execute("DELETE FROM indexer_checkpoints WHERE chain_id = $1", world.anvil.chain)
    await world.mailbox.read()
    before = len(world.mailbox.received)
    head = await world.anvil.head()
    async with _at_work(world):
        await world.stores.indexed(world.anvil.chain, head.number, head.hash)
        await world.done(collection)
    await world.mailbox.read()
    assert fact_positions(world.mailbox.received[before:]) == fact_positions(world.mailbox.received[:before])


def _faulty(world: World, part: str, method: str, moment: str, nth: int) -> Tools:
    tools = world.tools(log_range=3)
    fault: dict[str, Any] = {part: FailsOnce(getattr(tools, part), method, moment, nth)}
    return replace(tools, **fault)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("part", "method", "nth"), JOIN_STEPS)
async def test_a_reader_that_dies_while_it_takes_a_contract_up_loses_nothing(
    world: World, part: str, method: str, nth: int, moment: str
) -> None:
    collection = await _collection(world.anvil)
    await world.read_to_head()
    await world.request(collection, 0)
    tools = _faulty(world, part, method, moment, nth)
    with pytest.raises(Crash):
        await ChainReader(tools, world.handle).run()
    await close(tools.leases)
    async with _at_work(world):
        await world.done(collection)
    await world.mailbox.read()
    bound = {i.message.at.blocks[0].hash for i in world.mailbox.received if i.kind == "imported"}
    assert len(bound) == 1
    assert fact_positions(world.mailbox.received) == await world.clean_index()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("part", "method", "nth"), HISTORY_STEPS)
async def test_a_back_fill_that_dies_between_two_steps_goes_on_where_it_was(
    world: World, part: str, method: str, nth: int, moment: str
) -> None:
    collection = await _collection(world.anvil)
    await world.read_to_head()
    await world.request(collection, 0)
    async with reading(replace(world.tools(), imports=_Unread(world.imports)), world.handle):
        await eventually(lambda: _in_state(world, collection, ImportState.READING))
    tools = _faulty(world, part, method, moment, nth)
    assert tools.imports is not None
    deliver = Deliver(tools.raw, tools.checkpoints, tools.publisher)
    dying = ReadImports(deliver, tools.imports, world.handle, 2)
    with pytest.raises(Crash):
        await dying.run()
    halfway = await world.imports.find(world.anvil.chain, collection)
    assert halfway is not None
    assert 0 < halfway.blocks_read < halfway.blocks_total
    async with _at_work(world):
        finished = await world.done(collection)
    assert finished.blocks_read == finished.blocks_total
    await world.mailbox.read()
    assert fact_positions(world.mailbox.received) == await world.clean_index()


class _Unread:
    """Imports whose history nobody may read on: as if the process ended right after taking one up."""

    def __init__(self, real: Imports) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def list_open(self, chain: ChainId) -> list[CollectionImport]:
        return [one for one in await self._real.list_open(chain) if one.state is ImportState.REQUESTED]


async def _in_state(world: World, contract: Address, state: ImportState) -> CollectionImport | None:
    found = await world.imports.find(world.anvil.chain, contract)
    return found if found and found.state is state else None
