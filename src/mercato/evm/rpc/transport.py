"""JSON-RPC over HTTP to the endpoints of one chain: whom to ask, what to try again, when to give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from msgspec import UNSET
from msgspec.json import Decoder
from prometheus_client import Histogram

from mercato.evm.rpc.dialects import error_of
from mercato.evm.rpc.endpoints import Endpoint, EndpointState, choose
from mercato.evm.rpc.errors import BlockUnknown, NodeFault, NodeRateLimited, NodeUnavailable, RpcError
from mercato.evm.rpc.places import EndpointNotAllowed, check_place
from mercato.evm.rpc.wire import Answer, chain_number_of
from mercato.kit.dialing import connector
from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import ChainId
from mercato.kit.logging import get_logger

J = TypeVar("J")
T = TypeVar("T")

_CONNECTIONS = 32
_KEEP_ALIVE = 30.0
_EXCERPT = 120
_WRONG_CHAIN_PAUSE = 60.0
_TOO_MANY_REQUESTS = 429
_CONTENT_TOO_LARGE = 413

_seconds = Histogram(
    "mercato_node_request_seconds", "Time of one HTTP request to a node", ["endpoint", "method", "outcome"]
)


@dataclass(frozen=True)
class Call:
    """A JSON-RPC method with its parameters."""

    method: str
    params: Sequence[object] = ()
    blocks: tuple[int, int] | None = None
    """The range that an eth_getLogs call names, for reading the node's complaints about it."""


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes
    retry_after: float | None


class _Unusable(Exception):
    """An endpoint gave no JSON-RPC answer; the argument says what it did."""


class Transport:
    """Asks the endpoints of one chain, as an async context manager.

    An endpoint that cannot be reached, times out or talks nonsense is paused (exponential, with jitter) and the
    next one asked, until the time is up. A rate limit pauses likewise. `BlockUnknown` and `NodeFault` are taken to each
    other endpoint once. Every other refusal is final. An endpoint that serves another chain is not used, nor one whose
    host is, when it is dialled, where `check_place` allows no node. Its headers go to its own host: redirects are not
    followed, proxies of the environment not used, cookies not kept.
    """

    def __init__(
        self,
        chain_id: ChainId,
        endpoints: Sequence[Endpoint],
        *,
        timeout: float = 10.0,
        patience: float = 10.0,
        draw: random.Random | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`timeout` is for one HTTP request, `patience` for all tries of one call together, in seconds; `resolver`
        stands in for the system's own."""
        if not endpoints:
            raise FailedPrecondition("NO_ENDPOINT", f"{chain_id.caip2} has no endpoint; register one")
        self.chain = chain_id
        self.endpoints = tuple(EndpointState(endpoint) for endpoint in endpoints)
        self._timeout = timeout
        self._patience = patience
        self._draw = draw or random.Random()
        self._resolver = resolver
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._opened = aiohttp.ClientSession(
            connector=connector(
                check_place, resolver=self._resolver, limit_per_host=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE
            ),
            headers={"Content-Type": "application/json"},
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def request(
        self, call: Call, decoder: Decoder[Answer[J]], make: Callable[[J], T], timeout: float | None = None
    ) -> T:
        """One call. `make` gives the value for the result; `timeout` replaces the pool's patience.

        Raises `NodeUnavailable` when no endpoint answers in time, `RpcError` when one refuses.
        """

        def read(reply: _Reply) -> T:
            return make(_result(_parse(decoder, reply, call), call, reply))

        return await self._rotate(call, msgspec.json.encode(_envelope(0, call)), read, timeout)

    async def batch(
        self,
        calls: Sequence[Call],
        decoder: Decoder[list[Answer[J]] | Answer[Any]],
        make: Callable[[J], T],
        timeout: float | None = None,
    ) -> list[T | RpcError]:
        """Several calls in one HTTP request, results in order; where one was refused stands its `RpcError`.

        Raises as `request` does when the batch as such gets no answer, and for a rate limit on any part of it.
        """
        if not calls:
            return []

        def read(reply: _Reply) -> list[T | RpcError]:
            return _answers(decoder, reply, calls, make)

        return await self._rotate(calls[0], _batch_body(calls), read, timeout)

    async def batch_of_one(
        self,
        state: EndpointState,
        calls: Sequence[Call],
        decoder: Decoder[list[Answer[J]] | Answer[Any]],
        make: Callable[[J], T],
        timeout: float,
    ) -> list[T | RpcError] | None:
        """As `batch`, asked of this endpoint alone and once; None when it gives no answer."""

        def read(reply: _Reply) -> list[T | RpcError]:
            return _answers(decoder, reply, calls, make)

        clock = asyncio.get_running_loop().time
        started_at = clock()
        try:
            return await self._ask(state, calls[0], _batch_body(calls), read, timeout)
        except (_Unusable, EndpointNotAllowed) as error:
            state.failed(started_at, clock(), str(error), self._jitter())
        except RpcError as error:
            state.last_error = error.message
        return None

    async def check_chain(self) -> None:
        """Asks every endpoint for its chain id.

        Raises `FailedPrecondition` WRONG_CHAIN when one serves another chain, and `EndpointNotAllowed` when one is
        where no node may be; one that is down is passed over.
        """
        for state in self.endpoints:
            try:
                await self._confirm_chain(state, self._timeout)
            except (_Unusable, RpcError) as error:
                state.last_error = str(error)
            if state.serves_chain not in (None, self.chain):
                raise FailedPrecondition(
                    "WRONG_CHAIN",
                    f"{state.endpoint.name} serves eip155:{state.serves_chain}, not {self.chain.caip2}; "
                    "correct the endpoint in the chain registry",
                )

    async def _rotate(self, call: Call, body: bytes, read: Callable[[_Reply], T], timeout: float | None) -> T:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + (self._patience if timeout is None else timeout)
        tried: set[EndpointState] = set()
        refusal: RpcError | None = None
        while (state := choose(self.endpoints, clock(), tried, self._draw)) and state.resumes_at < give_up_at:
            await asyncio.sleep(max(0.0, state.resumes_at - clock()))
            started_at = clock()
            if started_at >= give_up_at:
                break
            try:
                return await self._ask(state, call, body, read, min(self._timeout, give_up_at - started_at))
            except (_Unusable, EndpointNotAllowed) as error:
                state.failed(started_at, clock(), str(error), self._jitter())
            except NodeRateLimited as error:
                refusal = error
                state.failed(started_at, clock(), error.message, self._jitter())
                state.paused(clock() + (error.retry_after or 0.0), error.message)
            except (BlockUnknown, NodeFault) as error:
                refusal = error
                tried.add(state)
        raise refusal or self._nobody(call)

    async def _ask(
        self, state: EndpointState, call: Call, body: bytes, read: Callable[[_Reply], T], timeout: float
    ) -> T:
        """One HTTP request, counted and timed; after it the endpoint is known to be well unless `_Unusable`."""
        if state.serves_chain is None:
            await self._confirm_chain(state, timeout)
        if state.serves_chain != self.chain:
            why = f"serves eip155:{state.serves_chain}, not {self.chain.caip2}"
            state.paused(asyncio.get_running_loop().time() + _WRONG_CHAIN_PAUSE, why)
            state.serves_chain = None
            raise _Unusable(why)
        with _Timing(state, call) as timing:
            reply = await self._post(state.endpoint, body, timeout)
            try:
                value = read(reply)
            except RpcError:
                state.answered()
                timing.outcome = "refused"
                raise
            except (ValueError, InvalidArgument):  # hex that is none, an address of 19 bytes
                raise _Unusable(f"malformed result of {call.method}") from None
            state.answered()
            timing.outcome = "answered"
            return value

    async def _confirm_chain(self, state: EndpointState, timeout: float) -> None:
        call = Call("eth_chainId")
        reply = await self._post(state.endpoint, msgspec.json.encode(_envelope(0, call)), timeout)
        result = _result(_parse(_CHAIN_ID, reply, call), call, reply)
        try:
            state.serves_chain = chain_number_of(result)
        except ValueError:
            raise _Unusable("malformed chain id") from None

    async def _post(self, endpoint: Endpoint, body: bytes, timeout: float) -> _Reply:
        if self._opened is None:
            raise RuntimeError("the pool is closed: use it inside `async with`")
        try:
            async with self._opened.post(
                endpoint.url,
                data=body,
                headers=endpoint.headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,  # the headers may hold keys
            ) as response:
                return _Reply(response.status, await response.read(), _seconds_of(response.headers.get("Retry-After")))
        except TimeoutError:
            raise _Unusable(f"no answer within {timeout:.1f} s") from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:  # whose text may be the URL, which may hold a key
            raise _Unusable(f"it cannot be reached ({type(error).__name__})") from None

    def _jitter(self) -> float:
        return self._draw.uniform(0.5, 1.0)

    def _nobody(self, call: Call) -> NodeUnavailable:
        told = "; ".join(f"{state.endpoint.name}: {state.last_error or 'not asked'}" for state in self.endpoints)
        return NodeUnavailable("NODE_UNAVAILABLE", f"no endpoint of {self.chain.caip2} answered {call.method}: {told}")


class _Timing:
    """Observes one request, whatever way it ends."""

    def __init__(self, state: EndpointState, call: Call) -> None:
        self.outcome = "unusable"
        self._labels = state.endpoint.name, call.method
        self._clock = asyncio.get_running_loop().time
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        _seconds.labels(*self._labels, self.outcome).observe(self._clock() - self._started)


_CHAIN_ID = Decoder(Answer[str])


def _envelope(number: int, call: Call) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}


def _parse(decoder: Decoder[T], reply: _Reply, call: Call) -> T:
    """The JSON of a reply. Providers send errors under any HTTP status, with or without JSON."""
    try:
        return decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if reply.status == _TOO_MANY_REQUESTS:
            raise NodeRateLimited(_TOO_MANY_REQUESTS, "too many requests", None, reply.retry_after) from None
        if reply.status == _CONTENT_TOO_LARGE:
            raise error_of(call.method, 0, "response too large", None, call.blocks) from None
        # What was said stays here: errors travel to callers, and whoever answers may not be a node.
        get_logger("nodes").debug(
            "no JSON-RPC", status=reply.status, problem=str(error), excerpt=repr(reply.body[:_EXCERPT])
        )
        raise _Unusable(f"HTTP {reply.status}, not JSON-RPC") from None


def _result(answer: Answer[T], call: Call, reply: _Reply) -> T:
    error = answer.error
    if error is not None:
        code = _TOO_MANY_REQUESTS if reply.status == _TOO_MANY_REQUESTS else error.code
        typed = error_of(call.method, code, error.message, error.data, call.blocks)
        if isinstance(typed, NodeRateLimited):
            typed.retry_after = reply.retry_after
        raise typed
    if answer.result is UNSET:
        raise _Unusable(f"HTTP {reply.status}, neither result nor error")
    return answer.result


def _batch_body(calls: Sequence[Call]) -> bytes:
    return msgspec.json.encode([_envelope(i, call) for i, call in enumerate(calls)])


def _answers(
    decoder: Decoder[list[Answer[J]] | Answer[Any]], reply: _Reply, calls: Sequence[Call], make: Callable[[J], T]
) -> list[T | RpcError]:
    answers = _parse(decoder, reply, calls[0])
    if isinstance(answers, Answer):
        _result(answers, calls[0], reply)
        raise _Unusable("one answer to a batch")
    return _in_order(answers, calls, make, reply)


def _in_order(
    answers: list[Answer[J]], calls: Sequence[Call], make: Callable[[J], T], reply: _Reply
) -> list[T | RpcError]:
    by_id = {answer.id: answer for answer in answers}
    results: list[T | RpcError] = []
    for i, call in enumerate(calls):
        if i not in by_id:
            raise _Unusable(f"call {i} of a batch has no answer")
        try:
            results.append(make(_result(by_id[i], call, reply)))
        except NodeRateLimited:
            raise
        except RpcError as refused:
            results.append(refused)
    return results


def _seconds_of(retry_after: str | None) -> float | None:
    """The Retry-After header in its form with seconds; the form with a date is not used by nodes."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
