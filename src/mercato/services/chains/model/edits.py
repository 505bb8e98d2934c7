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
    """Adds an endpoint, or changes the one with this URL."""

    chain_id: ChainId
    endpoint: Endpoint
    headers: HeaderChange
    action = Action.ENDPOINT_PUT

    def apply(self, chain: Chain | None) -> Chain:
        present = _present(self.chain_id, chain)
        wanted = self.completed(present)
        if wanted in present.endpoints:
            return present
        others = tuple(e for e in present.endpoints if e.id != wanted.id)
        return replace(present, endpoints=(*others, wanted))

    def completed(self, chain: Chain) -> Endpoint:
        """The endpoint with the headers it will have."""
        if self.headers is HeaderChange.REPLACE:
            return self.endpoint
        known = next((e.headers for e in chain.endpoints if e.id == self.endpoint.id), {})
        # The new ones are what the URL's user and password became.
        return replace(self.endpoint, headers={**known, **self.endpoint.headers})


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
