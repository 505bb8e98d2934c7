"""What each write makes of a chain, and which writes the present state forbids. Applied under the chain's lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from mercato.kit.errors import Conflict, FailedPrecondition, NotFound
from mercato.kit.ids import Address, ChainId
from mercato.services.chains.model.chains import (
    CAREFUL_POLICY,
    CONDUIT,
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    GasPolicy,
)
from mercato.services.chains.model.urls import origin, spelled


class Action(StrEnum):
    """What the audit calls a write."""

    CHAIN_ADDED = "chain_added"
    CHAIN_CHANGED = "chain_changed"
    ENDPOINT_PUT = "endpoint_put"
    ENDPOINT_REMOVED = "endpoint_removed"
    CONTRACT_PUT = "contract_put"
    CONTRACT_REMOVED = "contract_removed"
    GAS_POLICY_PUT = "gas_policy_put"


class HeaderChange(StrEnum):
    """What a write does with the headers that an endpoint has already."""

    REPLACE = "REPLACE"
    KEEP = "KEEP"


@dataclass(frozen=True)
class Instruction:
    """Who asks for a write and what they believe: `account` is None for the operator of this machine, and
    `expected_version` None for one that does not care (0: the chain must be new)."""

    account: Address | None
    request_id: str
    expected_version: int | None = None


class Edit(Protocol):
    """One write."""

    @property
    def chain_id(self) -> ChainId: ...

    @property
    def action(self) -> Action: ...

    def apply(self, chain: Chain | None) -> Chain:
        """The chain after it, equal to `chain` when there is nothing to do; versions are not its business.

        Raises `NotFound`, `FailedPrecondition`.
        """
        ...


@dataclass(frozen=True)
class PutSpec:
    """Adds a chain with a careful gas policy, or changes what is said of one."""

    spec: ChainSpec
    action = Action.CHAIN_CHANGED

    @property
    def chain_id(self) -> ChainId:
        return self.spec.chain_id

    def apply(self, chain: Chain | None) -> Chain:
        return replace(chain, spec=self.spec) if chain else Chain(self.spec, 0, (), (), CAREFUL_POLICY)


@dataclass(frozen=True)
class SetEnabled:
    """Switches a chain on or off."""

    chain_id: ChainId
    enabled: bool
    action = Action.CHAIN_CHANGED

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        return replace(present, spec=replace(present.spec, enabled=self.enabled))


@dataclass(frozen=True)
class PutEndpoint:
    """Adds an endpoint, or changes the one at this URL."""

    chain_id: ChainId
    endpoint: Endpoint
    headers: HeaderChange
    action = Action.ENDPOINT_PUT

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        wanted = self.completed(present)
        if wanted in present.endpoints:
            return present
        others = tuple(e for e in present.endpoints if not self._replaces(e))
        return replace(present, endpoints=(*others, wanted))

    def completed(self, chain: Chain) -> Endpoint:
        """The endpoint with the headers it will have.

        Raises `FailedPrecondition` ENDPOINT_HEADERS_NEEDED when headers that stay would go where they never went.
        """
        known = min(filter(self._replaces, chain.endpoints), key=lambda e: e.id != self.endpoint.id, default=None)
        if self.headers is HeaderChange.REPLACE or known is None:
            return self.endpoint
        # The new ones are what the URL's user and password became.
        new = {name.lower() for name in self.endpoint.headers}
        kept = {name: value for name, value in known.headers.items() if name.lower() not in new}
        if kept and self.endpoint.ws_url and not self._is_known_to(known):
            raise FailedPrecondition(
                "ENDPOINT_HEADERS_NEEDED",
                "headers that are kept stay with the origins they go to already; give them again for another wsUrl",
            )
        return replace(self.endpoint, headers={**kept, **self.endpoint.headers})

    def _replaces(self, other: Endpoint) -> bool:
        """Also one that was stored under another spelling of the URL."""
        return spelled(other.url) == spelled(self.endpoint.url)

    def _is_known_to(self, known: Endpoint) -> bool:
        """Whether the announcing socket is at an origin that has the headers."""
        return origin(self.endpoint.ws_url) in {origin(url) for url in (known.url, known.ws_url) if url}


@dataclass(frozen=True)
class RemoveEndpoint:
    """Takes an endpoint away; the last one of an enabled chain stays."""

    chain_id: ChainId
    endpoint_id: str
    action = Action.ENDPOINT_REMOVED

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        left = tuple(e for e in present.endpoints if e.id != self.endpoint_id)
        if len(left) == len(present.endpoints):
            raise NotFound("ENDPOINT_UNKNOWN", "the chain has no such endpoint; read its endpoints again")
        if not left and present.spec.enabled:
            raise FailedPrecondition(
                "LAST_ENDPOINT", "an enabled chain keeps an endpoint; put another one first, or disable the chain"
            )
        return replace(present, endpoints=left)


@dataclass(frozen=True)
class PutContract:
    """Sets the chain's contract of a kind; a conduit is added to those there are."""

    chain_id: ChainId
    contract: Contract
    action = Action.CONTRACT_PUT

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        if self.contract in present.contracts:
            return present
        others = tuple(c for c in present.contracts if not self._replaces(c))
        return replace(present, contracts=(*others, self.contract))

    def _replaces(self, other: Contract) -> bool:
        same_kind = other.kind == self.contract.kind
        return same_kind and (other.kind != CONDUIT or other.address == self.contract.address)


@dataclass(frozen=True)
class RemoveContract:
    """Takes a contract away."""

    chain_id: ChainId
    kind: str
    address: Address
    action = Action.CONTRACT_REMOVED

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        left = tuple(c for c in present.contracts if (c.kind, c.address) != (self.kind, self.address))
        if len(left) == len(present.contracts):
            raise NotFound("CONTRACT_UNKNOWN", f"the chain has no {self.kind} at {self.address}")
        return replace(present, contracts=left)


@dataclass(frozen=True)
class PutGasPolicy:
    """Sets how fees are offered and when blocks count."""

    chain_id: ChainId
    policy: GasPolicy
    action = Action.GAS_POLICY_PUT

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        lower = self.policy.finality_depth < present.gas_policy.finality_depth
        if lower and present.spec.enabled and present.endpoints:
            # Blocks that a fork may still take would be final at once, and such a fork would stop the chain for good.
            raise FailedPrecondition(
                "FINALITY_DEPTH_UNSAFE",
                "the finality depth of a chain that is followed may only grow; disable the chain, lower it, enable it",
                present=str(present.gas_policy.finality_depth),
            )
        return replace(present, gas_policy=self.policy)


def check_version(chain_id: ChainId, chain: Chain | None, expected: int | None) -> None:
    """Raises `Conflict` CHAIN_CHANGED with the present `version` when `expected` is another one."""
    version = chain.version if chain else 0
    if expected is not None and expected != version:
        raise Conflict(
            "CHAIN_CHANGED",
            f"{chain_id.caip2} is at version {version}, not {expected}; read it again and repeat the change",
            version=str(version),
        )


def _present(chain_id: ChainId, chain: Chain | None) -> Chain:
    if chain is None:
        raise NotFound("CHAIN_UNKNOWN", f"{chain_id.caip2} is not registered; put the chain first")
    return chain
