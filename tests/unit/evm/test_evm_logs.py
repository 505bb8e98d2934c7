"""Logs become facts by the rules of `mercato.evm.logs`, and nothing a contract logs can break that."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm import logs as evm_logs
from mercato.evm import topics
from mercato.evm.abi import encode
from mercato.evm.logs import (
    ApprovalForAllFact,
    BlockRef,
    CollectionCreatedFact,
    ConsecutiveTransferFact,
    Fact,
    MetadataRefreshFact,
    MintConfig,
    MintConfigFact,
    OwnershipFact,
    Position,
    RawLog,
    RoleFact,
    RoyaltyFact,
    SeaportRaw,
    Standard,
    TokenApprovalFact,
    TransferFact,
    Undecodable,
    count_undecodable,
    decode,
)
from mercato.kit.ids import UINT256_MAX

CONTRACT, ALICE, BOB, CAROL = (bytes([n]) * 20 for n in (0xCC, 0xA1, 0xB0, 0xCA))
ZERO = bytes(20)
BLOCK_HASH, TX_HASH = b"\xbb" * 32, b"\x77" * 32
BLOCK = BlockRef(5, BLOCK_HASH, 1_700_000_000)
HEAD = (BLOCK, TX_HASH, 9, CONTRACT)


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def word(value: int | bytes) -> bytes:
    return value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")


def make_log(topic: str, indexed: Sequence[int | bytes] = (), data: bytes = b"") -> RawLog:
    return RawLog(
        address=hexed(CONTRACT),
        topics=(topic, *(hexed(word(value)) for value in indexed)),
        data=hexed(data),
        block_number="0x5",
        block_hash=hexed(BLOCK_HASH),
        transaction_hash=hexed(TX_HASH),
        transaction_index="0x2",
        log_index="0x9",
        block_timestamp=hex(1_700_000_000),
    )


def words(*values: int) -> bytes:
    return b"".join(map(word, values))


MINT_CONFIG = MintConfig(10**18, 1000, 5, 1_700_000_000, 0, b"\x0a" * 32, BOB)

LEGAL = [
    (
        "ERC-721 transfer",
        make_log(topics.TRANSFER, [ALICE, BOB, UINT256_MAX]),
        [TransferFact(*HEAD, 0, Standard.ERC721, None, ALICE, BOB, UINT256_MAX, 1)],
    ),
    ("ERC-20 transfer", make_log(topics.TRANSFER, [ALICE, BOB], words(5)), []),
    (
        "ERC-1155 transfer",
        make_log(topics.TRANSFER_SINGLE, [CAROL, ALICE, BOB], words(7, 50)),
        [TransferFact(*HEAD, 0, Standard.ERC1155, CAROL, ALICE, BOB, 7, 50)],
    ),
    (
        "ERC-1155 transfer of nothing",
        make_log(topics.TRANSFER_SINGLE, [CAROL, ALICE, BOB], words(7, 0)),
        [TransferFact(*HEAD, 0, Standard.ERC1155, CAROL, ALICE, BOB, 7, 0)],
    ),
    (
        "batch with one id twice",
        make_log(topics.TRANSFER_BATCH, [CAROL, ZERO, BOB], encode(["uint256[]", "uint256[]"], [[7, 7], [1, 0]])),
        [
            TransferFact(*HEAD, 0, Standard.ERC1155, CAROL, ZERO, BOB, 7, 1),
            TransferFact(*HEAD, 1, Standard.ERC1155, CAROL, ZERO, BOB, 7, 0),
        ],
    ),
    (
        "batch of nothing",
        make_log(topics.TRANSFER_BATCH, [CAROL, ZERO, BOB], encode(["uint256[]", "uint256[]"], [[], []])),
        [],
    ),
    (
        "batch with both arrays in one place, as the ABI allows",
        make_log(topics.TRANSFER_BATCH, [CAROL, ZERO, BOB], words(64, 64, 2, 3, 4)),
        [
            TransferFact(*HEAD, 0, Standard.ERC1155, CAROL, ZERO, BOB, 3, 3),
            TransferFact(*HEAD, 1, Standard.ERC1155, CAROL, ZERO, BOB, 4, 4),
        ],
    ),
    (
        "range transfer",
        make_log(topics.CONSECUTIVE_TRANSFER, [0, ZERO, BOB], words(UINT256_MAX)),
        [ConsecutiveTransferFact(*HEAD, 0, UINT256_MAX, ZERO, BOB)],
    ),
    (
        "token approval",
        make_log(topics.APPROVAL, [ALICE, BOB, 7]),
        [TokenApprovalFact(*HEAD, ALICE, BOB, 7)],
    ),
    ("ERC-20 approval", make_log(topics.APPROVAL, [ALICE, BOB], words(7)), []),
    (
        "operator approved",
        make_log(topics.APPROVAL_FOR_ALL, [ALICE, BOB], words(1)),
        [ApprovalForAllFact(*HEAD, ALICE, BOB, True)],
    ),
    (
        "operator refused",
        make_log(topics.APPROVAL_FOR_ALL, [ALICE, BOB], words(0)),
        [ApprovalForAllFact(*HEAD, ALICE, BOB, False)],
    ),
    (
        "ERC-1155 URI",
        make_log(topics.URI, [7], encode(["string"], ["ipfs://x/{id}"])),
        [MetadataRefreshFact(*HEAD, 7, 7, "ipfs://x/{id}")],
    ),
    (
        "ERC-1155 URI with text that tables cannot hold",
        make_log(topics.URI, [7], encode(["bytes"], [b"a\0\xff"])),
        [MetadataRefreshFact(*HEAD, 7, 7, "a\ufffd\ufffd")],
    ),
    (
        "ERC-4906 token",
        make_log(topics.METADATA_UPDATE, [], words(7)),
        [MetadataRefreshFact(*HEAD, 7, 7, None)],
    ),
    (
        "ERC-4906 whole collection",
        make_log(topics.BATCH_METADATA_UPDATE, [], words(0, UINT256_MAX)),
        [MetadataRefreshFact(*HEAD, 0, UINT256_MAX, None)],
    ),
    (
        "ERC-7572",
        make_log(topics.CONTRACT_URI_UPDATED),
        [MetadataRefreshFact(*HEAD, None, None, None)],
    ),
    (
        "new owner",
        make_log(topics.OWNERSHIP_TRANSFERRED, [ALICE, BOB]),
        [OwnershipFact(*HEAD, ALICE, BOB)],
    ),
    (
        "role granted",
        make_log(topics.ROLE_GRANTED, [b"\x0f" * 32, ALICE, BOB]),
        [RoleFact(*HEAD, b"\x0f" * 32, ALICE, True)],
    ),
    (
        "role revoked",
        make_log(topics.ROLE_REVOKED, [b"\x0f" * 32, ALICE, BOB]),
        [RoleFact(*HEAD, b"\x0f" * 32, ALICE, False)],
    ),
    (
        "collection created",
        make_log(
            topics.COLLECTION_CREATED,
            [BOB, ALICE, 1],
            encode(["bytes32", "string", "string", "string", "string"], [b"\x05" * 32, "Näme", "SYM", "ipfs://b/", ""]),
        ),
        [CollectionCreatedFact(*HEAD, BOB, ALICE, Standard.ERC1155, b"\x05" * 32, "Näme", "SYM", "ipfs://b/", "")],
    ),
    (
        "sale terms",
        make_log(
            topics.MINT_CONFIG_SET,
            [UINT256_MAX],
            encode(
                ["(uint128,uint64,uint32,uint64,uint64,bytes32,address)"],
                [(10**18, 1000, 5, 1_700_000_000, 0, b"\x0a" * 32, BOB)],
            ),
        ),
        [MintConfigFact(*HEAD, UINT256_MAX, MINT_CONFIG)],
    ),
    (
        "royalty",
        make_log(topics.DEFAULT_ROYALTY_SET, [], word(BOB) + word(500)),
        [RoyaltyFact(*HEAD, BOB, 500)],
    ),
    (
        "Seaport",
        make_log(topics.ORDER_CANCELLED, [ALICE, BOB], words(3)),
        [SeaportRaw(*HEAD, (bytes.fromhex(topics.ORDER_CANCELLED[2:]), word(ALICE), word(BOB)), words(3))],
    ),
    ("unknown event", make_log("0x" + "12" * 32, [ALICE]), []),
    ("anonymous event", msgspec.structs.replace(make_log(topics.TRANSFER), topics=()), []),
]


@pytest.mark.parametrize(("log", "facts"), [case[1:] for case in LEGAL], ids=[case[0] for case in LEGAL])
def test_log_becomes_its_facts(log: RawLog, facts: list[Fact]) -> None:
    assert decode([log]) == facts


DIRTY = b"\x01" + bytes(11) + ALICE

BROKEN = [
    ("UNINDEXED_TRANSFER", make_log(topics.TRANSFER, [], words(1, 2, 3))),
    ("UNINDEXED_TRANSFER", make_log(topics.TRANSFER, [ALICE], words(2, 3))),
    ("WRONG_DATA_LENGTH", make_log(topics.TRANSFER, [ALICE, BOB], b"")),
    ("WRONG_DATA_LENGTH", make_log(topics.TRANSFER, [ALICE, BOB, 7], words(1))),
    ("WRONG_TOPIC_COUNT", make_log(topics.APPROVAL, [ALICE], words(1, 2))),
    ("DIRTY_ADDRESS", make_log(topics.TRANSFER, [DIRTY, BOB, 7])),
    ("WRONG_TOPIC_COUNT", make_log(topics.TRANSFER_SINGLE, [ALICE, BOB], words(1, 2))),
    ("WRONG_DATA_LENGTH", make_log(topics.TRANSFER_SINGLE, [CAROL, ALICE, BOB], words(1))),
    ("WRONG_DATA_LENGTH", make_log(topics.TRANSFER_SINGLE, [CAROL, ALICE, BOB], words(1, 2, 3))),
    (
        "ARRAYS_DIFFER",
        make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], encode(["uint256[]", "uint256[]"], [[1, 2], [1]])),
    ),
    ("WRONG_OFFSET", make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], words(UINT256_MAX, 64, 0))),
    ("WRONG_OFFSET", make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], b"")),
    ("WRONG_ARRAY_LENGTH", make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], words(64, 64, UINT256_MAX))),
    ("WRONG_ARRAY_LENGTH", make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], words(64, 64, 2, 1))),
    ("WRONG_TOPIC_COUNT", make_log(topics.TRANSFER_BATCH, [ALICE, BOB], words(64, 64, 0))),
    ("NOT_A_BOOL", make_log(topics.APPROVAL_FOR_ALL, [ALICE, BOB], words(2))),
    ("EMPTY_RANGE", make_log(topics.CONSECUTIVE_TRANSFER, [8, ZERO, BOB], words(7))),
    ("EMPTY_RANGE", make_log(topics.BATCH_METADATA_UPDATE, [], words(8, 7))),
    ("WRONG_TOPIC_COUNT", make_log(topics.URI, [], encode(["string"], ["x"]))),
    ("NOT_ABI", make_log(topics.URI, [7], words(UINT256_MAX))),
    ("NOT_ABI", make_log(topics.URI, [7], words(32, UINT256_MAX))),
    ("UNKNOWN_STANDARD", make_log(topics.COLLECTION_CREATED, [BOB, ALICE, 2], words(0))),
    ("WRONG_TOPIC_COUNT", make_log(topics.COLLECTION_CREATED, [BOB, ALICE], words(0))),
    ("NOT_ABI", make_log(topics.COLLECTION_CREATED, [BOB, ALICE, 1], words(0))),
    ("NOT_ABI", make_log(topics.MINT_CONFIG_SET, [7], words(1, 2**64, 1, 1, 1, 1, 1))),
    ("WRONG_DATA_LENGTH", make_log(topics.MINT_CONFIG_SET, [7], words(1))),
    ("NOT_ABI", make_log(topics.DEFAULT_ROYALTY_SET, [], words(UINT256_MAX, 1))),
    ("REMOVED", msgspec.structs.replace(make_log(topics.TRANSFER, [ALICE, BOB, 7]), removed=True)),
    ("NOT_HEX", msgspec.structs.replace(make_log(topics.CONTRACT_URI_UPDATED), log_index="0xzz")),
    ("NOT_HEX", msgspec.structs.replace(make_log(topics.TRANSFER_SINGLE, [CAROL, ALICE, BOB]), data="0x" + "zz" * 64)),
    (
        "WRONG_WORD_LENGTH",
        msgspec.structs.replace(make_log(topics.METADATA_UPDATE), data="0x" + " " * 32 + "11" * 16),
    ),
    ("WRONG_ADDRESS_LENGTH", msgspec.structs.replace(make_log(topics.CONTRACT_URI_UPDATED), address="0x11")),
    ("WRONG_WORD_LENGTH", msgspec.structs.replace(make_log(topics.CONTRACT_URI_UPDATED), block_hash="0x11")),
]


@pytest.mark.parametrize(("reason", "log"), BROKEN)
def test_log_that_breaks_its_rule_is_returned_with_the_reason(reason: str, log: RawLog) -> None:
    assert decode([log]) == [Undecodable(log, reason)]


def test_broken_log_costs_no_other_log_its_fact() -> None:
    good = make_log(topics.TRANSFER, [ALICE, BOB, 7])
    broken = make_log(topics.TRANSFER)

    facts = decode([good, broken, good, broken])

    assert [type(fact) for fact in facts] == [TransferFact, Undecodable, TransferFact, Undecodable]
    assert count_undecodable(facts) == {"UNINDEXED_TRANSFER": 2}


def test_position_names_block_transaction_log_and_place_in_the_batch() -> None:
    batch = make_log(topics.TRANSFER_BATCH, [CAROL, ZERO, BOB], encode(["uint256[]", "uint256[]"], [[7, 8], [1, 1]]))
    approval = make_log(topics.APPROVAL, [ALICE, BOB, 7])

    facts = decode([batch, approval])

    assert [fact.position for fact in facts if not isinstance(fact, Undecodable)] == [
        Position(5, BLOCK_HASH, TX_HASH, 9, 0),
        Position(5, BLOCK_HASH, TX_HASH, 9, 1),
        Position(5, BLOCK_HASH, TX_HASH, 9, 0),
    ]


def test_facts_of_one_block_share_it() -> None:
    first, second = decode([make_log(topics.CONTRACT_URI_UPDATED), make_log(topics.CONTRACT_URI_UPDATED)])

    assert not isinstance(first, Undecodable)
    assert not isinstance(second, Undecodable)
    assert first.block is second.block


def test_node_without_block_timestamps_leaves_them_open() -> None:
    (fact,) = decode([msgspec.structs.replace(make_log(topics.CONTRACT_URI_UPDATED), block_timestamp=None)])

    assert not isinstance(fact, Undecodable)
    assert fact.block == BlockRef(5, BLOCK_HASH, None)


def test_raw_log_is_read_from_the_json_of_a_node() -> None:
    log = make_log(topics.TRANSFER, [ALICE, BOB, 7])
    json = msgspec.json.encode(msgspec.to_builtins(log) | {"somethingNew": [1, {"x": None}]})

    assert msgspec.json.decode(json, type=RawLog) == log


KNOWN_TOPICS = [value for name, value in vars(topics).items() if name.isupper() and isinstance(value, str)]
some_bytes = st.binary(max_size=32 * 9)
abi_words = st.lists(
    st.sampled_from([0, 1, 2, 32, 64, 96, 2**64, 2**160 - 1, UINT256_MAX, 31]).map(word), max_size=12
).map(b"".join)
hex_text = st.one_of(some_bytes.map(hexed), abi_words.map(hexed), st.text(max_size=70))
topic_text = st.one_of(
    st.binary(min_size=32, max_size=32).map(hexed), st.binary(min_size=20, max_size=20).map(word).map(hexed), hex_text
)


@st.composite
def any_log(draw: st.DrawFn) -> RawLog:
    return RawLog(
        address=draw(st.one_of(st.just(hexed(CONTRACT)), hex_text)),
        topics=(draw(st.one_of(st.sampled_from(KNOWN_TOPICS), topic_text)), *draw(st.lists(topic_text, max_size=4))),
        data=draw(hex_text),
        block_number=draw(st.one_of(st.just("0x5"), hex_text)),
        block_hash=draw(st.one_of(st.just(hexed(BLOCK_HASH)), hex_text)),
        transaction_hash=draw(st.one_of(st.just(hexed(TX_HASH)), hex_text)),
        transaction_index="0x0",
        log_index=draw(st.one_of(st.just("0x9"), hex_text)),
        block_timestamp=draw(st.one_of(st.none(), hex_text)),
        removed=draw(st.booleans()),
    )


@given(st.lists(any_log(), max_size=5))
def test_decode_never_raises_whatever_is_logged(batch: list[RawLog]) -> None:
    for fact in decode(batch):
        assert isinstance(fact, evm_logs.LogFact | Undecodable)
        if isinstance(fact, TransferFact):
            assert (len(fact.contract), len(fact.from_), len(fact.to), len(fact.tx_hash)) == (20, 20, 20, 32)
            assert 0 <= fact.token_id <= UINT256_MAX
            assert 0 <= fact.amount <= UINT256_MAX


@given(st.lists(st.integers(0, UINT256_MAX), max_size=20).flatmap(
    lambda ids: st.tuples(st.just(ids), st.lists(st.integers(0, UINT256_MAX), min_size=len(ids), max_size=len(ids)))
))  # fmt: skip
def test_batch_of_any_size_gives_its_ids_and_amounts_in_order(arrays: tuple[list[int], list[int]]) -> None:
    log = make_log(topics.TRANSFER_BATCH, [CAROL, ALICE, BOB], encode(["uint256[]", "uint256[]"], arrays))

    moved = [(f.batch_index, f.token_id, f.amount) for f in decode([log]) if isinstance(f, TransferFact)]

    assert moved == [(i, *pair) for i, pair in enumerate(zip(*arrays, strict=True))]
