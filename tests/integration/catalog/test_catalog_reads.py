"""CatalogService over real gRPC on the real database: filters, pages, order, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from catalog_facts import (
    BLOCK_TIME,
    GENESIS_TIME,
    NOBODY,
    Chain,
    Configured,
    Created,
    Deliver,
    Move,
    account,
    block,
    contract,
    new_chain,
    terms,
    tx_hash,
)
from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import cursors, grpc
from mercato.kit.errors import InvalidArgument, NotFound
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub, add_CatalogServiceServicer_to_server
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.services.catalog.app import servicer
from mercato.services.catalog.store.versions import ChangedRows

CATS, CARDS, SEEN, EMPTY = contract("cats"), contract("cards"), contract("seen"), contract("empty")
ANN, BOB, CYD = account("ann"), account("bob"), account("cyd")


@dataclass(frozen=True)
class Market:
    """Two chains whose blocks of one height have one time."""

    one: Chain
    two: Chain

    def token(self, token_id: int, of: bytes = CATS) -> pb.TokenKey:
        return pb.TokenKey(chain_id=self.one.id.caip2, contract=of, token_id=str(token_id))


@pytest.fixture(scope="module")
async def market(deliver: Deliver) -> Market:
    found = Market(new_chain(), new_chain())
    one = [
        (block(1), [Configured(0, CATS, terms(5)), Configured(1, CATS, terms(9, "3")),
                    Configured(2, CATS, events_pb2.OwnerChanged(owner=ANN)),
                    Configured(3, CATS, events_pb2.RoleChanged(role=bytes(32), account=ANN, granted=True)),
                    Configured(4, CATS, events_pb2.RoleChanged(role=bytes(32), account=BOB, granted=True)),
                    Created(5, CATS, "100% Cats_", creator=ANN)]),
        (block(2), [Configured(0, CATS, events_pb2.RoleChanged(role=bytes(32), account=BOB, granted=False)),
                    Created(1, CARDS, "Cards", 2, BOB), Created(2, EMPTY, "Empty", 1, BOB)]),
        (block(3), [Move(n, CATS, n, recipient=ANN) for n in range(1, 13)]),
        (block(4), [Move(0, CARDS, 7, NOBODY, ANN, 10), Move(1, CARDS, 7, ANN, BOB, 4),
                    Move(2, CARDS, 8, NOBODY, BOB, 1), Move(3, CARDS, 8, BOB, NOBODY, 1),
                    Move(4, CARDS, 2, NOBODY, CYD, 0)]),
        (block(5), [Move(0, CATS, 2, ANN, BOB), Move(1, CATS, 3, ANN), Move(2, CATS, 4, ANN, ANN)]),
    ]  # fmt: skip
    two = [(block(3), [Move(0, SEEN, 1, recipient=BOB)]), (block(5), [Move(0, SEEN, 1, BOB, ANN)])]
    await deliver(found.one.messages(one))
    await deliver(found.two.messages(two))
    at = Timestamp(seconds=GENESIS_TIME)
    documents = [
        events_pb2.TokenMetadata(
            token_id=str(n), name=f"Cat {n}", image=f"ipfs://{n}", resolved_at=at,
            traits=[events_pb2.Trait(name="Fur", value=("red", "blue")[n % 2], kind="string"),
                    events_pb2.Trait(name="Hat", value=("top", "cap", "none")[n % 3], kind="string")],
        )
        for n in range(1, 11)
    ]  # fmt: skip
    failed = events_pb2.TokenMetadata(token_id="11", failure="FETCH_FAILED", resolved_at=at)
    await deliver([found.one.incoming(
        events_pb2.MetadataResolved(chain_id=found.one.id.caip2, contract=CATS, tokens=[*documents, failed])
    )])  # fmt: skip
    return found


@pytest.fixture(scope="module")
async def catalog(settings: Settings, database: Database, changed: ChangedRows) -> AsyncIterator[CatalogServiceStub]:
    served = [(add_CatalogServiceServicer_to_server, servicer(database, changed), "mercato.catalog.v1.CatalogService")]
    async with (
        grpc.serving(settings, "catalog", served),
        grpc.connected(settings, "catalog", CatalogServiceStub) as stub,
    ):
        yield stub


async def all_pages(call: Callable[[Any], Awaitable[Any]], request: Any, field: str, size: int) -> list[Any]:
    """Every row of a list, page by page, by the end cursor; checks the page info on the way."""
    rows: list[Any] = []
    request.page.first = size
    while True:
        answer = await call(request)
        page = list(getattr(answer, field))
        assert len(answer.cursors) == len(page) <= size
        assert answer.page.end_cursor == (answer.cursors[-1] if page else "")
        rows += page
        if not answer.page.has_next_page:
            return rows
        assert len(page) == size
        request.page.after = answer.page.end_cursor


async def test_a_factory_collection_shows_its_terms_roles_binding_and_counts(
    catalog: CatalogServiceStub, market: Market
) -> None:
    key = pb.CollectionKey(chain_id=market.one.id.caip2, contract=CATS)
    unknown = pb.CollectionKey(chain_id=market.one.id.caip2, contract=SEEN)
    answer = await catalog.BatchGetCollections(pb.BatchGetCollectionsRequest(keys=[key, unknown, key]))
    assert list(answer.collections) == [pb.Collection(
        id=f"{market.one.id.caip2}:0x{CATS.hex()}", chain_id=market.one.id.caip2, contract=CATS,
        standard=common_pb2.STANDARD_ERC721, name="100% Cats_", symbol="CAT", base_uri="ipfs://base/",
        contract_uri="ipfs://contract", creator=ANN, owner=ANN,
        mint_config=common_pb2.MintConfig(price="5", max_supply="100", per_wallet_limit="5", allowlist_root=bytes(32),
                                          payee=account("payee")),
        roles=[pb.Role(role=bytes(32), name="DEFAULT_ADMIN_ROLE", account=ANN)],
        bindings=[pb.Binding(kind="factory", source=account("factory"), tx_hash=tx_hash(block(1), 5), block_number=1)],
        token_count=12, supply="11", holder_count=2, created_block=1,
        created_at=Timestamp(seconds=GENESIS_TIME + BLOCK_TIME),
    )]  # fmt: skip


async def test_a_contract_that_was_only_seen_tells_where(catalog: CatalogServiceStub, market: Market) -> None:
    key = pb.CollectionKey(chain_id=market.two.id.caip2, contract=SEEN)
    (found,) = (await catalog.BatchGetCollections(pb.BatchGetCollectionsRequest(keys=[key]))).collections
    assert list(found.bindings) == [pb.Binding(kind="seen", tx_hash=tx_hash(block(3), 0), block_number=3)]
    assert (found.name, found.creator, found.created_block, found.token_count) == ("", b"", 3, 1)
    assert not found.HasField("mint_config")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [EMPTY, CARDS, CATS]),
        ({"creator": BOB}, [EMPTY, CARDS]),
        ({"owner": ANN}, [CATS]),
        ({"standard": common_pb2.STANDARD_ERC1155}, [CARDS]),
        ({"creator": BOB, "standard": common_pb2.STANDARD_ERC721}, [EMPTY]),
        ({"name_contains": "cAT"}, [CATS]),
        ({"name_contains": "0% C"}, [CATS]),
        ({"name_contains": "s_"}, [CATS]),
        ({"name_contains": "%"}, [CATS]),
        ({"owner": BOB}, []),
    ],
)
async def test_collections_are_listed_newest_first_under_every_filter(
    catalog: CatalogServiceStub, market: Market, asked: dict[str, Any], expected: list[bytes]
) -> None:
    for size in (1, 2, 100):
        request = pb.ListCollectionsRequest(chain_id=market.one.id.caip2, **asked)
        rows = await all_pages(catalog.ListCollections, request, "collections", size)
        assert {row.contract for row in rows} == set(expected)
        assert len(rows) == len(expected)
        positions = [expected.index(row.contract) for row in rows if row.contract != EMPTY]
        assert [p for p in positions if expected[p] in (CARDS, CATS)] == sorted(positions)


async def test_a_token_shows_owner_document_traits_and_mint(catalog: CatalogServiceStub, market: Market) -> None:
    answer = await catalog.BatchGetTokens(pb.BatchGetTokensRequest(keys=[market.token(2), market.token(999)]))
    assert list(answer.tokens) == [pb.Token(
        id=f"{market.one.id.caip2}:0x{CATS.hex()}:2", chain_id=market.one.id.caip2, contract=CATS, token_id="2",
        collection_id=f"{market.one.id.caip2}:0x{CATS.hex()}", standard=common_pb2.STANDARD_ERC721, owner=BOB,
        supply="1", name="Cat 2", image="ipfs://2", metadata_state="resolved", minted_block=3,
        traits=[pb.TokenTrait(name="Fur", value="red"), pb.TokenTrait(name="Hat", value="none")],
        minted_at=Timestamp(seconds=GENESIS_TIME + 3 * BLOCK_TIME),
    )]  # fmt: skip


async def test_burned_failed_pending_and_many_unit_tokens_show_what_they_are(
    catalog: CatalogServiceStub, market: Market
) -> None:
    keys = [market.token(3), market.token(11), market.token(12), market.token(7, CARDS), market.token(8, CARDS)]
    found = {t.token_id: t for t in (await catalog.BatchGetTokens(pb.BatchGetTokensRequest(keys=keys))).tokens}
    assert (found["3"].owner, found["3"].supply) == (NOBODY, "0")
    assert (found["11"].metadata_state, found["12"].metadata_state) == ("FETCH_FAILED", "pending")
    assert (found["7"].owner, found["7"].supply, found["8"].supply) == (b"", "10", "0")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"contract": CATS}, list(range(1, 13))),
        ({"contract": CATS, "owner": ANN}, [1, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ({"owner": BOB}, [2, 7]),
        ({"contract": CARDS, "owner": ANN}, [7]),
        ({"contract": CARDS}, [2, 7, 8]),
        ({"contract": CATS, "traits": [pb.TraitFilter(name="Fur", values=["red"])]}, [2, 4, 6, 8, 10]),
        ({"contract": CATS, "traits": [pb.TraitFilter(name="Fur", values=["red"]),
                                       pb.TraitFilter(name="Hat", values=["top", "cap"])]}, [4, 6, 10]),
        ({"contract": CATS, "owner": ANN, "traits": [pb.TraitFilter(name="Hat", values=["none"])]}, [5, 8]),
        ({"contract": CATS, "traits": [pb.TraitFilter(name="Hat", values=["crown"])]}, []),
        ({"contract": CATS, "traits": [pb.TraitFilter(name="Hat", values=[])]}, []),
        ({"contract": EMPTY}, []),
        ({"contract": SEEN}, []),
    ],
)  # fmt: skip
async def test_tokens_are_listed_numerically_under_every_filter(
    catalog: CatalogServiceStub, market: Market, asked: dict[str, Any], expected: list[int]
) -> None:
    for size in (1, 3, 100):
        request = pb.ListTokensRequest(chain_id=market.one.id.caip2, **asked)
        rows = await all_pages(catalog.ListTokens, request, "tokens", size)
        if "contract" in asked:
            assert [int(row.token_id) for row in rows] == expected
        assert sorted(int(row.token_id) for row in rows) == expected


async def test_a_whole_chain_is_listed_token_by_token(catalog: CatalogServiceStub, market: Market) -> None:
    for size in (1, 4, 100):
        request = pb.ListTokensRequest(chain_id=market.one.id.caip2)
        rows = [(t.contract, int(t.token_id)) for t in await all_pages(catalog.ListTokens, request, "tokens", size)]
        assert sorted(rows) == sorted([(CATS, n) for n in range(1, 13)] + [(CARDS, n) for n in (2, 7, 8)])
        assert [n for where, n in rows if where == CATS] == list(range(1, 13))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"contract": CARDS}, [(7, ANN, "6"), (7, BOB, "4")]),
        ({"contract": CARDS, "token_id": "7", "owners": [BOB]}, [(7, BOB, "4")]),
        ({"contract": CARDS, "token_id": "8"}, []),
        ({"contract": CATS, "token_id": "2"}, [(2, BOB, "1")]),
        ({"contract": CATS, "token_id": "3"}, []),
        ({"owners": [BOB]}, [(2, BOB, "1"), (7, BOB, "4")]),
        ({"owners": [BOB, BOB, CYD]}, [(2, BOB, "1"), (7, BOB, "4")]),
        ({"owners": [CYD]}, []),
    ],
)
async def test_balances_above_zero_are_listed_by_token_by_owner_or_both(
    catalog: CatalogServiceStub, market: Market, asked: dict[str, Any], expected: list[tuple[int, bytes, str]]
) -> None:
    for size in (1, 100):
        request = pb.ListBalancesRequest(chain_id=market.one.id.caip2, **asked)
        rows = await all_pages(catalog.ListBalances, request, "balances", size)
        assert sorted((int(r.token.token_id), r.owner, r.amount) for r in rows) == sorted(expected)


async def test_holdings_across_owners_come_merged_and_tell_their_block(
    catalog: CatalogServiceStub, market: Market
) -> None:
    expected = sorted([(n, ANN) for n in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12)] + [(2, BOB)])
    for size in (1, 3, 100):
        request = pb.ListBalancesRequest(chain_id=market.one.id.caip2, contract=CATS, owners=[ANN, BOB])
        rows = await all_pages(catalog.ListBalances, request, "balances", size)
        assert [(int(r.token.token_id), r.owner) for r in rows] == expected
        assert {int(r.token.token_id): r.updated_block for r in rows} == {
            n: 5 if n in (2, 4) else 3 for n, _ in expected
        }
    assert rows[0].id == f"{market.one.id.caip2}:0x{CATS.hex()}:1:0x{ANN.hex()}"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"contract": CARDS}, [(4, 4), (4, 3), (4, 2), (4, 1), (4, 0)]),
        ({"contract": CATS, "token_id": "2"}, [(5, 0), (3, 2)]),
        ({"account": BOB}, [(5, 0), (4, 3), (4, 2), (4, 1)]),
        ({"contract": CATS, "account": BOB}, [(5, 0)]),
        ({"contract": CATS, "token_id": "4", "account": ANN}, [(5, 2), (3, 4)]),
        ({"contract": EMPTY}, []),
    ],
)
async def test_transfers_are_listed_newest_first_under_every_filter(
    catalog: CatalogServiceStub, market: Market, asked: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    for size in (1, 2, 100):
        request = pb.ListTransfersRequest(chain_id=market.one.id.caip2, **asked)
        rows = await all_pages(catalog.ListTransfers, request, "transfers", size)
        assert [(r.position.block.number, r.position.log_index) for r in rows] == expected


async def test_a_movement_tells_who_what_and_where(catalog: CatalogServiceStub, market: Market) -> None:
    request = pb.ListTransfersRequest(chain_id=market.one.id.caip2, contract=CARDS, token_id="8")
    burn, mint = (await catalog.ListTransfers(request)).transfers
    assert (getattr(burn, "from"), burn.to, burn.operator, burn.amount) == (BOB, NOBODY, account("operator"), "1")
    assert getattr(mint, "from") == NOBODY
    assert burn.position == common_pb2.Position(block=block(4), tx_hash=tx_hash(block(4), 3), log_index=3)
    assert burn.id == f"{market.one.id.caip2}:0x{block(4).hash.hex()}:3:0"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"kinds": ["collection_created"]}, [(2, 2), (2, 1), (1, 5)]),
        ({"kinds": ["burn"]}, [(5, 1), (4, 3)]),
        ({"kinds": ["transfer", "collection_created"]}, [(5, 2), (5, 0), (4, 1), (2, 2), (2, 1), (1, 5)]),
        ({"contract": CARDS, "kinds": ["mint"]}, [(4, 4), (4, 2), (4, 0)]),
        ({"contract": CARDS}, [(4, 4), (4, 3), (4, 2), (4, 1), (4, 0), (2, 1)]),
        ({"contract": CARDS, "token_id": "8"}, [(4, 3), (4, 2)]),
        ({"contract": CARDS, "token_id": "8", "kinds": ["collection_created"]}, []),
        ({"account": BOB}, [(5, 0), (4, 3), (4, 2), (4, 1), (2, 2), (2, 1)]),
    ],
)
async def test_the_feed_merges_movements_and_creations_newest_first(
    catalog: CatalogServiceStub, market: Market, asked: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    for size in (1, 2, 100):
        request = pb.ListActivitiesRequest(chain_id=market.one.id.caip2, **asked)
        rows = await all_pages(catalog.ListActivities, request, "activities", size)
        assert [(r.position.block.number, r.position.log_index) for r in rows] == expected


async def test_the_feed_of_an_account_goes_across_chains_by_time(catalog: CatalogServiceStub, market: Market) -> None:
    for size in (1, 2, 3, 100):
        rows = await all_pages(catalog.ListActivities, pb.ListActivitiesRequest(account=BOB), "activities", size)
        ours = [r for r in rows if r.chain_id in (market.one.id.caip2, market.two.id.caip2)]
        assert [r.position.block.number for r in ours] == [5, 5, 4, 4, 4, 3, 2, 2]
        assert [r.occurred_at.seconds for r in rows] == sorted((r.occurred_at.seconds for r in rows), reverse=True)
        assert len({r.id for r in rows}) == len(rows)


async def test_a_creation_in_the_feed_is_about_the_whole_collection(
    catalog: CatalogServiceStub, market: Market
) -> None:
    request = pb.ListActivitiesRequest(chain_id=market.one.id.caip2, contract=CATS, kinds=["collection_created"])
    (found,) = (await catalog.ListActivities(request)).activities
    expected = pb.Activity(
        id=f"{market.one.id.caip2}:0x{block(1).hash.hex()}:5:0", kind="collection_created",
        chain_id=market.one.id.caip2, contract=CATS,
        position=common_pb2.Position(block=block(1), tx_hash=tx_hash(block(1), 5), log_index=5),
        occurred_at=Timestamp(seconds=GENESIS_TIME + BLOCK_TIME),
    )  # fmt: skip
    setattr(expected, "from", ANN)
    assert found == expected


async def test_a_chain_is_read_to_where_its_indexer_is(
    catalog: CatalogServiceStub, market: Market, deliver: Deliver
) -> None:
    await deliver([market.one.advanced(block(6), 9)])
    points = (await catalog.GetReadPoints(pb.GetReadPointsRequest())).points
    (found,) = [p for p in points if p.chain_id == market.one.id.caip2]
    assert (found.block_number, found.block_hash) == (6, block(6).hash)
    assert market.two.id.caip2 not in {p.chain_id for p in points}


async def test_columns_say_what_messages_say(catalog: CatalogServiceStub, market: Market) -> None:
    request = pb.ListTokensRequest(
        chain_id=market.token(1).chain_id, contract=CATS, page=common_pb2.PageRequest(first=5)
    )
    rows = await catalog.ListTokens(request)
    request.by_column = True
    found = await catalog.ListTokens(request)
    columns = found.columns
    assert (len(rows.tokens), len(found.tokens), len(columns.token_ids)) == (5, 0, 5)
    assert (found.page, list(found.cursors)) == (rows.page, list(rows.cursors))
    for n, token in enumerate(rows.tokens):
        place = columns.collections[columns.collection_places[n]]
        assert (place.chain_id, place.contract, place.standard) == (token.chain_id, token.contract, token.standard)
        for column, field in (
            ("token_ids", "token_id"), ("owners", "owner"), ("supplies", "supply"), ("uris", "uri"), ("names", "name"),
            ("descriptions", "description"), ("images", "image"), ("animation_urls", "animation_url"),
            ("metadata_states", "metadata_state"), ("minted_blocks", "minted_block"),
        ):  # fmt: skip
            assert getattr(columns, column)[n] == getattr(token, field), column
        assert columns.minted_at[n] == token.minted_at.seconds
        traits = zip(columns.trait_places, columns.trait_names, columns.trait_values, strict=True)
        assert [(name, value) for place, name, value in traits if place == n] == [
            (t.name, t.value) for t in token.traits
        ]
        flags = zip(columns.flag_places, columns.flags, strict=True)
        assert [flag for place, flag in flags if place == n] == list(token.flags)
    assert columns.trait_names
    assert set(columns.trait_places) <= set(range(5))


async def test_a_flag_is_put_up_and_taken_down(catalog: CatalogServiceStub, market: Market) -> None:
    request = pb.FlagTokenRequest(token=market.token(6), flag="SPAM", reason="airdropped", flagged_by="moderator")
    await catalog.FlagToken(request)
    assert list((await catalog.FlagToken(request)).flags) == ["SPAM"]
    await catalog.FlagToken(pb.FlagTokenRequest(token=market.token(6), flag="STOLEN", reason="r", flagged_by="m"))
    (found,) = (await catalog.BatchGetTokens(pb.BatchGetTokensRequest(keys=[market.token(6)]))).tokens
    assert list(found.flags) == ["SPAM", "STOLEN"]
    lowering = pb.UnflagTokenRequest(token=market.token(6), flag="SPAM", unflagged_by="moderator")
    left = await catalog.UnflagToken(lowering)
    assert list(left.flags) == ["STOLEN"]
    request.token.CopyFrom(market.token(999))
    with pytest.raises(NotFound, match="TOKEN_NOT_FOUND"):
        await catalog.FlagToken(request)


async def test_a_flag_is_not_taken_down_by_nobody(catalog: CatalogServiceStub, market: Market) -> None:
    with pytest.raises(InvalidArgument, match="FLAGGED_BY_REQUIRED"):
        await catalog.UnflagToken(pb.UnflagTokenRequest(token=market.token(6), flag="SPAM"))


CHAIN = "eip155:1"
HUGE = cursors.encode("9" * 30, 1)
BAD = [
    ("ListCollections", pb.ListCollectionsRequest(chain_id="1"), "INVALID_CHAIN_ID"),
    ("ListCollections", pb.ListCollectionsRequest(creator=b"short"), "INVALID_ADDRESS"),
    ("ListCollections", pb.ListCollectionsRequest(name_contains="x" * 101), "NAME_TOO_LONG"),
    ("ListCollections", pb.ListCollectionsRequest(page=common_pb2.PageRequest(first=101)), "INVALID_PAGE_SIZE"),
    ("ListCollections", pb.ListCollectionsRequest(page=common_pb2.PageRequest(after="?")), "INVALID_CURSOR"),
    ("ListTokens", pb.ListTokensRequest(contract=CATS), "CHAIN_REQUIRED"),
    ("ListTokens", pb.ListTokensRequest(traits=[pb.TraitFilter(name="a")]), "CONTRACT_REQUIRED"),
    (
        "ListTokens",
        pb.ListTokensRequest(chain_id=CHAIN, contract=CATS, traits=[pb.TraitFilter(name="a")] * 11),
        "TOO_MANY_TRAITS",
    ),
    (
        "ListTokens",
        pb.ListTokensRequest(page=common_pb2.PageRequest(after=cursors.encode("9" * 30, 1))),
        "INVALID_CURSOR",
    ),
    ("ListBalances", pb.ListBalancesRequest(chain_id=CHAIN), "FILTER_REQUIRED"),
    ("ListBalances", pb.ListBalancesRequest(owners=[ANN] * 101), "TOO_MANY_OWNERS"),
    ("ListBalances", pb.ListBalancesRequest(chain_id=CHAIN, token_id="1", owners=[ANN]), "CONTRACT_REQUIRED"),
    ("ListTransfers", pb.ListTransfersRequest(chain_id=CHAIN, contract=CATS, token_id="-1"), "INVALID_UINT256"),
    ("ListTransfers", pb.ListTransfersRequest(page=common_pb2.PageRequest(after="W10")), "INVALID_CURSOR"),
    ("ListActivities", pb.ListActivitiesRequest(kinds=["sale"]), "INVALID_KIND"),
    ("BatchGetTokens", pb.BatchGetTokensRequest(keys=[pb.TokenKey()] * 501), "TOO_MANY_KEYS"),
    ("BatchGetTokens", pb.BatchGetTokensRequest(keys=[pb.TokenKey(chain_id=CHAIN, contract=CATS)]), "INVALID_UINT256"),
    ("BatchGetCollections", pb.BatchGetCollectionsRequest(keys=[pb.CollectionKey(chain_id=CHAIN)]), "INVALID_ADDRESS"),
]


@pytest.mark.parametrize(("method", "request_", "reason"), BAD, ids=[f"{method} {reason}" for method, _, reason in BAD])
async def test_what_cannot_be_answered_is_refused_with_a_reason(
    catalog: CatalogServiceStub, method: str, request_: Any, reason: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await getattr(catalog, method)(request_)
    assert refused.value.reason == reason
