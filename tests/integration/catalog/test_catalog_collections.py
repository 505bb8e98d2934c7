"""Collections on the real database: made by factories, configured, seen, and told."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from catalog_facts import (
    Chain,
    Configured,
    Created,
    Deliver,
    Move,
    Published,
    account,
    block,
    contract,
    new_chain,
    terms,
    tx_hash,
)
from catalog_tables import rows, tables

from mercato.kit.postgres import Database
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb

CATS = contract("cats")
ANN, BOB = account("ann"), account("bob")

CREATED = Created(9, CATS, creator=ANN)
CONFIGURED = [
    Configured(1, CATS, pb.OwnerChanged(owner=ANN)),
    Configured(2, CATS, pb.RoleChanged(role=bytes(32), account=ANN, granted=True)),
    Configured(3, CATS, pb.RoyaltySet(receiver=BOB, bps=250)),
    Configured(4, CATS, terms(10**18)),
]


async def test_a_creation_fills_the_collection_its_binding_and_the_feed(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    (incoming,) = chain.messages([(block(5), [CREATED])])
    await deliver([incoming, incoming])
    at, transaction = block(5).hash, tx_hash(block(5), 9)
    found = await tables(database, chain.id)
    assert found["collections"] == [
        (CATS, 1, 0, True, "Cats", "CAT", "ipfs://base/", "ipfs://contract", ANN, None, None, 0, 0, 0, Decimal(0))
    ]
    assert found["collection_bindings"] == [(CATS, at, 9, "factory", account("factory"), transaction, ANN, 1, "Cats")]
    assert found["activities"] == [(CATS, at, 9, "collection_created", ANN, transaction)]
    (told,) = await published()
    assert told.message == pb.CollectionUpserted(
        chain_id=chain.id.caip2, contract=CATS, collection_id=f"{chain.id.caip2}:0x{CATS.hex()}", creator=ANN,
        name="Cats", standard=common_pb2.STANDARD_ERC721,
        position=common_pb2.Position(block=block(5), tx_hash=transaction, log_index=9),
    )  # fmt: skip
    assert told.headers["key"] == f"upserted.{chain.id.routing}.0x{CATS.hex()}"
    assert told.message_id == f"{incoming.message_id}:collection:0x{CATS.hex()}"


async def test_configuration_counts_the_same_before_and_after_the_creation(
    database: Database, deliver: Deliver
) -> None:
    found = []
    for reverse in (False, True):
        one = new_chain()
        messages = one.messages([(block(5), [*CONFIGURED, CREATED])])
        await deliver(sorted(messages, key=lambda m: m.type, reverse=reverse))
        found.append(await tables(database, one.id))
    assert found[0] == found[1]
    collection = found[0]["collections"][0]
    assert collection[8:12] == (ANN, ANN, BOB, 250)
    assert len(found[0]["collection_mint_config"]) == len(found[0]["collection_roles"]) == 1


async def test_a_collection_of_which_only_the_configuration_is_known_is_not_told(
    deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver(chain.messages([(block(5), CONFIGURED)]))
    assert await published() == []
    await deliver(chain.messages([(block(5), [CREATED])]))
    assert [m.message.name for m in await published()] == ["Cats"]
    await deliver(chain.messages([(block(6), [Configured(0, CATS, terms(1)), Configured(1, CATS, terms(2))])]))
    told = await published()
    assert [(m.message.position.block.number, m.message.position.log_index) for m in told] == [(6, 1)]


async def test_what_stands_later_in_the_chain_wins_whatever_comes_first(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(chain.messages([(block(8), [Configured(0, CATS, pb.OwnerChanged(owner=BOB))])]))
    await deliver(chain.messages([(block(7), [Configured(3, CATS, pb.OwnerChanged(owner=ANN))])]))
    await deliver(chain.messages([(block(8), [Configured(1, CATS, pb.RoyaltySet(receiver=ANN, bps=7))])]))
    await deliver(chain.messages([(block(8), [Configured(2, CATS, pb.RoyaltySet(receiver=bytes(20), bps=0))])]))
    collection = (await rows(database, chain.id, "collections"))[0]
    assert collection[9:12] == (BOB, bytes(20), 0)


async def test_creation_on_the_losing_branch_gives_way_to_the_one_on_the_winning_branch(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    lost, won = block(5, "lost"), block(5, "won")
    await deliver(chain.messages([(lost, [*CONFIGURED, CREATED]), (lost, [Move(12, CATS, 1, recipient=BOB)])]))
    await deliver([chain.reorged([lost], block(4), 1)])
    found = await tables(database, chain.id)
    assert {name: len(content) for name, content in found.items() if content} == {}
    await deliver(chain.messages([(won, [Created(2, CATS, name="Dogs", creator=BOB)])], generation=1))
    collection = (await rows(database, chain.id, "collections"))[0]
    assert (collection[4], collection[8:12]) == ("Dogs", (BOB, None, None, 0))


async def test_tokens_read_before_their_creation_are_put_on_the_list_of_what_to_ask_for(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver(chain.messages([(block(6), [Move(0, CATS, 1, recipient=ANN)])], catching_up=True))
    assert Counter(type(m.message).__name__ for m in await published()) == Counter(CollectionUpserted=1)
    await deliver(chain.messages([(block(5), [CREATED])], catching_up=True))
    await deliver(chain.messages([(block(5), [Created(8, CATS, creator=ANN)])], catching_up=True))
    assert await rows(database, chain.id, "metadata_requests") == [(CATS, Decimal(0), Decimal(2**256 - 1), False)]
