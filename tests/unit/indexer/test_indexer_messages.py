"""From facts to the messages that carry them."""

from __future__ import annotations

from typing import Any

import pytest
from indexer_samples import CHAIN, block_ref, hash_of, recent

from mercato.evm.logs import (
    ApprovalForAllFact,
    CollectionCreatedFact,
    ConsecutiveTransferFact,
    Fact,
    MetadataRefreshFact,
    MintConfig,
    MintConfigFact,
    OwnershipFact,
    RoleFact,
    RoyaltyFact,
    SeaportRaw,
    Standard,
    TokenApprovalFact,
    TransferFact,
)
from mercato.kit import messages as kit_messages
from mercato.kit.ids import UINT256_MAX
from mercato.rpc.common.v1 import common_pb2
from mercato.services.indexer import messages
from mercato.services.indexer.messages import MAX_CONSECUTIVE, MAX_FACTS, Context, FactMessage, fact_messages
from mercato.services.indexer.model.chain import Block, Horizons, Reorg

NOBODY, ALICE, BOB, CONTRACT = (bytes([n]) * 20 for n in (0, 1, 2, 0xCC))
LIVE = Context(CHAIN, 3, False, {})


def _transfer(number: int, index: int, from_: bytes = ALICE, *, batch: int = 0, amount: int = 1) -> TransferFact:
    return TransferFact(
        block_ref(number), hash_of(number, "tx"), index, CONTRACT, batch, Standard.ERC721, None, from_, BOB, 7, amount
    )


def _sent(facts: list[Fact], context: Context = LIVE) -> list[FactMessage]:
    return list(fact_messages(context, facts))


def _body(message: FactMessage) -> Any:
    return kit_messages.decode(message.outgoing.type, message.outgoing.body)


def test_each_kind_of_fact_goes_to_its_own_key_created_first() -> None:
    at = (block_ref(5), hash_of(5, "tx"))
    facts: list[Fact] = [
        MetadataRefreshFact(*at, 9, CONTRACT, None, None, None),
        ApprovalForAllFact(*at, 8, CONTRACT, ALICE, BOB, True),
        _transfer(5, 7),
        _transfer(5, 6, NOBODY),
        OwnershipFact(*at, 5, CONTRACT, NOBODY, ALICE),
        CollectionCreatedFact(*at, 4, ALICE, CONTRACT, BOB, Standard.ERC721, bytes(32), "n", "s", "b", "c"),
        SeaportRaw(*at, 10, CONTRACT, (), b""),
    ]
    assert [(m.outgoing.exchange, m.outgoing.routing_key, m.facts) for m in _sent(facts)] == [
        ("collections.events", "created.eip155.31337", 1),
        ("collections.events", "configured.eip155.31337", 1),
        ("mints.events", "minted.eip155.31337", 1),
        ("tokens.events", "transferred.eip155.31337", 1),
        ("tokens.events", "approved.eip155.31337", 1),
        ("tokens.events", "refreshed.eip155.31337", 1),
    ]


def test_facts_name_their_block_by_index_and_each_block_travels_once() -> None:
    (message,) = _sent([_transfer(5, 0), _transfer(5, 1), _transfer(6, 0), _transfer(5, 2)])
    body = _body(message)
    assert [(b.number, b.hash, b.timestamp) for b in body.at.blocks] == [
        (5, hash_of(5), 1_700_000_005),
        (6, hash_of(6), 1_700_000_006),
    ]
    assert [(t.block, t.log_index) for t in body.transfers] == [(0, 0), (0, 1), (1, 0), (0, 2)]
    assert (body.at.chain_id, body.at.catching_up, body.at.generation) == ("eip155:31337", False, 3)


def test_a_transfer_carries_its_amount_only_when_it_is_not_one() -> None:
    erc1155 = TransferFact(
        block_ref(1), hash_of(1, "tx"), 4, CONTRACT, 2, Standard.ERC1155, BOB, ALICE, NOBODY, UINT256_MAX, 0
    )
    (message,) = _sent([_transfer(1, 3), erc1155])
    plain, odd = _body(message).transfers
    assert (plain.standard, plain.operator, plain.amount) == (common_pb2.STANDARD_ERC721, b"", "")
    assert (getattr(plain, "from"), plain.to, plain.token_id) == (ALICE, BOB, "7")
    assert (odd.standard, odd.operator, odd.amount) == (common_pb2.STANDARD_ERC1155, BOB, "0")
    assert (odd.batch_index, odd.token_id, odd.to) == (2, str(UINT256_MAX), NOBODY)


def test_configuration_events_become_their_change() -> None:
    at = (block_ref(5), hash_of(5, "tx"))
    terms = MintConfig(10**18, 100, 2, 1, 2**63, b"\7" * 32, ALICE)
    (message,) = _sent(
        [
            MintConfigFact(*at, 1, CONTRACT, UINT256_MAX, terms),
            RoleFact(*at, 2, CONTRACT, b"\1" * 32, BOB, False),
            RoyaltyFact(*at, 3, CONTRACT, ALICE, 2**95),
            OwnershipFact(*at, 4, CONTRACT, NOBODY, ALICE),
        ]
    )
    config, role, royalty, owner = _body(message).changes
    assert [c.WhichOneof("change") for c in (config, role, royalty, owner)] == [
        "mint_config", "role", "royalty", "owner",
    ]  # fmt: skip
    assert config.mint_config.token_id == str(UINT256_MAX)
    assert config.mint_config.config == common_pb2.MintConfig(
        price="1000000000000000000", max_supply="100", per_wallet_limit="2", starts_at=1, ends_at=2**63,
        allowlist_root=b"\7" * 32, payee=ALICE,
    )  # fmt: skip
    assert (role.role.role, role.role.account, role.role.granted) == (b"\1" * 32, BOB, False)
    assert royalty.royalty.bps == 2**32 - 1
    assert owner.owner.owner == ALICE


def test_an_approval_of_nobody_is_a_revocation_of_one_token() -> None:
    at = (block_ref(5), hash_of(5, "tx"))
    (message,) = _sent(
        [
            TokenApprovalFact(*at, 1, CONTRACT, ALICE, BOB, 0),
            TokenApprovalFact(*at, 2, CONTRACT, ALICE, NOBODY, 0),
            ApprovalForAllFact(*at, 3, CONTRACT, ALICE, BOB, False),
        ]
    )
    assert [(a.token_id, a.operator, a.approved) for a in _body(message).approvals] == [
        ("0", BOB, True),
        ("0", NOBODY, False),
        ("", BOB, False),
    ]


def test_a_metadata_refresh_of_the_contract_names_no_token() -> None:
    at = (block_ref(5), hash_of(5, "tx"))
    (message,) = _sent(
        [
            MetadataRefreshFact(*at, 1, CONTRACT, None, None, None),
            MetadataRefreshFact(*at, 2, CONTRACT, 0, UINT256_MAX, None),
            MetadataRefreshFact(*at, 3, CONTRACT, 4, 4, "ipfs://x"),
        ]
    )
    assert [(r.from_token_id, r.to_token_id, r.uri) for r in _body(message).refreshes] == [
        ("", "", ""),
        ("0", str(UINT256_MAX), ""),
        ("4", "4", "ipfs://x"),
    ]


def test_a_consecutive_transfer_becomes_one_mint_for_each_token() -> None:
    fact = ConsecutiveTransferFact(block_ref(5), hash_of(5, "tx"), 2, CONTRACT, 10, 12, NOBODY, ALICE)
    (message,) = _sent([fact])
    assert message.outgoing.routing_key == "minted.eip155.31337"
    assert [(t.token_id, t.batch_index, t.log_index) for t in _body(message).transfers] == [
        ("10", 0, 2),
        ("11", 1, 2),
        ("12", 2, 2),
    ]


@pytest.mark.parametrize(("last", "expected"), [(MAX_CONSECUTIVE - 1, MAX_CONSECUTIVE), (UINT256_MAX, 0)])
def test_a_consecutive_transfer_is_bounded(last: int, expected: int) -> None:
    fact = ConsecutiveTransferFact(block_ref(5), hash_of(5, "tx"), 2, CONTRACT, 0, last, NOBODY, ALICE)
    assert sum(message.facts for message in _sent([fact])) == expected
    assert messages.count_refused_ranges([fact]) == (expected == 0)


def test_large_batches_are_cut_and_nothing_is_lost_between_the_cuts() -> None:
    facts: list[Fact] = [_transfer(1 + n // 20, n) for n in range(2 * MAX_FACTS + 1)]
    sent = _sent(facts)
    assert [message.facts for message in sent] == [MAX_FACTS, MAX_FACTS, 1]
    assert [t.log_index for m in sent for t in _body(m).transfers] == list(range(2 * MAX_FACTS + 1))


def test_the_same_facts_have_the_same_message_ids_and_another_generation_has_others() -> None:
    facts: list[Fact] = [_transfer(5, 0), _transfer(5, 1, NOBODY)]
    ids = [m.outgoing.message_id for m in _sent(facts)]
    assert [m.outgoing.message_id for m in _sent(list(facts))] == ids
    assert len({*ids, *(m.outgoing.message_id for m in _sent(facts, Context(CHAIN, 4, False, {})))}) == 4


def test_a_reorg_message_names_the_orphans_with_their_hashes() -> None:
    orphans = tuple(recent(8, 9).values())
    sent = messages.reorged(CHAIN, Reorg(2, Block(7, hash_of(7), 1_700_000_007), orphans))
    body: Any = kit_messages.decode(sent.type, sent.body)
    assert (sent.exchange, sent.routing_key) == ("chains.events", "reorged.eip155.31337")
    assert [(b.number, b.hash) for b in body.orphaned] == [(8, hash_of(8)), (9, hash_of(9))]
    assert (body.common_ancestor.number, body.common_ancestor.hash, body.generation) == (7, hash_of(7), 2)


def test_an_advance_names_the_block_every_fact_is_published_up_to() -> None:
    after = {"a": "minted", "b": "approved", "c": "transferred", "d": "reorged"}
    sent = messages.advanced(
        CHAIN, Block(7, hash_of(7), 70), Horizons(9, 8, -1), generation=2, from_block=6, after=after
    )
    body: Any = kit_messages.decode(sent.type, sent.body)
    assert (sent.exchange, sent.routing_key) == ("chains.events", "advanced.eip155.31337")
    assert (body.indexed.number, body.indexed.hash) == (7, hash_of(7))
    assert (body.head, body.safe, body.finalized) == (9, 8, 0)
    assert (body.generation, body.from_block, list(body.after)) == (2, 6, ["a", "c", "d"])
    assert list(body.approvals_after) == ["b", "c", "d"]
