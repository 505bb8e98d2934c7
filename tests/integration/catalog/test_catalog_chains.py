"""Forks and read points on the real database."""

from __future__ import annotations

import itertools

import pytest
from catalog_facts import NOBODY, Chain, Deliver, Move, account, block, contract, new_chain
from catalog_tables import rows, tables

from mercato.kit.errors import Poison
from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import handlers
from mercato.services.catalog.store.writing import CatalogStore

CATS, CARDS = contract("cats"), contract("cards")
ANN, BOB, CYD = account("ann"), account("bob"), account("cyd")


async def test_a_retraction_gives_back_owner_balance_and_counts(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(chain.messages([
        (block(1), [Move(0, CATS, 1, recipient=ANN), Move(1, CARDS, 7, NOBODY, ANN, 10)]),
    ]))  # fmt: skip
    before = await tables(database, chain.id)
    lost = block(2, "lost")
    await deliver(chain.messages([
        (lost, [Move(0, CATS, 1, ANN, BOB), Move(1, CATS, 2, recipient=BOB), Move(2, CARDS, 7, ANN, BOB, 4),
                Move(3, CARDS, 7, BOB, NOBODY, 1), Move(4, contract("new"), 1, recipient=CYD)]),
    ]))  # fmt: skip
    assert await tables(database, chain.id) != before
    await deliver([chain.reorged([lost], block(1), 1)])
    assert await tables(database, chain.id) == before


async def test_facts_of_an_orphaned_block_that_come_late_are_refused(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    lost = block(2, "lost")
    await deliver([chain.reorged([lost], block(1), 1)])
    await deliver(chain.messages([(lost, [Move(0, CATS, 1, recipient=ANN)])]))
    assert await rows(database, chain.id, "ownership_transfers") == []
    assert await rows(database, chain.id, "collections") == []


async def test_a_block_that_is_canonical_again_counts_again(database: Database, deliver: Deliver, chain: Chain) -> None:
    one, other = block(2, "one"), block(2, "other")
    mint = [Move(0, CATS, 1, recipient=ANN)]
    await deliver(chain.messages([(one, mint)]))
    await deliver([chain.reorged([one], block(1), 1)])
    await deliver(chain.messages([(other, [Move(3, CATS, 1, recipient=BOB)])], generation=1))
    await deliver([chain.reorged([other], block(1), 2)])
    await deliver(chain.messages([(one, mint)], generation=2))
    await deliver(chain.messages([(one, mint)], catching_up=True))  # of generation 0, and late
    assert [row[1:3] for row in await rows(database, chain.id, "ownership_transfers")] == [(one.hash, 0)]
    assert [row[2] for row in await rows(database, chain.id, "tokens")] == [ANN]


async def test_the_same_transaction_mined_again_counts_once(database: Database, deliver: Deliver, chain: Chain) -> None:
    lost, won = block(2, "lost"), block(2, "won")
    sale = {"contract": CARDS, "token_id": 7, "recipient": ANN, "amount": 3}
    await deliver(chain.messages([(lost, [Move(5, **sale)])]))
    await deliver(chain.messages([(won, [Move(2, **sale)])], generation=1))
    await deliver([chain.reorged([lost], block(1), 1)])
    assert [(row[3], row[4], row[5]) for row in await rows(database, chain.id, "token_balances")] == [(3, 1, won.hash)]


async def test_a_retraction_without_a_number_is_poison(deliver: Deliver, chain: Chain) -> None:
    with pytest.raises(Poison, match="GENERATION_MISSING"):
        await deliver([chain.reorged([block(2)], block(1), 0)])


async def test_read_points_end_alike_in_any_order(database: Database, deliver: Deliver) -> None:
    def told(chain: Chain) -> list[Incoming]:
        return [
            chain.advanced(block(10), 12), chain.advanced(block(11, "lost"), 12),
            chain.reorged([block(11, "lost")], block(10), 1), chain.advanced(block(10), 11, 1),
        ]  # fmt: skip

    points = set()
    for order in itertools.permutations(range(4)):
        chain = new_chain()
        messages = told(chain)
        await deliver([messages[i] for i in order])
        points.add(await _read_point(database, chain.id))
    assert points == {(10, block(10).hash, 1, 11)}


async def test_a_statement_that_came_before_its_fork_moves_the_read_point_with_it(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver([chain.advanced(block(8), 9)])
    await deliver([chain.advanced(block(12), 20, 1, from_block=11)])
    assert (await _read_point(database, chain.id))[:3] == (8, block(8).hash, 0)
    await deliver([chain.reorged([block(11, "lost")], block(10), 1)])
    assert await _read_point(database, chain.id) == (12, block(12).hash, 1, 20)


async def test_a_read_point_goes_forward_and_back_only_with_a_fork(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver([chain.advanced(block(10), 10), chain.advanced(block(9), 15), chain.advanced(block(10), 16)])
    assert await _read_point(database, chain.id) == (10, block(10).hash, 0, 16)
    await deliver([chain.reorged([block(9), block(10)], block(8), 1)])
    assert (await _read_point(database, chain.id))[:3] == (8, block(8).hash, 1)
    await deliver([chain.advanced(block(12), 20)])
    assert (await _read_point(database, chain.id))[:3] == (8, block(8).hash, 1)


@pytest.mark.parametrize("queue", ["catalog.chains.changed", "catalog.mints.created", "catalog.metadata.resolved"])
async def test_a_message_that_belongs_to_another_queue_is_poison(store: CatalogStore, chain: Chain, queue: str) -> None:
    stray = chain.incoming(pb.WalletLinked(wallet_id="w"))
    with pytest.raises(Poison, match="UNEXPECTED_TYPE"):
        await handlers(store)[queue](stray)


async def _read_point(database: Database, chain: ChainId) -> tuple[object, ...]:
    row = await database.pool.fetchrow(
        "SELECT block_number, block_hash, generation, head FROM sync_state WHERE chain_number = $1", chain
    )
    assert row is not None
    return tuple(row)
