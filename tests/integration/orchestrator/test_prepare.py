"""Prepare: one unsigned transaction for each wish, with the address, price, gas and fees it will really have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from intent_world import User, World

from mercato.evm.abi import Function
from mercato.kit.errors import Conflict, FailedPrecondition, InvalidArgument, MercatoError, NotFound
from mercato.kit.ids import Address, new_id
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb

ERC721, ERC1155 = common_pb2.STANDARD_ERC721, common_pb2.STANDARD_ERC1155


async def reason_of(call: Any, kind: type[MercatoError]) -> str:
    with pytest.raises(kind) as caught:
        await call
    return caught.value.reason


@pytest.mark.parametrize("standard", [ERC721, ERC1155])
async def test_a_prepared_collection_stands_where_it_was_predicted(world: World, standard: Any) -> None:
    user = world.user()
    intent = await world.prepare_collection(user, standard=standard)
    assert (intent.state, intent.kind, intent.version) == (
        pb.INTENT_STATE_PREPARED, pb.INTENT_KIND_CREATE_COLLECTION, 1,
    )  # fmt: skip
    assert await world.node.code(Address(intent.contract)) == b""
    await world.send(intent)
    owner = await world.node.call(Address(intent.contract), Function("owner()").encode())
    assert owner[12:] == user.wallet


async def test_fees_and_gas_follow_the_chains_policy(world: World) -> None:
    intent = await world.prepare_collection(world.user())
    header = await world.node.find_header("latest")
    assert header is not None
    assert header.base_fee is not None
    transaction = intent.transaction
    assert transaction.chain_id == world.chain_id.caip2
    assert int(transaction.max_priority_fee_per_gas) == 10**9
    assert int(transaction.max_fee_per_gas) == header.base_fee * 2 + 10**9
    estimate = await world.node.estimate_gas(Address(transaction.to), transaction.data, sender=Address(intent.sender))
    assert transaction.gas_limit == -(-estimate * 120 // 100)
    assert transaction.value == "0"


async def test_the_same_wish_under_the_same_key_is_one_intent(world: World) -> None:
    user = world.user()
    request = world.collection_request(user)
    first = await world.orchestrator.PrepareCreateCollection(request)
    again = await world.orchestrator.PrepareCreateCollection(request)
    assert (first.created, again.created) == (True, False)
    assert again.intent == first.intent


async def test_another_wish_under_the_same_key_is_a_conflict(world: World) -> None:
    user = world.user()
    first = await world.prepare_collection(user, caller=user.caller("one"))
    other = world.prepare_collection(user, caller=user.caller("one"), name="Moons")
    assert await reason_of(other, Conflict) == "IDEMPOTENCY_KEY_REUSED"
    mint = world.prepare_mint(user, first.contract, caller=user.caller("one"))
    assert await reason_of(mint, Conflict) == "IDEMPOTENCY_KEY_REUSED"
    assert (await world.get(first)) == first


async def test_a_key_belongs_to_its_user(world: World) -> None:
    one, two = world.user(), world.user()
    first = await world.prepare_collection(one, caller=one.caller("shared"))
    second = await world.prepare_collection(two, caller=two.caller("shared"), name="Moons")
    assert first.id != second.id


async def test_fifty_parallel_prepares_make_one_row(world: World) -> None:
    user = world.user()
    request = world.collection_request(user)
    answers = await asyncio.gather(*(world.orchestrator.PrepareCreateCollection(request) for _ in range(50)))
    assert len({answer.intent.id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    rows = await world.database.pool.fetchval("SELECT count(*) FROM tx_intents WHERE user_id = $1", user.id)
    assert rows == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": "1"}, "INVALID_CHAIN_ID"),
        ({"name": ""}, "INVALID_NAME"),
        ({"standard": 0}, "INVALID_STANDARD"),
        ({"royalty_bps": 10_001}, "INVALID_ROYALTY"),
        ({"royalty_receiver": b"\x01"}, "INVALID_ADDRESS"),
        ({"mint_config": common_pb2.MintConfig(price="-1")}, "INVALID_UINT256"),
        ({"mint_config": common_pb2.MintConfig(price=str(2**128))}, "INVALID_MINT_CONFIG"),
        ({"mint_config": common_pb2.MintConfig(allowlist_root=b"x")}, "INVALID_ALLOWLIST_ROOT"),
        ({"caller": pb.Caller(user_id="me", wallet=bytes(20), idempotency_key="k")}, "INVALID_ID"),
    ],
)
async def test_bad_input_is_refused_and_leaves_no_row(world: World, changes: dict[str, Any], reason: str) -> None:
    user = world.user()
    assert await reason_of(world.prepare_collection(user, **changes), InvalidArgument) == reason
    assert await world.database.pool.fetchval("SELECT count(*) FROM tx_intents WHERE user_id = $1", user.id) == 0


async def test_an_unknown_chain_is_not_found(world: World) -> None:
    call = world.prepare_collection(world.user(), chain_id="eip155:999")
    assert await reason_of(call, NotFound) == "CHAIN_UNKNOWN"


async def test_only_known_collections_of_the_right_standard_can_be_minted_from(world: World) -> None:
    user = world.user()
    assert await reason_of(world.prepare_mint(user, b"\x99" * 20), NotFound) == "UNKNOWN_COLLECTION"
    units = await world.new_collection(user, ERC1155)
    assert await reason_of(world.prepare_mint(user, units), InvalidArgument) == "WRONG_STANDARD"
    intent = await world.prepare_collection(user)
    world.catalog.tell(intent.contract, ERC721)  # known, but nothing stands there
    assert await reason_of(world.prepare_mint(user, intent.contract), FailedPrecondition) == "NOT_MINTABLE"


async def test_a_mint_pays_price_times_quantity(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user, mint_config=common_pb2.MintConfig(price=str(10**15)))
    intent = await world.prepare_mint(user, contract, 3)
    assert intent.transaction.value == str(3 * 10**15)
    assert (intent.kind, intent.contract, intent.transaction.to) == (pb.INTENT_KIND_MINT_721, contract, contract)


async def test_a_mint_of_units_pays_by_the_terms_of_its_token(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user, ERC1155, mint_config=common_pb2.MintConfig(price="5"))
    terms = "(uint128,uint64,uint32,uint64,uint64,bytes32,address)"
    own_terms = Function(f"setMintConfig(uint256,{terms})").encode(7, (11, 0, 0, 0, 0, bytes(32), user.wallet))
    await world.send_plain(user, Address(contract), data="0x" + own_terms.hex())

    async def value(token_id: int) -> str:
        request = pb.PrepareMint1155Request(
            caller=user.caller(), chain_id=world.chain_id.caip2, contract=contract, token_id=str(token_id), amount="4"
        )
        return (await world.orchestrator.PrepareMint1155(request)).intent.transaction.value

    assert (await value(6), await value(7)) == ("20", "44")


async def test_what_the_contract_would_refuse_is_not_prepared(world: World) -> None:
    user = world.user()
    contract = await world.new_collection(user, mint_config=common_pb2.MintConfig(max_supply="2"))
    with pytest.raises(FailedPrecondition) as caught:
        await world.prepare_mint(user, contract, 3)
    assert caught.value.reason == "WOULD_REVERT"
    assert caught.value.details["error"] == "SoldOut(maxSupply=2, requested=3)"
    assert caught.value.details["name"] == "SoldOut"


async def test_a_wallet_that_cannot_pay_is_told_so(world: World) -> None:
    poor = User(Address(b"\x42" * 20))
    contract = await world.new_collection(world.user(), mint_config=common_pb2.MintConfig(price=str(10**15)))
    with pytest.raises(FailedPrecondition) as caught:
        await world.prepare_mint(poor, contract)
    assert caught.value.reason == "INSUFFICIENT_FUNDS"


async def test_a_user_reads_his_own_intents_only(world: World) -> None:
    user, stranger = world.user(), world.user()
    intents = [await world.prepare_collection(user) for _ in range(3)]
    get = world.orchestrator.GetIntent
    foreign = pb.GetIntentRequest(user_id=str(stranger.id), intent_id=intents[0].id)
    assert await reason_of(get(foreign), NotFound) == "INTENT_NOT_FOUND"
    malformed = pb.GetIntentRequest(user_id=str(user.id), intent_id="1")
    assert await reason_of(get(malformed), InvalidArgument) == "INVALID_ID"

    async def page(after: str) -> pb.ListIntentsResponse:
        request = pb.ListIntentsRequest(user_id=str(user.id), page=common_pb2.PageRequest(first=2, after=after))
        return await world.orchestrator.ListIntents(request)

    first = await page("")
    assert [i.id for i in first.intents] == [intents[2].id, intents[1].id]
    assert first.page.has_next_page
    assert (len(first.cursors), first.cursors[-1]) == (2, first.page.end_cursor)
    second = await page(first.page.end_cursor)
    assert [i.id for i in second.intents] == [intents[0].id]
    assert not second.page.has_next_page
    strangers = pb.ListIntentsRequest(user_id=str(stranger.id))
    assert list((await world.orchestrator.ListIntents(strangers)).intents) == []


async def test_a_batch_holds_the_users_own_intents_only(world: World) -> None:
    user, stranger = world.user(), world.user()
    own = [await world.prepare_collection(user) for _ in range(2)]
    foreign = await world.prepare_collection(stranger)
    batch = world.orchestrator.BatchGetIntents
    ids = [own[1].id, foreign.id, str(new_id()), own[0].id, own[1].id]
    found = await batch(pb.BatchGetIntentsRequest(user_id=str(user.id), intent_ids=ids))
    assert sorted(found.intents, key=lambda i: i.id) == own
    nobody = await batch(pb.BatchGetIntentsRequest(user_id=str(new_id()), intent_ids=ids))
    assert list(nobody.intents) == []
    malformed = pb.BatchGetIntentsRequest(user_id=str(user.id), intent_ids=["1"])
    assert await reason_of(batch(malformed), InvalidArgument) == "INVALID_ID"
    long = pb.BatchGetIntentsRequest(user_id=str(user.id), intent_ids=[str(new_id()) for _ in range(101)])
    assert await reason_of(batch(long), InvalidArgument) == "BATCH_TOO_LONG"
