"""The rules of the registry, pure: what is acceptable, what a write makes of a chain, what the audit says of it."""

from mercato.services.chains.model.chains import (
    CAREFUL_POLICY,
    CONTRACT_KINDS,
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    GasPolicy,
    IndexScope,
    check_contract,
    check_endpoint,
    check_gas_policy,
    check_spec,
)

__all__ = [
    "CAREFUL_POLICY",
    "CONTRACT_KINDS",
    "Chain",
    "ChainSpec",
    "Contract",
    "Endpoint",
    "GasPolicy",
    "IndexScope",
    "check_contract",
    "check_endpoint",
    "check_gas_policy",
    "check_spec",
]
