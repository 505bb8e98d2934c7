"""Rows as the wire shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import cursors
from mercato.kit.finality import Finality
from mercato.kit.ids import UINT256_MAX, ZERO_ADDRESS, ChainId
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.rpc.common.v1 import common_pb2
from mercato.services.catalog.model.collections import ROLE_NAMES
from mercato.services.catalog.model.facts import MintTerms, Standard
from mercato.services.catalog.model.views import (
    BalanceView,
    Binding,
    CollectionView,
    Event,
    Moderation,
    Page,
    ReadPoint,
    Role,
    TokenColumns,
)
from mercato.services.catalog.usecases.messages import STANDARDS, collection_id, position_message, token_name

R = TypeVar("R")

_FINALITY = {
    Finality.LATEST: common_pb2.FINALITY_LATEST,
    Finality.SAFE: common_pb2.FINALITY_SAFE,
    Finality.FINALIZED: common_pb2.FINALITY_FINALIZED,
}
_NOBODY = bytes(ZERO_ADDRESS)
_SENT_AS_THEY_ARE = TokenColumns._fields[TokenColumns._fields.index("token_ids") :]


def page(
    found: Page[R], cursor: Callable[[R], str]
) -> tuple[common_pb2.PageInfo, Sequence[str], Sequence[common_pb2.ReadPoint]]:
    """The page's info, a cursor for each of its rows, and the blocks it is true at."""
    texts = [cursor(row) for row in found.rows]
    points = [read_point(point) for point in found.at]
    return page_info(texts, has_next=found.has_next), texts, points


def page_info(cursor_texts: Sequence[str], *, has_next: bool) -> common_pb2.PageInfo:
    """Where a page stands."""
    return common_pb2.PageInfo(has_next_page=has_next, end_cursor=cursor_texts[-1] if cursor_texts else "")


def collection_cursor(row: CollectionView) -> str:
    return cursors.encode(row.ref)


def token_cursors(found: TokenColumns) -> list[str]:
    return list(map(cursors.encode, found.refs, found.token_ids))


def balance_cursor(row: BalanceView) -> str:
    return cursors.encode(row.collection_ref, row.token_id, row.owner.hex())


def event_cursor(row: Event) -> str:
    place = row.position
    return cursors.encode(int(place.block.mined_at.timestamp()), row.block_ref, place.log_index, place.batch_index)


def collection(row: CollectionView) -> pb.Collection:
    return pb.Collection(
        id=collection_id(row.chain, row.contract),
        chain_id=row.chain.caip2,
        contract=row.contract,
        standard=STANDARDS[row.standard],
        name=row.name,
        symbol=row.symbol,
        base_uri=row.base_uri,
        contract_uri=row.contract_uri,
        creator=row.creator,
        owner=row.owner,
        royalty_receiver=row.royalty_receiver,
        royalty_bps=row.royalty_bps,
        mint_config=None if row.mint_terms is None else _mint_config(row.mint_terms),
        roles=map(_role, row.roles),
        bindings=map(_binding, row.bindings),
        token_count=row.token_count,
        supply=_uint256(row.supply),
        holder_count=row.holder_count,
        created_block=row.bindings[0].block_number if row.bindings else 0,
        created_at=_time(row.created_at),
    )


def token_columns(found: TokenColumns) -> pb.TokenColumns:
    """As they were selected: lists go to the wire whole."""
    places: dict[int, int] = {}
    collections: list[pb.TokenCollection] = []
    for ref, number, contract, standard in zip(
        found.refs, found.chain_numbers, found.contracts, found.standards, strict=True
    ):
        if ref not in places:
            places[ref] = len(collections)
            collections.append(
                pb.TokenCollection(
                    chain_id=ChainId(number).caip2, contract=contract, standard=STANDARDS[Standard(standard)]
                )
            )
    return pb.TokenColumns(
        collections=collections,
        collection_places=[places[ref] for ref in found.refs],
        **{name: getattr(found, name) for name in _SENT_AS_THEY_ARE},
    )


def tokens(found: TokenColumns) -> list[pb.Token]:
    """A message for each."""
    shown = [
        pb.Token(
            id=token_name(chain, contract, token_id),
            chain_id=chain.caip2,
            contract=contract,
            token_id=token_id,
            collection_id=collection_id(chain, contract),
            standard=STANDARDS[Standard(standard)],
            **{name: column[n] for name, column in _columns_of_messages(found)},
        )
        for n, (chain, contract, token_id, standard) in enumerate(
            zip(map(ChainId, found.chain_numbers), found.contracts, found.token_ids, found.standards, strict=True)
        )
    ]
    for message, seconds in zip(shown, found.minted_at, strict=True):
        if seconds:
            message.minted_at.seconds = seconds
    for n, name, value in zip(found.trait_places, found.trait_names, found.trait_values, strict=True):
        shown[n].traits.add(name=name, value=value)
    for n, flag in zip(found.flag_places, found.flags, strict=True):
        shown[n].flags.append(flag)
    return shown


def _columns_of_messages(found: TokenColumns) -> list[tuple[str, Sequence[Any]]]:
    return [
        ("owner", found.owners),
        ("supply", found.supplies),
        ("uri", found.uris),
        ("name", found.names),
        ("description", found.descriptions),
        ("image", found.images),
        ("animation_url", found.animation_urls),
        ("metadata_state", found.metadata_states),
        ("minted_block", found.minted_blocks),
    ]


def balance(row: BalanceView) -> pb.Balance:
    return pb.Balance(
        id=f"{token_name(row.chain, row.contract, row.token_id)}:0x{row.owner.hex()}",
        token=_token_key(row.chain, row.contract, row.token_id),
        owner=row.owner,
        amount=_uint256(row.amount),
        updated_block=row.updated_block,
    )


def movement(row: Event) -> pb.TokenMovement:
    shown = pb.TokenMovement(
        id=_event_id(row),
        token=_token_key(row.chain, row.contract, row.token_id),
        to=row.recipient or _NOBODY,
        operator=row.operator or b"",
        amount=str(row.amount),
        position=position_message(row.position),
    )
    setattr(shown, "from", row.sender or _NOBODY)
    return shown


def activity(row: Event) -> pb.Activity:
    shown = pb.Activity(
        id=_event_id(row),
        kind=row.kind.value,
        chain_id=row.chain.caip2,
        contract=row.contract,
        token_id=row.token_id,
        position=position_message(row.position),
        occurred_at=_time(row.position.block.mined_at),
    )
    if row.amount is None:
        setattr(shown, "from", row.sender or b"")
        return shown
    setattr(shown, "from", row.sender or _NOBODY)
    shown.to = row.recipient or _NOBODY
    shown.amount = str(row.amount)
    return shown


def moderation(row: Moderation) -> pb.Moderation:
    return pb.Moderation(
        id=str(row.id), flag=row.flag, raised=row.raised, reason=row.reason, done_by=row.done_by, at=_time(row.at)
    )


def read_point(row: ReadPoint) -> common_pb2.ReadPoint:
    return common_pb2.ReadPoint(
        chain_id=row.chain.caip2,
        block_number=row.block_number,
        block_hash=row.block_hash,
        observed_at=_time(row.observed_at),
        finality=_FINALITY[row.finality],
        safe=row.safe,
        finalized=row.finalized,
        block_time=_time(row.block_time),
    )


def _mint_config(terms: MintTerms) -> common_pb2.MintConfig:
    return common_pb2.MintConfig(
        price=str(terms.price),
        max_supply=str(terms.max_supply),
        per_wallet_limit=str(terms.per_wallet_limit),
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
        allowlist_root=terms.allowlist_root,
        payee=terms.payee,
    )


def _role(row: Role) -> pb.Role:
    return pb.Role(role=row.role, name=ROLE_NAMES.get(row.role, ""), account=row.account)


def _binding(row: Binding) -> pb.Binding:
    return pb.Binding(kind=row.kind, source=row.source, tx_hash=row.tx_hash, block_number=row.block_number)


def _token_key(chain: ChainId, contract: bytes, token_id: str) -> pb.TokenKey:
    return pb.TokenKey(chain_id=chain.caip2, contract=contract, token_id=token_id)


def _event_id(row: Event) -> str:
    """Natural: a log, and the place inside it."""
    place = row.position
    return f"{row.chain.caip2}:0x{place.block.hash.hex()}:{place.log_index}:{place.batch_index}"


def _uint256(number: int) -> str:
    """A contract may claim to have minted 2^256-1 units many times; no sum is shown that callers could not read."""
    return str(min(number, UINT256_MAX))


def _time(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    shown = Timestamp()
    shown.FromDatetime(moment)
    return shown
