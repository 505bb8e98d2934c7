"""Loads of one request, joined: keys asked for in the same turn of the event loop become one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cached_property, partial
from typing import Generic, TypeVar
from uuid import UUID

from mercato.kit.ids import ChainId
from mercato.services.gateway.model.chains import Chain, IndexerStatus, ReadPoint
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, TokenKey
from mercato.services.gateway.model.market import Collection, Token
from mercato.services.gateway.model.people import Principal, Session, User, Wallet
from mercato.services.gateway.rpc.backends import Backends

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_LARGEST_BATCH = 100


class Loader(Generic[K, V]):
    """Loads values by key in batches and remembers them; lives as long as one request."""

    def __init__(self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._fetch = fetch
        self._known: dict[K, asyncio.Future[V | None]] = {}
        self._waiting: list[K] = []
        self._running: set[asyncio.Task[None]] = set()

    def find(self, key: K) -> asyncio.Future[V | None]:
        """Resolves to None for an unknown key; raises what the batch raised."""
        future = self._known.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._known[key] = loop.create_future()
            if not self._waiting:
                # One turn later, so that every resolver of this level has asked.
                loop.call_soon(self._dispatch)
            self._waiting.append(key)
        return future

    def _dispatch(self) -> None:
        keys, self._waiting = self._waiting, []
        for start in range(0, len(keys), _LARGEST_BATCH):
            task = asyncio.create_task(self._load(keys[start : start + _LARGEST_BATCH]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _load(self, keys: Sequence[K]) -> None:
        try:
            found = await self._fetch(keys)
        except Exception as error:
            for key in keys:
                self._settle(key, error=error)
            return
        for key in keys:
            self._settle(key, value=found.get(key))

    def _settle(self, key: K, value: V | None = None, error: Exception | None = None) -> None:
        future = self._known[key]
        if future.done():  # the asker was cancelled
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
            future.exception()  # an asker that is gone must not make asyncio complain


class Loaders:
    """The loaders of one request, each made when first used. Chains and read points are whole lists, loaded once and
    looked up."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._intents: dict[UUID, Loader[UUID, Intent]] = {}

    @cached_property
    def collections(self) -> Loader[CollectionKey, Collection]:
        return Loader(self._backends.catalog.batch_collections)

    @cached_property
    def tokens(self) -> Loader[TokenKey, Token]:
        return Loader(self._backends.catalog.batch_tokens)

    @cached_property
    def users(self) -> Loader[UUID, User]:
        return Loader(self._backends.users.batch_users)

    @cached_property
    def wallets(self) -> Loader[UUID, list[Wallet]]:
        return Loader(self._backends.wallets.batch_wallets)

    @cached_property
    def _chains(self) -> Loader[str, list[Chain]]:
        return _whole(self._backends.chains.list_chains)

    @cached_property
    def _indexers(self) -> Loader[str, list[IndexerStatus]]:
        return _whole(self._backends.indexer.status)

    @cached_property
    def _points(self) -> Loader[str, list[ReadPoint]]:
        return _whole(self._backends.catalog.read_points)

    @cached_property
    def _pushed(self) -> Loader[str, dict[ChainId, int]]:
        return _whole(self._backends.pushed.read)

    @cached_property
    def sessions(self) -> Loader[Principal, list[Session]]:
        """A request has one principal, so this is one call."""

        async def load(asking: Sequence[Principal]) -> Mapping[Principal, list[Session]]:
            return {who: await self._backends.auth.list_sessions(who.user_id, who.session_id) for who in asking}

        return Loader(load)

    def intents_of(self, user_id: UUID) -> Loader[UUID, Intent]:
        """The user's own intents; anybody else's are unknown to it."""
        if user_id not in self._intents:
            self._intents[user_id] = Loader(partial(self._backends.orchestrator.batch_intents, user_id))
        return self._intents[user_id]

    async def chains(self) -> list[Chain]:
        return await self._chains.find("all") or []

    async def find_chain(self, chain_id: ChainId) -> Chain | None:
        return next((c for c in await self.chains() if c.chain_id == chain_id), None)

    async def find_indexer(self, chain_id: ChainId) -> IndexerStatus | None:
        return next((c for c in await self._indexers.find("all") or [] if c.chain_id == chain_id), None)

    async def find_read_point(self, chain_id: ChainId) -> ReadPoint | None:
        return next((p for p in await self._points.find("all") or [] if p.chain_id == chain_id), None)

    async def find_pushed(self, chain_id: ChainId) -> int | None:
        return (await self._pushed.find("all") or {}).get(chain_id)


def _whole(fetch: Callable[[], Awaitable[V]]) -> Loader[str, V]:
    """A loader of one value, called "all"."""

    async def load(_: Sequence[str]) -> Mapping[str, V]:
        return {"all": await fetch()}

    return Loader(load)
