"""A read point is true of the rows: it moves when the last fact up to it is applied, in whatever order all came."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from catalog_facts import Chain, Deliver, Move, account, block, contract, new_chain

from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database

CATS = contract("cats")
ANN, BOB = account("ann"), account("bob")


def mint(chain: Chain, number: int) -> Incoming:
    (message,) = chain.messages([(block(number), [Move(0, CATS, number, recipient=ANN)])])
    return message


def sale(chain: Chain, number: int) -> Incoming:
    (message,) = chain.messages([(block(number), [Move(1, CATS, number, ANN, BOB)])])
    return message


def told(chain: Chain, number: int, after: Sequence[Incoming], from_block: int | None = None) -> Incoming:
    covers_from = number if from_block is None else from_block
    return chain.advanced(block(number), number, from_block=covers_from, after=[m.message_id for m in after])


async def test_the_read_point_waits_for_the_last_fact(database: Database, deliver: Deliver, chain: Chain) -> None:
    first, second = mint(chain, 1), sale(chain, 1)
    await deliver([told(chain, 1, [first, second], from_block=0)])
    assert await read_point(database, chain.id) is None
    await deliver([first])
    assert await read_point(database, chain.id) is None
    await deliver([second])
    assert await read_point(database, chain.id) == 1


async def test_a_later_block_does_not_overtake_one_whose_facts_are_missing(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    late, soon = mint(chain, 2), mint(chain, 3)
    await deliver([told(chain, 1, [], from_block=0), soon, told(chain, 3, [soon]), told(chain, 2, [late])])
    assert await read_point(database, chain.id) == 1
    await deliver([late])
    assert await read_point(database, chain.id) == 3


async def test_any_order_of_facts_and_statements_ends_alike(database: Database, deliver: Deliver) -> None:
    def messages(chain: Chain) -> list[Incoming]:
        one, two = mint(chain, 1), sale(chain, 2)
        return [one, two, told(chain, 1, [one], from_block=0), told(chain, 2, [two]), told(chain, 3, [])]

    ends = set()
    for order in itertools.permutations(range(5)):
        chain = new_chain()
        all_of_them = messages(chain)
        await deliver([all_of_them[i] for i in order])
        ends.add(await read_point(database, chain.id))
    assert ends == {3}


async def test_facts_that_end_two_waits_at_once_move_it_to_the_end(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    facts = [mint(chain, number) for number in range(1, 9)]
    await deliver([told(chain, n, [facts[n - 1]], from_block=0 if n == 1 else None) for n in range(1, 9)])
    await asyncio.gather(*(deliver([fact]) for fact in facts))
    assert await read_point(database, chain.id) == 8
    assert await waiting(database, chain.id) == 0


async def test_a_statement_of_a_new_term_says_nothing_of_what_lies_before(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver([told(chain, 5, [])])
    assert await read_point(database, chain.id) is None, "nobody has said that blocks 1 to 4 are read"
    await deliver([told(chain, 4, [], from_block=0)])
    assert await read_point(database, chain.id) == 5


async def test_said_again_it_does_not_skip_a_wait(database: Database, deliver: Deliver, chain: Chain) -> None:
    missing = mint(chain, 2)
    await deliver([told(chain, 1, [], from_block=0), told(chain, 2, [missing]), told(chain, 2, [], from_block=0)])
    assert await read_point(database, chain.id) == 1
    await deliver([missing])
    assert await read_point(database, chain.id) == 2


async def test_after_a_fork_the_read_point_waits_for_the_retraction(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    lost = block(2, "lost")
    (orphan,) = chain.messages([(lost, [Move(0, CATS, 9, recipient=ANN)])])
    await deliver([told(chain, 1, [], from_block=0), told(chain, 2, [orphan])])
    retraction = chain.reorged([lost], block(1), 1)
    won = chain.advanced(block(2, "won"), 2, 1, from_block=2, after=[retraction.message_id])
    await deliver([won])
    assert await read_point(database, chain.id) == 1
    await deliver([retraction])
    assert await read_point(database, chain.id) == 2
    assert await waiting(database, chain.id) == 0, "what the orphaned block waited for is waited for no more"


async def read_point(database: Database, chain: ChainId) -> int | None:
    number: int | None = await database.pool.fetchval(
        "SELECT block_number FROM sync_state WHERE chain_number = $1", chain
    )
    return number


async def waiting(database: Database, chain: ChainId) -> int:
    count: int = await database.pool.fetchval(
        "SELECT count(*) FROM awaited_progress JOIN sync_state USING (chain_ref) WHERE chain_number = $1", chain
    )
    return count
