"""What tokens look like, on the real database: documents joined, traits replaced, changes asked for."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from catalog_facts import (
    Chain,
    Created,
    Deliver,
    Move,
    Published,
    Refreshed,
    account,
    block,
    contract,
    new_chain,
)
from catalog_tables import rows, tables
from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit.messages import Incoming
from mercato.kit.postgres import Database
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.jobs import RequestMetadata
from mercato.services.catalog.store.writing import CatalogStore

CATS = contract("cats")
ANN = account("ann")
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def mints(chain: Chain, *token_ids: int) -> list[Incoming]:
    return chain.messages([(block(1), [Move(n, CATS, t, recipient=ANN) for n, t in enumerate(token_ids)])])


def document(token_id: int, minute: int = 0, traits: dict[str, str] | None = None, **fields: Any) -> pb.TokenMetadata:
    at = Timestamp()
    at.FromDatetime(NOON + timedelta(minutes=minute))
    return pb.TokenMetadata(
        token_id=str(token_id), resolved_at=at,
        traits=[pb.Trait(name=n, value=v, kind="string") for n, v in (traits or {}).items()], **fields,
    )  # fmt: skip


def resolved(chain: Chain, *documents: pb.TokenMetadata) -> Incoming:
    return chain.incoming(pb.MetadataResolved(chain_id=chain.id.caip2, contract=CATS, tokens=documents))


async def test_a_document_is_joined_to_its_token_and_told(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver(mints(chain, 1, 2))
    await published()
    answer = resolved(chain, document(1, name="Tom", image="ipfs://tom", doc_id="d1", traits={"Fur": "red"}))
    await deliver([answer, answer])
    found = await tables(database, chain.id)
    assert found["token_metadata"] == [(CATS, Decimal(1), "resolved", NOON, NOON, "Tom", "ipfs://tom", "d1")]
    assert found["token_trait_links"] == [(CATS, Decimal(1), "Fur", "red")]
    (told,) = await published()
    assert told.message == pb.TokenEnriched(
        chain_id=chain.id.caip2, contract=CATS, token_id="1",
        collection_id=f"{chain.id.caip2}:0x{CATS.hex()}", name="Tom",
    )  # fmt: skip
    assert told.headers["key"] == f"enriched.{chain.id.routing}.0x{CATS.hex()}.1"
    assert told.message_id == f"{answer.message_id}:enriched:1"


async def test_documents_end_alike_in_any_order_and_unused_traits_are_gone(
    database: Database, deliver: Deliver
) -> None:
    documents = [
        document(1, 0, {"Fur": "red", "Eyes": "green"}, name="old", doc_id="a"),
        document(1, 1, {"Fur": "red", "Hat": "top"}, name="new", doc_id="b"),
        document(1, 2, failure="FETCH_FAILED"),
        document(2, 1, {"Fur": "blue"}, name="other", doc_id="c"),
    ]
    ends = []
    for order in itertools.permutations(documents):
        chain = new_chain()
        await deliver(mints(chain, 1, 2))
        for one in order:
            await deliver([resolved(chain, one)])
        ends.append(await tables(database, chain.id))
    assert all(end == ends[0] for end in ends)
    assert ends[0]["token_metadata"] == [
        (CATS, Decimal(1), "FETCH_FAILED", NOON + timedelta(minutes=2), NOON + timedelta(minutes=1), "new", "", "b"),
        (CATS, Decimal(2), "resolved", NOON + timedelta(minutes=1), NOON + timedelta(minutes=1), "other", "", "c"),
    ]
    assert ends[0]["trait_values"] == [(CATS, "Fur", "blue"), (CATS, "Fur", "red"), (CATS, "Hat", "top")]
    assert ends[0]["traits"] == [(CATS, "Fur", "string"), (CATS, "Hat", "string")]


async def test_one_answer_may_hold_a_token_twice(database: Database, deliver: Deliver, chain: Chain) -> None:
    await deliver(mints(chain, 1))
    await deliver([resolved(chain, document(1, 5, name="late", doc_id="b"), document(1, 1, name="early", doc_id="a"))])
    assert [row[5] for row in await rows(database, chain.id, "token_metadata")] == ["late"]


async def test_a_document_of_an_unknown_token_is_dropped(
    database: Database, deliver: Deliver, published: Published, chain: Chain
) -> None:
    await deliver([resolved(chain, document(1, name="nobody's"))])
    await deliver(mints(chain, 2))
    await published()
    await deliver([resolved(chain, document(1, name="nobody's", traits={"Fur": "red"}))])
    found = await tables(database, chain.id)
    assert (found["token_metadata"], found["traits"], await published()) == ([], [], [])


async def test_a_retracted_token_takes_its_document_along(database: Database, deliver: Deliver, chain: Chain) -> None:
    await deliver(mints(chain, 1))
    await deliver([resolved(chain, document(1, name="Tom", traits={"Fur": "red"}))])
    await deliver([chain.reorged([block(1)], block(0), 1)])
    assert {name for name, content in (await tables(database, chain.id)).items() if content} == set()


async def test_what_a_document_may_hold_is_bounded(database: Database, deliver: Deliver, chain: Chain) -> None:
    await deliver(mints(chain, 1))
    giant = "x" * 100_000
    many = [pb.Trait(name=f"{giant}{n}", value=giant, kind="string") for n in range(3)]
    answer = document(1, name="a\0b" + giant, description=giant, image="data:" + giant)
    answer.traits.extend(many)
    await deliver([resolved(chain, answer)])
    ((*_, name, image, _),) = await rows(database, chain.id, "token_metadata")
    assert (name, image) == ("ab" + "x" * 498, "")
    assert await rows(database, chain.id, "trait_values") == [(CATS, "x" * 200, "x" * 500)]


async def test_a_refresh_asks_again_for_the_tokens_it_means(
    deliver: Deliver, published: Published, store: CatalogStore, chain: Chain
) -> None:
    await deliver(mints(chain, *range(1, 260)))
    await deliver([resolved(chain, document(4, name="known"))])
    await deliver(chain.messages([(block(2), [Move(0, CATS, 5, ANN)])]))  # burned: nothing to ask for
    await deliver(chain.messages([
        (block(3), [Refreshed(0, CATS, "4", "5"), Refreshed(1, CATS, "6", "6"), Refreshed(2, CATS, "8", "9")]),
    ]))  # fmt: skip
    await published()
    await RequestMetadata(store).drain()
    (request,) = await published()
    assert request.message == pb.MetadataRequested(
        chain_id=chain.id.caip2, contract=CATS, standard=1, token_ids=["4", "6", "8", "9"], refresh=True
    )  # fmt: skip
    await deliver(chain.messages([(block(4), [Refreshed(0, CATS, "0", str(2**256 - 1))])]))
    await RequestMetadata(store).drain()
    pages = [list(m.message.token_ids) for m in await published()]
    assert [len(page) for page in pages] == [200, 58]
    assert [t for page in pages for t in page] == [str(t) for t in range(1, 260) if t != 5]


async def test_a_storm_of_refreshes_of_the_same_tokens_waits_as_one(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(mints(chain, *range(1, 50)))
    whole = ("0", str(2**256 - 1))
    for number in range(2, 6):
        await deliver(chain.messages([(block(number), [Refreshed(0, CATS, *whole), Refreshed(1, CATS, "7", "9")])]))
    await deliver(chain.messages([(block(9), [Refreshed(n, CATS, str(n), str(n)) for n in range(1, 40)])]))
    assert await rows(database, chain.id, "metadata_requests") == [(CATS, Decimal(0), Decimal(2**256 - 1), True)]


async def test_refreshes_of_history_concern_followed_collections_only(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(mints(chain, 1))
    signal = [Refreshed(0, CATS, "1", "1")]
    await deliver(chain.messages([(block(2), signal)], catching_up=True))
    assert await rows(database, chain.id, "metadata_requests") == []
    await deliver(chain.messages([(block(3), [Created(0, CATS)])]))
    await database.pool.execute("DELETE FROM metadata_requests")
    await deliver(chain.messages([(block(4), signal)], catching_up=True))
    assert await rows(database, chain.id, "metadata_requests") == [(CATS, Decimal(1), Decimal(1), True)]


async def test_what_a_contract_says_of_itself_asks_for_no_token(
    database: Database, deliver: Deliver, chain: Chain
) -> None:
    await deliver(mints(chain, 1))
    await deliver(chain.messages([(block(2), [Refreshed(0, CATS, "", "")])]))
    assert await rows(database, chain.id, "metadata_requests") == []
