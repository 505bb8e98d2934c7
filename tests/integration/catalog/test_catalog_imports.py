"""Contracts that somebody asked for become collections, with or without anything that moved."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from catalog_facts import (
    NOBODY,
    Chain,
    Created,
    Deliver,
    Move,
    Published,
    account,
    block,
    contract,
    new_chain,
)
from catalog_tables import rows, tables

from mercato.kit.errors import Poison
from mercato.kit.ids import Address
from mercato.kit.postgres import Database
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.views import Binding
from mercato.services.catalog.store.reading.collections import CollectionReads

BIRDS = contract("birds")
ANN = account("ann")


async def test_an_import_fills_the_collection_and_its_binding_and_is_no_activity(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    incoming = chain.imported(block(5), BIRDS, requested_by=ANN)
    await deliver([incoming, incoming])
    found = await tables(database, chain.id)
    assert found["collections"] == [
        (BIRDS, 2, 0, True, "Foreign", "FRN", "", "", None, None, None, 0, 0, 0, Decimal(0))
    ]
    assert found["collection_bindings"] == [(BIRDS, block(5).hash, -1, "import", ANN, None, None, 2, "Foreign")]
    assert found["activities"] == []
    (told,) = await published()
    assert told.message == pb.CollectionUpserted(
        chain_id=chain.id.caip2, contract=BIRDS, collection_id=f"{chain.id.caip2}:0x{BIRDS.hex()}",
        name="Foreign", standard=common_pb2.STANDARD_ERC1155,
        position=common_pb2.Position(block=block(5), tx_hash=bytes(32)),
    )  # fmt: skip
    (shown,) = (await CollectionReads(database.pool).batch([(chain.id, Address(BIRDS))])).rows
    assert (shown.standard, shown.creator, shown.created_at is None) == (Standard.ERC1155, b"", False)
    assert shown.bindings == [Binding("import", ANN, b"", 5)]


async def test_import_creation_and_mints_give_the_same_tables_in_any_order(
    database: Database, deliver: Deliver
) -> None:
    found = []
    for order in permutations(range(3)):
        one = new_chain()
        mint = Move(0, BIRDS, 7, NOBODY, ANN, amount=3)
        messages = [*one.messages([(block(4), [Created(2, BIRDS)]), (block(6), [mint])]), one.imported(block(5), BIRDS)]
        assert len(messages) == 3
        await deliver([messages[i] for i in order])
        await deliver([messages[i] for i in reversed(order)])
        after = await tables(database, one.id)
        del after["metadata_requests"]  # what is asked for depends on what was known when
        found.append(after)
    assert [after == found[0] for after in found] == [True] * 6
    assert found[0]["collections"][0][4:6] == ("Cats", "CAT"), "the factory knows it better than who imported it"
    assert [row[3] for row in found[0]["collection_bindings"]] == ["factory", "import"]


async def test_tokens_that_were_seen_before_the_import_are_asked_for(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    seen = chain.messages([(block(4), [Move(0, BIRDS, 7, NOBODY, ANN, amount=3)])], catching_up=True)
    await deliver(seen)
    assert await rows(database, chain.id, "metadata_requests") == []
    await deliver([chain.imported(block(5), BIRDS)])
    assert len(await rows(database, chain.id, "metadata_requests")) == 1


async def test_an_import_with_half_an_address_is_parked(deliver: Deliver, chain: Chain) -> None:
    with pytest.raises(Poison):
        await deliver([chain.imported(block(5), BIRDS, requested_by=b"\x01" * 10)])
