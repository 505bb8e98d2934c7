"""Conversions shared by the clients: protobuf fields to typed values, where empty means absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit.ids import Address, ChainId
from mercato.rpc.common.v1 import common_pb2
from mercato.services.gateway.model.chains import Position, ReadPoint
from mercato.services.gateway.model.keys import Page, PageQuery
from mercato.services.gateway.model.market import MintConfig
from mercato.services.gateway.model.moments import from_seconds

T = TypeVar("T")

STANDARDS = {common_pb2.STANDARD_ERC721: "ERC721", common_pb2.STANDARD_ERC1155: "ERC1155"}
STANDARD_NUMBERS = {name: number for number, name in STANDARDS.items()}


def moment(stamp: Timestamp) -> datetime:
    """A timestamp that is always there, in UTC with microseconds."""
    return datetime.fromtimestamp(stamp.seconds, UTC).replace(microsecond=stamp.nanos // 1000)


def find_moment(stamp: Timestamp) -> datetime | None:
    """A timestamp that may be absent (zero)."""
    return moment(stamp) if stamp.seconds or stamp.nanos else None


def to_seconds(when: datetime | None) -> int:
    """Unix seconds, 0 for absent."""
    return int(when.timestamp()) if when is not None else 0


def text(value: str) -> str | None:
    return value or None


def number(value: str) -> int:
    """A decimal string of a uint256; empty is zero."""
    return int(value) if value else 0


def find_address(raw: bytes) -> Address | None:
    return Address(raw) if raw else None


def raw(value: bytes | None) -> bytes:
    return value if value is not None else b""


ReadPoints = Mapping[str, ReadPoint]
"""By CAIP-2 id, as answers name chains."""

_FINALITIES = {common_pb2.FINALITY_SAFE: "SAFE", common_pb2.FINALITY_FINALIZED: "FINALIZED"}


def read_points(points: Iterable[common_pb2.ReadPoint]) -> ReadPoints:
    return {point.chain_id: read_point(point) for point in points}


def read_point(point: common_pb2.ReadPoint) -> ReadPoint:
    return ReadPoint(
        chain_id=ChainId.parse(point.chain_id),
        block_number=point.block_number,
        block_hash=point.block_hash,
        observed_at=find_moment(point.observed_at),
        block_time=find_moment(point.block_time),
        finality=_FINALITIES.get(point.finality, "LATEST"),
        safe=point.safe if point.HasField("safe") else None,
        finalized=point.finalized if point.HasField("finalized") else None,
    )


def position(wire: common_pb2.Position, read_at: ReadPoint | None = None) -> Position:
    return Position(
        block_number=wire.block.number,
        block_hash=wire.block.hash,
        block_time=from_seconds(wire.block.timestamp),
        tx_hash=wire.tx_hash,
        log_index=wire.log_index,
        batch_index=wire.batch_index,
        read_at=read_at,
    )


def mint_config(wire: common_pb2.MintConfig) -> MintConfig:
    return MintConfig(
        price=number(wire.price),
        max_supply=number(wire.max_supply) or None,
        per_wallet_limit=number(wire.per_wallet_limit) or None,
        starts_at=from_seconds(wire.starts_at),
        ends_at=from_seconds(wire.ends_at),
        allowlist_root=wire.allowlist_root if any(wire.allowlist_root) else None,
        payee=Address(wire.payee) if any(wire.payee) else None,
    )


def to_mint_config(config: MintConfig) -> common_pb2.MintConfig:
    return common_pb2.MintConfig(
        price=str(config.price),
        max_supply=str(config.max_supply or 0),
        per_wallet_limit=str(config.per_wallet_limit or 0),
        starts_at=to_seconds(config.starts_at),
        ends_at=to_seconds(config.ends_at),
        allowlist_root=raw(config.allowlist_root),
        payee=raw(config.payee),
    )


def page_request(query: PageQuery) -> common_pb2.PageRequest:
    return common_pb2.PageRequest(first=query.first, after=query.after or "")


def page(
    items: Iterable[T],
    cursors: Iterable[str],
    info: common_pb2.PageInfo,
    query: PageQuery,
    as_of: Iterable[ReadPoint] = (),
) -> Page[T]:
    return Page(list(items), list(cursors), info.has_next_page, info.end_cursor or None, query.after, list(as_of))


def caip2(chain_id: ChainId | None) -> str:
    return chain_id.caip2 if chain_id is not None else ""


def decimal(value: int | None) -> str:
    """A decimal string; empty for absent."""
    return str(value) if value is not None else ""
