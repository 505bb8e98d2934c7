"""What the audit says of a write: the parts that differ, before and after, without any secret."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from mercato.kit.ids import Address, ChainId
from mercato.services.chains.model.chains import Chain, ChainSpec, Contract, Endpoint, GasPolicy

Json = dict[str, Any]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Change:
    """A line of the audit. `ref` grows; `version` is the chain's that the change made."""

    ref: int
    chain_id: ChainId
    version: int
    action: str
    account: Address | None
    request_id: str
    at: datetime
    before: Json | None
    after: Json | None


def difference(before: Chain | None, after: Chain) -> tuple[Json | None, Json | None]:
    """(before, after), each with only what differs; None where there is nothing.

    Of headers only the names are told; a value that changed shows as its name in `changedHeaders`.
    """
    old = _parts(before) if before else {}
    new = _parts(after)
    for key in old.keys() & new.keys():
        old[key], new[key] = _differing(old[key], new[key])
    if before:
        _tell_changed_headers(before, after, new)
    return _pruned(old), _pruned(new)


def _parts(chain: Chain) -> dict[str, Json]:
    return {
        "chain": _spec(chain.spec),
        "endpoints": {e.id: _endpoint(e) for e in chain.endpoints},
        "contracts": {f"{c.kind} {c.address}": _contract(c) for c in chain.contracts},
        "gasPolicy": _policy(chain.gas_policy),
    }


def _differing(old: Mapping[K, Any], new: Mapping[K, Any]) -> tuple[dict[K, Any], dict[K, Any]]:
    return (
        {key: value for key, value in old.items() if new.get(key) != value},
        {key: value for key, value in new.items() if old.get(key) != value},
    )


def _tell_changed_headers(before: Chain, after: Chain, told: dict[str, Json]) -> None:
    known = {e.id: e.headers for e in before.endpoints}
    for endpoint in after.endpoints:
        old = known.get(endpoint.id, {})
        changed = sorted(name for name, value in endpoint.headers.items() if name in old and old[name] != value)
        if changed:
            told["endpoints"][endpoint.id] = {**_endpoint(endpoint), "changedHeaders": changed}


def _pruned(parts: Mapping[str, Json]) -> Json | None:
    lists = ("endpoints", "contracts")
    found = {key: list(value.values()) if key in lists else value for key, value in parts.items() if value}
    return found or None


def _spec(spec: ChainSpec) -> Json:
    return {
        "name": spec.name,
        "currencySymbol": spec.currency_symbol,
        "currencyDecimals": spec.currency_decimals,
        "explorerUrl": spec.explorer_url,
        "enabled": spec.enabled,
        "scope": spec.scope.value,
        "startBlock": spec.start_block,
    }


def _endpoint(endpoint: Endpoint) -> Json:
    return {
        "id": endpoint.id,
        "url": endpoint.shown_url,
        "wsUrl": endpoint.shown_ws_url,
        "priority": endpoint.priority,
        "weight": endpoint.weight,
        "headers": sorted(endpoint.headers),
    }


def _contract(contract: Contract) -> Json:
    return {
        "kind": contract.kind,
        "address": contract.address.checksum,
        "deployedBlock": contract.deployed_block,
    }


def _policy(policy: GasPolicy) -> Json:
    return {
        "baseFeeMultiplierPercent": policy.base_fee_multiplier_percent,
        "maxPriorityFee": str(policy.max_priority_fee),
        "maxFeeCap": str(policy.max_fee_cap),
        "gasLimitMarginPercent": policy.gas_limit_margin_percent,
        "confirmations": policy.confirmations,
        "finalityDepth": policy.finality_depth,
    }
