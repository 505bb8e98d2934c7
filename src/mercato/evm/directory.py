"""The chains of the registry with an open RPC pool each, kept fresh: what every service that talks to nodes asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit.errors import FailedPrecondition, MercatoError, NotFound
from mercato.kit.ids import Address, ChainId
from mercato.kit.logging import get_logger
from mercato.kit.tasks import ended
from mercato.rpc.chains.v1.chains_pb2 import Chain, ListChainsRequest

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub

_FRESH = 0.4
_PATIENCE = 1.0
_RETIREMENT = 30.0


@dataclass(frozen=True)
class ChainHandle:
    """One enabled chain as the registry had it less than a second ago, and the way to its nodes."""

    chain: Chain
    pool: RpcPool

    @property
    def chain_id(self) -> ChainId:
        """As a number."""
        return ChainId.parse(self.chain.chain_id)

    def contract(self, kind: str) -> Address:
        """The chain's contract of that kind (``factory``, ``implementation721`` …).

        Raises `FailedPrecondition` CONTRACT_NOT_REGISTERED.
        """
        for contract in self.chain.contracts:
            if contract.kind == kind:
                return Address(contract.address)
        raise FailedPrecondition(
            "CONTRACT_NOT_REGISTERED",
            f"{self.chain.chain_id} has no {kind} yet; register it with PutContract",
            kind=kind,
        )

    def contracts(self, kind: str) -> list[Address]:
        """All contracts of that kind: the chain's conduits."""
        return [Address(contract.address) for contract in self.chain.contracts if contract.kind == kind]


class ChainDirectory:
    """Answers from memory and asks the registry again when its answer is older than 0.4 s.

    A chain keeps its pool until its version changes; a pool that was replaced stays open for calls under way.
    While the registry is away the last answer stands. Use it as an async context manager.
    """

    def __init__(self, chains: ChainsServiceAsyncStub, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is monotonic, in seconds."""
        self._chains = chains
        self._clock = clock
        self._log = get_logger("directory")
        self._handles: dict[ChainId, ChainHandle] = {}
        self._pools: dict[ChainId, AsyncExitStack] = {}
        self._disabled: frozenset[ChainId] = frozenset()
        self._checked_at: float | None = None
        self._failing = False
        self._refreshing: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await ended([*self._retiring, *([self._refreshing] if self._refreshing else [])])
        for pool in self._pools.values():
            await pool.aclose()

    async def get(self, chain_id: ChainId) -> ChainHandle:
        """Raises `NotFound` CHAIN_UNKNOWN, `FailedPrecondition` CHAIN_DISABLED, or `Unavailable` when the registry
        has never answered."""
        await self._keep_fresh()
        handle = self._handles.get(chain_id)
        if handle is not None:
            return handle
        if chain_id in self._disabled:
            raise FailedPrecondition("CHAIN_DISABLED", f"{chain_id.caip2} is switched off or has no endpoint")
        raise NotFound("CHAIN_UNKNOWN", f"{chain_id.caip2} is not registered here; ask for the list of chains")

    async def all(self) -> list[ChainHandle]:
        """Every enabled chain with an endpoint, by number. Raises `Unavailable` before the registry's first answer."""
        await self._keep_fresh()
        return [self._handles[chain_id] for chain_id in sorted(self._handles)]

    async def _keep_fresh(self) -> None:
        now = self._clock()
        if self._checked_at is not None and now - self._checked_at < _FRESH:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(), name="chain directory")
        if self._checked_at is None:
            await asyncio.shield(self._refreshing)
        elif not self._failing:
            # A registry that hangs must not hang its readers; after its first failure nobody waits for it.
            await asyncio.wait([self._refreshing], timeout=_PATIENCE)

    async def _refresh(self) -> None:
        try:
            answer = await self._chains.ListChains(ListChainsRequest())
        except MercatoError as error:
            if self._checked_at is None:
                raise
            if not self._failing:
                self._log.warning("chain registry does not answer; its last answer stands", reason=error.reason)
            self._failing, self._checked_at = True, self._clock()
            return
        await self._adopt(list(answer.chains))
        self._failing, self._checked_at = False, self._clock()

    async def _adopt(self, chains: list[Chain]) -> None:
        usable = {ChainId.parse(c.chain_id): c for c in chains if c.enabled and c.endpoints}
        self._disabled = frozenset({ChainId.parse(c.chain_id) for c in chains} - usable.keys())
        for chain_id in self._handles.keys() - usable.keys():
            del self._handles[chain_id]
            self._retire(self._pools.pop(chain_id))
        for chain_id, chain in usable.items():
            known = self._handles.get(chain_id)
            if known is None or list(known.chain.endpoints) != list(chain.endpoints):
                await self._open(chain_id, chain)
            elif known.chain.version != chain.version:
                self._handles[chain_id] = ChainHandle(chain, known.pool)

    async def _open(self, chain_id: ChainId, chain: Chain) -> None:
        stack = AsyncExitStack()
        pool = await stack.enter_async_context(open_pool(chain))
        if chain_id in self._pools:
            self._retire(self._pools[chain_id])
        self._pools[chain_id] = stack
        self._handles[chain_id] = ChainHandle(chain, pool)

    def _retire(self, stack: AsyncExitStack) -> None:
        async def close() -> None:
            try:
                await asyncio.sleep(_RETIREMENT)
            finally:
                await stack.aclose()

        task = asyncio.create_task(close(), name="retired pool")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def open_pool(chain: Chain) -> RpcPool:
    """A pool over the endpoints of a chain, best first."""
    return RpcPool(
        ChainId.parse(chain.chain_id),
        [
            Endpoint(e.url, priority=e.priority, weight=e.weight, headers=dict(e.headers), ws_url=e.ws_url)
            for e in chain.endpoints
        ],
    )
