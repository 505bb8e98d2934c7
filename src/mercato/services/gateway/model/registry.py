"""The chain registry as admins see and change it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from mercato.kit.ids import Address, ChainId, Wei
from mercato.services.gateway.model.chains import Chain


class ChainEndpoint(msgspec.Struct, frozen=True):
    """A node, without what may be a secret."""

    endpoint_id: str
    url: str
    ws_url: str | None
    priority: int
    weight: int
    header_names: list[str]


class GasPolicy(msgspec.Struct, frozen=True):
    base_fee_multiplier_percent: int
    max_priority_fee: Wei
    max_fee_cap: Wei
    gas_limit_margin_percent: int
    confirmations: int
    finality_depth: int


class RegisteredChain(msgspec.Struct, frozen=True):
    chain: Chain
    version: int
    scope: str
    start_block: int
    endpoints: list[ChainEndpoint]
    gas_policy: GasPolicy


class ChainChange(msgspec.Struct, frozen=True):
    change_id: str
    chain_id: ChainId
    version: int
    action: str
    requested_by: Address | None
    request_id: str
    at: datetime
    before: Any
    after: Any


class Wish(NamedTuple):
    """What every write carries: the chain, who asks, and the version they saw (None: they do not care)."""

    chain_id: ChainId
    requested_by: Address
    expected_version: int | None


class ChainTerms(NamedTuple):
    name: str
    currency_symbol: str
    currency_decimals: int
    explorer_url: str
    enabled: bool
    scope: str
    start_block: int


class EndpointTerms(NamedTuple):
    """`headers` None: those there are stay."""

    url: str
    ws_url: str
    priority: int
    weight: int
    headers: Mapping[str, str] | None
