"""Transfers on the real database: what follows from them, and what the house hears."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from catalog_facts import NOBODY, Chain, Created, Deliver, Move, Published, account, block, contract, new_chain, tx_hash
from catalog_tables import rows, tables

from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.model.views import block_number

CATS, CARDS = contract("cats"), contract("cards")
ANN, BOB, CYD = account("ann"), account("bob"), account("cyd")


def of_type(messages: list[Incoming], kind: type) -> list[Incoming]:
    return [m for m in messages if isinstance(m.message, kind)]


async def test_a_mint_a_sale_and_a_burn_of_one_token_each(database: Database, deliver: Deliver, chain: Chain) -> None:
    await deliver(chain.messages([
        (block(1), [Move(i, CATS, i, recipient=ANN) for i in (1, 2, 3)]),
        (block(2), [Move(0, CATS, 2, ANN, BOB), Move(1, CATS, 3, ANN)]),
    ]))  # fmt: skip
    first, second = block(1).hash, block(2).hash
    assert await rows(database, chain.id, "tokens") == sorted([
        (CATS, Decimal(1), ANN, first, 1, 0, first, Decimal(0)),
        (CATS, Decimal(2), BOB, second, 0, 0, first, Decimal(0)),
        (CATS, Decimal(3), None, second, 1, 0, first, Decimal(0)),
    ], key=repr)  # fmt: skip
    assert await rows(database, chain.id, "collection_holders") == sorted(
        [(CATS, ANN, Decimal(1), 5), (CATS, BOB, Decimal(1), 1)], key=repr
    )
    assert await rows(database, chain.id, "token_balances") == []
    collection = (await rows(database, chain.id, "collections"))[0]
    assert (collection[:4], collection[12:]) == ((CATS, 1, 1, False), (3, 2, Decimal(2)))


async def test_units_are_summed_per_holder_and_one_log_may_move_many(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(chain.messages([
        (block(1), [Move(0, CARDS, 7, recipient=ANN, amount=100), Move(0, CARDS, 8, NOBODY, ANN, 5, batch_index=1)]),
        (block(2), [Move(3, CARDS, 7, ANN, BOB, 30), Move(4, CARDS, 7, ANN, CYD, 0), Move(5, CARDS, 7, BOB, NOBODY, 10),
                    Move(6, CARDS, 8, ANN, ANN, 2)]),
    ]))  # fmt: skip
    first, second = block(1).hash, block(2).hash
    assert await rows(database, chain.id, "token_balances") == sorted([
        (CARDS, Decimal(7), ANN, Decimal(70), 3, second),
        (CARDS, Decimal(7), BOB, Decimal(20), 2, second),
        (CARDS, Decimal(7), CYD, Decimal(0), 1, second),
        (CARDS, Decimal(8), ANN, Decimal(5), 3, second),
    ], key=repr)  # fmt: skip
    assert await rows(database, chain.id, "tokens") == [
        (CARDS, Decimal(7), None, None, None, None, first, Decimal(90)),
        (CARDS, Decimal(8), None, None, None, None, first, Decimal(5)),
    ]
    collection = (await rows(database, chain.id, "collections"))[0]
    assert (collection[1], collection[12:]) == (2, (2, 2, Decimal(95)))


async def test_the_same_facts_in_other_batches_change_nothing_and_say_nothing(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    mints = [Move(i, CATS, i, recipient=ANN) for i in range(4)]
    await deliver(chain.messages([(block(1), mints)]))
    before = await tables(database, chain.id)
    await published()
    await deliver(chain.messages([(block(1), mints)]))
    await deliver(chain.messages([(block(1), mints[:2])]))
    await deliver(chain.messages([(block(1), mints[1:])], catching_up=True))
    assert await tables(database, chain.id) == before
    assert await published() == []


async def test_only_what_is_new_in_an_overlapping_batch_is_told(
    deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver(chain.messages([(block(1), [Move(0, CATS, 1, recipient=ANN)])]))
    await published()
    await deliver(chain.messages([(block(1), [Move(0, CATS, 1, recipient=ANN), Move(1, CATS, 2, recipient=BOB)])]))
    told = await published()
    assert [m.message.token_id for m in of_type(told, pb.TokenUpserted)] == ["2"]
    assert [list(m.message.token_ids) for m in of_type(told, pb.MetadataRequested)] == [["2"]]
    assert len(told) == 2


async def test_live_each_movement_is_told_with_its_position(
    deliver: Deliver, published: Published, chain: Chain
) -> None:
    mint, cause = Move(4, CARDS, 7, recipient=ANN, amount=3), block(9)
    (incoming,) = chain.messages([(cause, [mint])])
    await deliver([incoming])
    await deliver(chain.messages([(block(10), [Move(0, CARDS, 7, ANN, NOBODY, 1)])]))
    told = await published()
    assert Counter(type(m.message).__name__ for m in told) == Counter(
        CollectionUpserted=1, MetadataRequested=1, TokenUpserted=1, TokenTransferred=1
    )
    collection, token = of_type(told, pb.CollectionUpserted)[0], of_type(told, pb.TokenUpserted)[0]
    identity = f"{chain.id.caip2}:0x{CARDS.hex()}"
    position = common_pb2.Position(block=cause, tx_hash=tx_hash(cause, 4), log_index=4)
    assert collection.message == pb.CollectionUpserted(
        chain_id=chain.id.caip2, contract=CARDS, collection_id=identity,
        standard=common_pb2.STANDARD_ERC1155, position=position,
    )  # fmt: skip
    assert token.message == pb.TokenUpserted(
        chain_id=chain.id.caip2, contract=CARDS, token_id="7", collection_id=identity,
        standard=common_pb2.STANDARD_ERC1155, owner=ANN, amount="3", position=position,
    )  # fmt: skip
    assert token.headers["key"] == f"upserted.{chain.id.routing}.0x{CARDS.hex()}.7"
    assert token.message_id == f"{incoming.message_id}:token:{cause.hash.hex()}.4.0"
    burn = of_type(told, pb.TokenTransferred)[0]
    assert burn.headers["key"] == f"transferred.{chain.id.routing}.0x{CARDS.hex()}.7"
    assert (getattr(burn.message, "from"), burn.message.to, burn.message.amount) == (ANN, NOBODY, "1")


async def test_catching_up_a_collection_is_told_once_a_message_and_tokens_not_at_all(
    deliver: Deliver, published: Published, chain: Chain
) -> None:
    facts = [(block(n), [Move(0, CATS, n, recipient=ANN), Move(1, CARDS, n, NOBODY, ANN, 1)]) for n in range(1, 20)]
    await deliver(chain.messages(facts, catching_up=True))
    told = await published()
    assert {(m.message.contract, m.message.position.block.number) for m in told} == {(CATS, 19), (CARDS, 19)}
    assert Counter(type(m.message).__name__ for m in told) == Counter(CollectionUpserted=2)


async def test_history_is_asked_for_metadata_only_where_a_collection_is_followed(
    deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver(chain.messages([(block(1), [Created(0, CATS)])], catching_up=True))
    await published()
    mints = [Move(n, CATS, n, recipient=ANN) for n in range(250)] + [Move(300, CARDS, 1, NOBODY, ANN, 1)]
    await deliver(chain.messages([(block(2), mints)], catching_up=True))
    requests = of_type(await published(), pb.MetadataRequested)
    assert [(m.message.contract, len(m.message.token_ids), m.message.refresh) for m in requests] == [
        (CATS, 200, False), (CATS, 50, False)
    ]  # fmt: skip
    assert [t for m in requests for t in m.message.token_ids] == [str(n) for n in range(250)]
    assert len({m.message_id for m in requests}) == 2


async def test_a_contract_of_both_standards_counts_as_the_wider_one_in_any_order(
    database: Database, deliver: Deliver
) -> None:
    moves = [Move(0, CATS, 1, recipient=ANN), Move(1, CATS, 1, ANN, BOB, 4)]
    found = []
    for order in (moves, moves[::-1]):
        one = new_chain()
        for move in order:
            await deliver(one.messages([(block(1), [move])]))
        found.append(await tables(database, one.id))
    assert found[0] == found[1]
    assert found[0]["collections"][0][1] == 2


async def test_a_contract_that_claims_more_units_than_exist_breaks_nothing(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    most = 2**256 - 1
    await deliver(chain.messages([(block(1), [Move(i, CARDS, most, NOBODY, ANN, most) for i in range(20)])]))
    ((_, token_id, _, amount, _, _),) = await rows(database, chain.id, "token_balances")
    assert (int(token_id), int(amount)) == (most, 20 * most)


async def test_a_block_key_orders_by_height_and_gives_it_back(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    heights = [0, 1, 255, 256, 2**32, 2**40 - 1]
    for n, height in enumerate(reversed(heights)):
        await deliver(chain.messages([(block(height), [Move(0, CATS, n, recipient=ANN)])]))
        await deliver(chain.messages([(block(height, "b"), [Move(0, CATS, n, recipient=ANN)])]))
    found = await database.pool.fetch(
        "SELECT block_ref, number FROM blocks JOIN sync_state USING (chain_ref) WHERE chain_number = $1"
        " ORDER BY block_ref", chain.id,
    )  # fmt: skip
    assert [row["number"] for row in found] == sorted(heights * 2)
    assert [block_number(row["block_ref"]) for row in found] == sorted(heights * 2)
