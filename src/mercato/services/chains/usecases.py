"""What the registry can do: answer who asks, and take an operator's word only after a node has confirmed it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from mercato.kit.errors import FailedPrecondition, InvalidArgument, MercatoError, NotFound
from mercato.kit.ids import ChainId
from mercato.services.chains.model.audit import Change
from mercato.services.chains.model.chains import (
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    GasPolicy,
    check_contract,
    check_endpoint,
    check_gas_policy,
    check_spec,
    well_spelled,
    without_credentials,
)
from mercato.services.chains.model.edits import (
    Edit,
    HeaderChange,
    Instruction,
    PutContract,
    PutEndpoint,
    PutGasPolicy,
    PutSpec,
    RemoveContract,
    RemoveEndpoint,
    SetEnabled,
)

FRESH = 0.2
"""Seconds for which a process answers from memory; writes of the same process are seen at once."""


class Chains(Protocol):
    """Where chains are kept."""

    async def list(self) -> list[Chain]: ...
    async def write(self, edit: Edit, instruction: Instruction) -> None: ...


class Audit(Protocol):
    """Where it is kept who changed what."""

    async def list_changes(self, chain_id: ChainId | None, limit: int, before: int | None) -> list[Change]: ...


class Nodes(Protocol):
    """What nodes say. Both raise `InvalidArgument` for a place where no node may be, and `MercatoError` when none
    answers; no word of an answer is in its message, for whoever answers there may not be a node."""

    async def chain_number(self, endpoint: Endpoint, expected: ChainId) -> int: ...
    async def has_code(self, chain: Chain, contract: Contract) -> bool: ...


class ReadChains:
    """Reads of the registry, from memory for `FRESH` seconds. `clock` is monotonic, in seconds."""

    def __init__(self, chains: Chains, clock: Callable[[], float]) -> None:
        self._chains = chains
        self._clock = clock
        self._answer: list[Chain] = []
        self._read_at: float | None = None
        self._written_at = float("-inf")
        self._lock = asyncio.Lock()

    async def all(self) -> list[Chain]:
        """Every chain, by number."""
        async with self._lock:
            # Times are taken before the read, so that an answer is never older than it claims.
            now = self._clock()
            if self._read_at is None or self._read_at <= self._written_at or now - self._read_at > FRESH:
                self._answer = await self._chains.list()
                self._read_at = now
            return self._answer

    async def get(self, chain_id: ChainId) -> Chain:
        """Raises `NotFound` CHAIN_UNKNOWN."""
        for chain in await self.all():
            if chain.spec.chain_id == chain_id:
                return chain
        raise NotFound("CHAIN_UNKNOWN", f"{chain_id.caip2} is not registered; list the chains that are")

    def forget(self) -> None:
        """Answers read until now are old: a read after this one asks the store."""
        self._written_at = self._clock()


class WriteChains:
    """An operator's or admin's writes. Each is idempotent and returns the chain as it is then.

    All raise `Conflict` CHAIN_CHANGED when the chain is not at the version that the instruction expects.
    """

    def __init__(self, chains: Chains, nodes: Nodes, reads: ReadChains) -> None:
        self._chains = chains
        self._nodes = nodes
        self._reads = reads

    async def put_chain(self, spec: ChainSpec, instruction: Instruction) -> Chain:
        """Adds or changes a chain. Raises `InvalidArgument`."""
        check_spec(spec)
        return await self._write(PutSpec(spec), instruction)

    async def set_enabled(self, edit: SetEnabled, instruction: Instruction) -> Chain:
        """Switches a chain on or off. Raises `NotFound` CHAIN_UNKNOWN."""
        return await self._write(edit, instruction)

    async def put_endpoint(
        self, chain_id: ChainId, endpoint: Endpoint, headers: HeaderChange, instruction: Instruction
    ) -> Chain:
        """Adds or changes a node of a chain, after it has said that it is one.

        Raises `FailedPrecondition` ENDPOINT_UNREACHABLE or ENDPOINT_HEADERS_NEEDED, `InvalidArgument`
        CHAIN_ID_MISMATCH, ENDPOINT_NOT_ALLOWED and those of `check_endpoint`, `NotFound` CHAIN_UNKNOWN.
        """
        given = without_credentials(endpoint)
        check_endpoint(given)
        edit = PutEndpoint(chain_id, well_spelled(given), headers)
        await self._confirm_endpoint(chain_id, edit.completed(await self._present(chain_id)))
        return await self._write(edit, instruction)

    async def remove_endpoint(self, edit: RemoveEndpoint, instruction: Instruction) -> Chain:
        """Raises `NotFound` CHAIN_UNKNOWN or ENDPOINT_UNKNOWN, `FailedPrecondition` LAST_ENDPOINT."""
        return await self._write(edit, instruction)

    async def put_contract(self, chain_id: ChainId, contract: Contract, instruction: Instruction) -> Chain:
        """Sets a contract of a chain, after a node has shown code at its address.

        Raises `FailedPrecondition` CHAIN_WITHOUT_ENDPOINT or ENDPOINT_UNREACHABLE, `InvalidArgument`
        CONTRACT_WITHOUT_CODE and those of `check_contract`, `NotFound` CHAIN_UNKNOWN.
        """
        check_contract(contract)
        chain = await self._present(chain_id)
        if not chain.endpoints:
            raise FailedPrecondition("CHAIN_WITHOUT_ENDPOINT", "put an endpoint first: it is asked for the code")
        try:
            has_code = await self._nodes.has_code(chain, contract)
        except MercatoError as error:
            raise FailedPrecondition(
                "ENDPOINT_UNREACHABLE", f"no endpoint of the chain answers eth_getCode ({error.reason}); see its logs"
            ) from error
        if not has_code:
            raise InvalidArgument(
                "CONTRACT_WITHOUT_CODE", f"there is no code at {contract.address} on {chain_id.caip2}; deploy it first"
            )
        return await self._write(PutContract(chain_id, contract), instruction)

    async def remove_contract(self, edit: RemoveContract, instruction: Instruction) -> Chain:
        """Raises `NotFound` CHAIN_UNKNOWN or CONTRACT_UNKNOWN."""
        return await self._write(edit, instruction)

    async def put_gas_policy(self, chain_id: ChainId, policy: GasPolicy, instruction: Instruction) -> Chain:
        """Raises `InvalidArgument` INVALID_GAS_POLICY, `NotFound` CHAIN_UNKNOWN, `FailedPrecondition`
        FINALITY_DEPTH_UNSAFE."""
        check_gas_policy(policy)
        return await self._write(PutGasPolicy(chain_id, policy), instruction)

    async def _confirm_endpoint(self, chain_id: ChainId, endpoint: Endpoint) -> None:
        try:
            reported = await self._nodes.chain_number(endpoint, chain_id)
        except InvalidArgument:
            raise
        except MercatoError as error:
            # One message for whatever is there: how it fails would tell inner servers apart.
            raise FailedPrecondition(
                "ENDPOINT_UNREACHABLE",
                "the endpoint does not answer eth_chainId as a node does, at each of its URLs; see the registry's log",
            ) from error
        if reported != chain_id:
            raise InvalidArgument(
                "CHAIN_ID_MISMATCH", f"the endpoint serves chain {reported}, not {chain_id}", reported=str(reported)
            )

    async def _write(self, edit: Edit, instruction: Instruction) -> Chain:
        await self._chains.write(edit, instruction)
        return await self._present(edit.chain_id)

    async def _present(self, chain_id: ChainId) -> Chain:
        self._reads.forget()
        return await self._reads.get(chain_id)
