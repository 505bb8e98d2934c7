"""Wire messages into facts, and what is poison."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mercato.kit.errors import InvalidArgument, Poison
from mercato.kit.ids import ChainId
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.consumers import decoding
from mercato.services.catalog.model.facts import (
    Batch,
    Block,
    MintTerms,
    Ownership,
    Refresh,
    RoleGrant,
    Royalty,
    Transfer,
)

ANN, CATS, NOBODY = b"a" * 20, b"c" * 20, bytes(20)
HASH = b"h" * 32


def transfer(**fields: object) -> pb.Transfer:
    message = pb.Transfer(contract=CATS, tx_hash=HASH, to=ANN, token_id="7", log_index=3,
                          standard=common_pb2.STANDARD_ERC721)  # fmt: skip
    setattr(message, "from", NOBODY)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def at(*numbers: int, **fields: object) -> pb.FactBlocks:
    blocks = [common_pb2.Block(number=n, hash=HASH, timestamp=60) for n in numbers]
    return pb.FactBlocks(chain_id="eip155:5", blocks=blocks, **fields)  # type: ignore[arg-type]


def test_a_mint_comes_from_nobody_and_has_no_amount() -> None:
    assert decoding.transfers([transfer()]) == [Transfer(0, 3, 0, CATS, "7", None, ANN, HASH, None, None)]


def test_units_have_an_operator_and_an_amount_which_is_one_when_left_out() -> None:
    multi = common_pb2.STANDARD_ERC1155
    facts = decoding.transfers([
        transfer(standard=multi, operator=ANN, amount="0", batch_index=2, block=1),
        transfer(standard=multi, operator=ANN),
    ])  # fmt: skip
    assert [(f.operator, f.amount, f.batch_index, f.block) for f in facts] == [(ANN, 0, 2, 1), (ANN, 1, 0, 0)]


def test_an_amount_of_erc721_says_nothing() -> None:
    assert decoding.transfers([transfer(amount="1", operator=ANN)])[0][-2:] == (None, None)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("contract", b"short", "INVALID_LENGTH"),
        ("to", b"", "INVALID_LENGTH"),
        ("from", b"x" * 32, "INVALID_LENGTH"),
        ("tx_hash", ANN, "INVALID_LENGTH"),
        ("token_id", "", "INVALID_UINT256"),
        ("token_id", "007", "INVALID_UINT256"),
        ("token_id", str(2**256), "INVALID_UINT256"),
    ],
)
def test_a_transfer_that_breaks_its_contract_is_permanent(field: str, value: object, reason: str) -> None:
    with pytest.raises((Poison, InvalidArgument)) as refused:
        decoding.transfers([transfer(**{field: value})])
    assert (refused.value.reason, refused.value.retryable) == (reason, False)


def test_a_batch_knows_its_blocks() -> None:
    facts = decoding.transfers([transfer(block=1)])
    found = decoding.batch(at(8, 9, generation=3, catching_up=True), facts)
    minute = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert found == Batch(ChainId(5), [Block(8, HASH, minute), Block(9, HASH, minute)], 3, True, facts)


def test_a_fact_of_a_block_that_is_not_there_is_poison() -> None:
    with pytest.raises(Poison, match="UNKNOWN_BLOCK"):
        decoding.batch(at(8), decoding.transfers([transfer(block=1)]))


def test_a_block_without_a_hash_is_poison() -> None:
    with pytest.raises(Poison, match="INVALID_BLOCK"):
        decoding.batch(pb.FactBlocks(chain_id="eip155:5", blocks=[common_pb2.Block(number=1)]), [])


def test_a_time_beyond_all_calendars_is_the_last_one() -> None:
    block = common_pb2.Block(number=1, hash=HASH, timestamp=2**63)
    found = decoding.batch(pb.FactBlocks(chain_id="eip155:5", blocks=[block]), [])
    assert found.blocks[0].mined_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_each_way_to_configure_a_collection() -> None:
    config = common_pb2.MintConfig(price="5", max_supply="0", per_wallet_limit="2", starts_at=2**64 - 1)
    said = [
        pb.CollectionConfigured(mint_config=pb.MintConfigSet(token_id="1", config=config)),
        pb.CollectionConfigured(role=pb.RoleChanged(role=HASH, account=ANN, granted=True)),
        pb.CollectionConfigured(owner=pb.OwnerChanged(owner=ANN)),
        pb.CollectionConfigured(royalty=pb.RoyaltySet(receiver=ANN, bps=2**32 - 1)),
    ]
    for item in said:
        item.contract, item.tx_hash = CATS, HASH
    assert [change.value for change in decoding.changes(said)] == [
        MintTerms(1, 5, 0, 2, 2**64 - 1, 0, b"", b""), RoleGrant(HASH, ANN, True), Ownership(ANN),
        Royalty(ANN, 2**32 - 1),
    ]  # fmt: skip


def test_a_way_to_configure_that_is_not_known_is_poison() -> None:
    with pytest.raises(Poison, match="UNKNOWN_CHANGE"):
        decoding.changes([pb.CollectionConfigured(contract=CATS, tx_hash=HASH)])


def test_a_refresh_of_the_contract_itself_is_about_no_token() -> None:
    said = [
        pb.MetadataRefresh(contract=CATS),
        pb.MetadataRefresh(contract=CATS, from_token_id="3", to_token_id="9", block=1),
    ]
    assert decoding.refreshes(said) == [Refresh(1, CATS, 3, 9)]


def test_a_name_with_a_nul_loses_it() -> None:
    said = pb.CollectionCreated(contract=CATS, factory=ANN, creator=ANN, tx_hash=HASH, name="Ca\0ts")
    assert decoding.creations([said])[0].name == "Cats"


def test_a_retraction_is_numbered_from_one() -> None:
    ancestor = common_pb2.Block(number=1, hash=HASH)
    with pytest.raises(Poison, match="GENERATION_MISSING"):
        decoding.retraction(pb.ChainReorged(chain_id="eip155:5", common_ancestor=ancestor))
