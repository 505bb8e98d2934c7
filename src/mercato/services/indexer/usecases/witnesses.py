"""Having a second endpoint confirm a block before it is read, and setting apart the one that lies.

Endpoints that hear of a block at different times differ for a moment; only what lasts is a dispute. While it is open
nothing is read that not the greater part of them holds, and nothing is retracted. Then the endpoint that is not
believed is in quarantine, and the others are the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from prometheus_client import Counter

from mercato.evm.rpc import BlockId, EndpointState, Header
from mercato.kit.logging import Logger
from mercato.services.indexer.model.chain import Checkpoint, EndpointsDisagree, NodeInconsistent
from mercato.services.indexer.model.witnesses import Statement, believed, majority

GRACE = 6.0
"""Seconds that blocks may take from one endpoint to another."""
_LAGS = 64
"""Blocks behind the best head from which an endpoint is of no use."""
_LAG_PAUSE = 10.0
_TIMEOUT = 2.0

_quarantines = Counter(
    "mercato_indexer_quarantines_total", "Endpoints that were set apart, and why", ["chain", "endpoint", "reason"]
)


class Witnesses(Protocol):
    """The part of `evm.rpc.RpcPool` that is used."""

    @property
    def endpoints(self) -> Sequence[EndpointState]: ...

    async def headers_of(
        self, state: EndpointState, blocks: Sequence[BlockId], timeout: float
    ) -> list[Header | None] | None: ...


class Confirm:
    """Asks every endpoint of one chain; does nothing where there is one alone."""

    def __init__(self, pool: Witnesses, log: Logger, grace: float = GRACE) -> None:
        self._pool = pool
        self._log = log
        self._grace = grace
        self._since: float | None = None
        self._first_heads: dict[str, int] = {}
        self._confirmed: tuple[int, bytes] | None = None

    async def __call__(self, checkpoint: Checkpoint, last: int, wanted: Mapping[int, bytes]) -> None:
        """Returns when blocks up to `last` may be read, or retracted for; `wanted` are hashes, by number, of the branch
        that is to be read.

        Raises `EndpointsDisagree` while a dispute is open, and `NodeInconsistent` when one was just settled or the
        branch is nobody's: look at the head again.
        """
        heads = await self._heads(checkpoint)
        if len(heads) < 2:
            return
        height = min(last, *(head.number for head in heads.values()))
        held = await self._held(heads, height)
        hashes = set(held.values())
        if len(hashes) > 1:
            await self._dispute(checkpoint, heads, held, height, wanted.get(height))
            return
        self._settle(held, height)
        if hashes and wanted.get(height, *hashes) not in hashes:
            raise NodeInconsistent("NODE_INCONSISTENT", f"no endpoint holds block {height} as it was told before")

    @property
    def notice(self) -> str:
        """What the status says of endpoints that are not asked, empty when all are."""
        now = asyncio.get_running_loop().time()
        apart = [state for state in self._pool.endpoints if state.quarantined_until > now]
        return "; ".join(f"{state.endpoint.name} is in quarantine: {state.last_error}" for state in apart)

    async def _heads(self, checkpoint: Checkpoint) -> dict[EndpointState, Header]:
        """The heads of those that answer and do not lag; one that does is not asked for a while."""
        now = asyncio.get_running_loop().time()
        states = [state for state in self._pool.endpoints if state.quarantined_until <= now]
        if len(states) < 2:
            return {}
        answers = await asyncio.gather(*(self._pool.headers_of(state, ["latest"], _TIMEOUT) for state in states))
        heads = {s: a[0] for s, a in zip(states, answers, strict=True) if a and a[0] is not None}
        best = max((head.number for head in heads.values()), default=0)
        for state, head in list(heads.items()):
            if best - head.number > _LAGS:
                del heads[state]
                state.set_aside(now + _LAG_PAUSE, f"it is {best - head.number} blocks behind")
                self._tell(checkpoint, state, "lag")
        return heads

    async def _held(self, heads: Mapping[EndpointState, Header], height: int) -> dict[EndpointState, bytes]:
        """The hash that each holds at `height`."""
        known = {state: head for state, head in heads.items() if head.number == height}
        others = [state for state in heads if state not in known]
        answers = await asyncio.gather(*(self._pool.headers_of(state, [height], _TIMEOUT) for state in others))
        known |= {s: a[0] for s, a in zip(others, answers, strict=True) if a and a[0] is not None}
        return {state: header.hash for state, header in known.items()}

    async def _dispute(
        self,
        checkpoint: Checkpoint,
        heads: Mapping[EndpointState, Header],
        held: Mapping[EndpointState, bytes],
        height: int,
        wanted: bytes | None,
    ) -> None:
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
            self._first_heads = {state.endpoint.url: head.number for state, head in heads.items()}
        statements = {
            state: await self._statement(state, heads[state].number, height, hash_) for state, hash_ in held.items()
        }
        said = list(statements.values())
        lasted = now - self._since >= self._grace or any(state.strikes for state in held)
        if lasted and (truth := believed(said)) is not None:
            for state, one in statements.items():
                if one.hash != truth:
                    state.quarantined(now, f"its block {height} is 0x{one.hash.hex()}, not 0x{truth.hex()}")
                    self._tell(checkpoint, state, "disagreement")
            self._since = None
            raise NodeInconsistent("ENDPOINT_QUARANTINED", self.notice)
        if wanted is None or majority(said) != wanted:
            told = ", ".join(f"{one.endpoint}: 0x{one.hash.hex()}" for one in said)
            raise EndpointsDisagree("ENDPOINTS_DISAGREE", f"the endpoints differ at block {height}: {told}")

    async def _statement(self, state: EndpointState, head: int, height: int, hash_: bytes) -> Statement:
        number, confirmed = self._confirmed or (height, None)
        numbers = [max(0, height - 1), height, height + 1, number]
        answer = await self._pool.headers_of(state, numbers, _TIMEOUT) or [None] * len(numbers)
        below, at, above, then = answer
        links = [
            at is None or at.hash == hash_,
            at is None or below is None or not height or at.parent_hash == below.hash,
            above is None or above.parent_hash == hash_,
        ]
        return Statement(
            endpoint=state.endpoint.name,
            hash=hash_,
            sound=all(links),
            strikes=state.strikes,
            rose=head > self._first_heads.get(state.endpoint.url, head),
            faithful=confirmed is None or (then is not None and then.hash == confirmed),
            priority=state.endpoint.priority,
        )

    def _settle(self, held: Mapping[EndpointState, bytes], height: int) -> None:
        self._since = None
        if len(held) > 1:
            self._confirmed = height, next(iter(held.values()))
            for state in held:
                state.strikes = 0

    def _tell(self, checkpoint: Checkpoint, state: EndpointState, reason: str) -> None:
        _quarantines.labels(checkpoint.chain.caip2, state.endpoint.name, reason).inc()
        self._log.warning(
            "endpoint set apart", chain=checkpoint.chain.caip2, endpoint=state.endpoint.name, why=state.last_error
        )
