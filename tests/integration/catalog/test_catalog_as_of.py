"""Every answer tells the block it is true at, in the snapshot its rows were read in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from catalog_facts import Chain, Deliver, Move, account, block, contract, new_chain

from mercato.kit import grpc
from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub, add_CatalogServiceServicer_to_server
from mercato.rpc.common.v1 import common_pb2
from mercato.services.catalog.app import servicer
from mercato.services.catalog.model.views import BalanceFilter, EventFilter, Found, Kind, Scope, TokenFilter, TokenPage
from mercato.services.catalog.store.reading.balances import BalanceReads
from mercato.services.catalog.store.reading.events import EventReads
from mercato.services.catalog.store.reading.tokens import TokenReads
from mercato.services.catalog.store.versions import ChangedRows

CATS = Address(contract("cats"))
ANN, BOB = account("ann"), account("bob")
Holders = Mapping[int, bytes]


@pytest.fixture(scope="module")
async def catalog(settings: Settings, database: Database, changed: ChangedRows) -> AsyncIterator[CatalogServiceStub]:
    served = [(add_CatalogServiceServicer_to_server, servicer(database, changed), "mercato.catalog.v1.CatalogService")]
    async with (
        grpc.serving(settings, "catalog", served),
        grpc.connected(settings, "catalog", CatalogServiceStub) as stub,
    ):
        yield stub


KEY = {"contract": CATS}
REQUESTS: dict[str, Callable[[str], Any]] = {
    "BatchGetCollections": lambda c: pb.BatchGetCollectionsRequest(keys=[pb.CollectionKey(chain_id=c, **KEY)]),
    "ListCollections": lambda c: pb.ListCollectionsRequest(chain_id=c),
    "BatchGetTokens": lambda c: pb.BatchGetTokensRequest(keys=[pb.TokenKey(chain_id=c, token_id="1", **KEY)]),
    "ListTokens": lambda c: pb.ListTokensRequest(chain_id=c, **KEY),
    "ListBalances": lambda c: pb.ListBalancesRequest(chain_id=c, **KEY),
    "ListTransfers": lambda c: pb.ListTransfersRequest(chain_id=c, **KEY),
    "ListActivities": lambda c: pb.ListActivitiesRequest(chain_id=c, **KEY),
}


@pytest.mark.parametrize("method", REQUESTS)
async def test_an_answer_names_the_read_point_of_the_chain_it_is_about(
    catalog: CatalogServiceStub, deliver: Deliver, chain: Chain, method: str
) -> None:
    other = new_chain()
    for each, top in ((chain, 7), (other, 3)):
        await deliver(each.messages([(block(1), [Move(0, CATS, 1, recipient=ANN)])]))
        await deliver([each.advanced(block(top), 9, safe=8, finalized=2)])
    answer = await getattr(catalog, method)(REQUESTS[method](chain.id.caip2))
    (point,) = answer.read_points
    assert (point.chain_id, point.block_number, point.block_hash) == (chain.id.caip2, 7, block(7).hash)
    assert (point.finality, point.safe, point.finalized) == (common_pb2.FINALITY_SAFE, 8, 2)
    assert point.block_time.seconds == block(7).timestamp
    assert point.observed_at.seconds > 0
    assert len(answer.ListFields()) > 1, "there are rows too"


@pytest.mark.parametrize("method", REQUESTS)
async def test_an_answer_without_rows_is_true_at_a_block_too(
    catalog: CatalogServiceStub, deliver: Deliver, chain: Chain, method: str
) -> None:
    await deliver([chain.advanced(block(7), 7, finalized=7)])
    answer = await getattr(catalog, method)(REQUESTS[method](chain.id.caip2))
    (point,) = answer.read_points
    assert (point.block_number, point.finality) == (7, common_pb2.FINALITY_FINALIZED)
    assert [field.name for field, _ in answer.ListFields() if field.name not in ("page", "read_points")] == []


async def test_what_cannot_have_happened_did_not_happen_up_to_a_block(
    catalog: CatalogServiceStub, deliver: Deliver, chain: Chain
) -> None:
    await deliver([chain.advanced(block(7), 7)])
    asked = pb.ListActivitiesRequest(chain_id=chain.id.caip2, token_id="1", kinds=["collection_created"], **KEY)
    answer = await catalog.ListActivities(asked)
    assert [point.block_number for point in answer.read_points] == [7]


async def test_an_answer_about_all_chains_names_each_of_them(
    catalog: CatalogServiceStub, deliver: Deliver, chain: Chain
) -> None:
    other = new_chain()
    await deliver([chain.advanced(block(7), 7), other.advanced(block(3), 3)])
    everything = await catalog.ListCollections(pb.ListCollectionsRequest())
    found = {point.chain_id: point.block_number for point in everything.read_points}
    assert (found[chain.id.caip2], found[other.id.caip2]) == (7, 3)
    keys = [pb.CollectionKey(chain_id=c.id.caip2, contract=CATS) for c in (chain, other)]
    of_two = await catalog.BatchGetCollections(pb.BatchGetCollectionsRequest(keys=keys))
    assert {point.chain_id for point in of_two.read_points} == {chain.id.caip2, other.id.caip2}


async def test_a_chain_that_was_never_read_has_no_read_point(catalog: CatalogServiceStub, chain: Chain) -> None:
    answer = await catalog.ListTokens(pb.ListTokensRequest(chain_id=chain.id.caip2))
    assert list(answer.read_points) == []


async def test_after_a_fork_nothing_is_known_to_be_final_until_the_next_word(
    catalog: CatalogServiceStub, deliver: Deliver, chain: Chain
) -> None:
    lost = block(7, "lost")
    await deliver([chain.advanced(lost, 7, safe=7, finalized=2)])
    await deliver([chain.reorged([lost], block(6), 1)])
    asked = pb.ListTokensRequest(chain_id=chain.id.caip2)
    (point,) = (await catalog.ListTokens(asked)).read_points
    assert (point.block_number, point.block_hash, point.finality) == (6, block(6).hash, common_pb2.FINALITY_LATEST)
    assert (point.HasField("safe"), point.HasField("finalized")) == (False, False)
    assert point.block_time.seconds == block(6).timestamp
    await deliver([chain.advanced(block(7), 7, 1, safe=7, finalized=2)])
    (point,) = (await catalog.ListTokens(asked)).read_points
    assert (point.block_number, point.block_hash, point.finality) == (7, block(7).hash, common_pb2.FINALITY_SAFE)


class _Story:
    """A chain that grows by a token a block and forks two blocks deep; each branch mints to somebody else."""

    def __init__(self, chain: Chain, deliver: Deliver) -> None:
        self._chain = chain
        self._deliver = deliver
        self._owners: dict[bytes, dict[int, bytes]] = {block(0).hash: {}}
        self._branch = [block(0)]
        self._generation = 0

    def true_at(self, block_hash: bytes) -> Holders:
        """Who holds what after a block of any branch."""
        return self._owners[block_hash]

    async def grow(self, name: str, owner: bytes) -> None:
        """A block in which `owner` gets its token."""
        before = self._branch[-1]
        at = block(before.number + 1, name)
        self._owners[at.hash] = {**self._owners[before.hash], at.number: owner}
        self._branch.append(at)
        (fact,) = self._chain.messages([(at, [Move(0, CATS, at.number, recipient=owner)])], self._generation)
        said = self._chain.advanced(
            at, at.number, self._generation, from_block=at.number if at.number > 1 else 0, after=[fact.message_id]
        )
        await self._deliver([fact, said] if at.number % 2 else [said, fact])

    async def fork(self) -> None:
        """The two newest blocks are gone."""
        lost, self._branch = self._branch[-2:], self._branch[:-2]
        self._generation += 1
        await self._deliver([self._chain.reorged(lost, self._branch[-1], self._generation)])


Read = Callable[[Database, ChainId], Any]


async def _tokens(database: Database, chain: ChainId) -> tuple[TokenPage, Holders]:
    page = await TokenReads(database.pool).list_tokens(TokenFilter(Scope(chain, CATS), None, ()), 100, None)
    return page, dict(zip(map(int, page.columns.token_ids), page.columns.owners, strict=True))


async def _balances(database: Database, chain: ChainId) -> tuple[Found[Any], Holders]:
    page = await BalanceReads(database.pool).list_balances(BalanceFilter(Scope(chain, CATS), ()), 100, None)
    return page, {int(row.token_id): row.owner for row in page.rows}


async def _transfers(database: Database, chain: ChainId) -> tuple[Found[Any], Holders]:
    asked = EventFilter(Scope(chain, CATS), None, frozenset({Kind.MINT}))
    page = await EventReads(database.pool).list_events(asked, 100, None)
    return page, {int(row.token_id): row.recipient for row in page.rows}


@pytest.mark.parametrize("read", [_tokens, _balances, _transfers])
async def test_rows_and_read_point_never_disagree_while_blocks_are_applied_and_forks_are_undone(
    database: Database, deliver: Deliver, chain: Chain, read: Read
) -> None:
    story = _Story(chain, deliver)
    done = asyncio.Event()
    seen: set[bytes] = set()

    async def look() -> None:
        while not done.is_set():
            found, holders = await read(database, chain.id)
            for point in found.at:
                truth = story.true_at(point.block_hash)
                assert {number: holders.get(number) for number in truth} == truth, "a fact up to the block is missing"
                assert all(number > point.block_number for number in holders.keys() - truth.keys())
                seen.add(point.block_hash)

    async def live() -> None:
        try:
            for turn in range(12):
                for _ in range(4):
                    await story.grow(f"branch {turn}", (ANN, BOB)[turn % 2])
                await story.fork()
        finally:
            done.set()

    await asyncio.gather(live(), look(), look())
    assert len(seen) > 10
