"""Rows as the wire shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import cursors
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
    Finality,
    Page,
    ReadPoint,
    Role,
    TokenView,
)
from mercato.services.catalog.usecases.messages import STANDARDS, collection_id, position_message, token_name

R = TypeVar("R")

_FINALITY = {
    Finality.LATEST: common_pb2.FINALITY_LATEST,
    Finality.SAFE: common_pb2.FINALITY_SAFE,
    Finality.FINALIZED: common_pb2.FINALITY_FINALIZED,
}
_NOBODY = bytes(ZERO_ADDRESS)


def page(
    found: Page[R], cursor: Callable[[R], str]
) -> tuple[common_pb2.PageInfo, Sequence[str], Sequence[common_pb2.ReadPoint]]:
    """The page's info, a cursor for each of its rows, and the blocks it is true at."""
    texts = [cursor(row) for row in found.rows]
    info = common_pb2.PageInfo(has_next_page=found.has_next, end_cursor=texts[-1] if texts else "")
    return info, texts, [read_point(point) for point in found.at]


def collection_cursor(row: CollectionView) -> str:
    return cursors.encode(row.ref)


def token_cursor(row: TokenView) -> str:
    return cursors.encode(*row.ref)


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


def token(row: TokenView) -> pb.Token:
    owner = (row.owner or _NOBODY) if row.standard is Standard.ERC721 else b""
    return pb.Token(
        id=token_name(row.chain, row.contract, row.ref[1]),
        chain_id=row.chain.caip2,
        contract=row.contract,
        token_id=row.ref[1],
        collection_id=collection_id(row.chain, row.contract),
        standard=STANDARDS[row.standard],
        owner=owner,
        supply=_uint256(row.supply),
        uri=row.uri,
        name=row.name,
        description=row.description,
        image=row.image,
        animation_url=row.animation_url,
        traits=[pb.TokenTrait(name=name, value=value) for name, value in row.traits],
        metadata_state=row.metadata_state,
        minted_block=row.minted_block or 0,
        minted_at=_time(row.minted_at),
        flags=row.flags,
    )


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
