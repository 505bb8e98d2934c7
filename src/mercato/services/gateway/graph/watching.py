"""What an answer was made from: the versions of all it shows, each read before the rows themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from mercato.kit import read_versions
from mercato.kit.errors import Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.model.chains import Chain, ReadPoint
from mercato.services.gateway.model.keys import CollectionKey, Page, PageQuery, TokenKey
from mercato.services.gateway.model.market import Activity, Balance, Moderation, Token, Transfer
from mercato.services.gateway.model.market import Collection as NftCollection
from mercato.services.gateway.rpc.backends import Backends
from mercato.services.gateway.rpc.catalog import CatalogClient, CollectionQuery, Place, TraitQuery
from mercato.services.gateway.rpc.chains import ChainsClient

ReadVersions = Callable[[Collection[str]], Awaitable[Mapping[str, bytes]]]


class Watch:
    """Goes along with one execution."""

    def __init__(self, read: ReadVersions) -> None:
        self._read = read
        self.versions: dict[str, bytes] = {}
        """The first version of each that was read: rows that were read later are at least that new."""
        self.passing = False
        """Whether something was shown that has no version."""
        self.lasting = True
        """Whether `versions` stand for all that was shown; not so when one could not be read, or changed meanwhile."""
        self.brief = False
        """Whether something was shown whose changes are told within a second, but not by a version."""

    def spoil(self) -> None:
        """Something is shown that nobody tells changes of."""
        self.passing = True
        self.lasting = False

    async def depend(self, names: Iterable[str]) -> None:
        """To be awaited before rows are read that these versions stand for."""
        new = [name for name in dict.fromkeys(names) if name not in self.versions] if self.lasting else []
        if not new:
            return
        try:
            found = await self._read(new)
        except Unavailable:
            found = {}
        for name in new:
            version = found.get(name)
            if version is None or self.versions.setdefault(name, version) != version:
                self.lasting = False


def watched(backends: Backends, watch: Watch) -> Backends:
    """`backends` that tell `watch` what is read. What is neither catalog nor registry spoils it."""
    others = {
        name: cast(Any, _Spoiling(client, watch))
        for name, client in backends._asdict().items()
        if name not in ("catalog", "chains")
    }
    return backends._replace(
        catalog=WatchedCatalog(backends.catalog, watch), chains=WatchedChains(backends.chains, watch), **others
    )


class _Spoiling:
    """A client whose every call spoils."""

    def __init__(self, client: object, watch: Watch) -> None:
        self._client = client
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **named: Any) -> Any:
            self._watch.spoil()
            return method(*args, **named)

        return call


class WatchedChains(ChainsClient):
    """The registry tells of a change by the versions of its own chains, which readers see within a second."""

    def __init__(self, chains: ChainsClient, watch: Watch) -> None:
        self._chains = chains
        self._watch = watch

    async def list_chains(self) -> list[Chain]:
        self._watch.brief = True
        return await self._chains.list_chains()


class WatchedCatalog(CatalogClient):
    """The catalog, with the versions of what is asked for read first."""

    def __init__(self, catalog: CatalogClient, watch: Watch) -> None:
        self._catalog = catalog
        self._watch = watch

    async def batch_collections(self, keys: Sequence[CollectionKey]) -> dict[CollectionKey, NftCollection]:
        await self._watch.depend(_of_collections((key.chain_id, key.contract) for key in keys))
        return await self._catalog.batch_collections(keys)

    async def list_collections(self, query: CollectionQuery, page: PageQuery) -> Page[NftCollection]:
        await self._watch.depend(_of_place(Place(query.chain_id)))
        return await self._catalog.list_collections(query, page)

    async def batch_tokens(self, keys: Sequence[TokenKey]) -> dict[TokenKey, Token]:
        await self._watch.depend(_of_collections((key.chain_id, key.contract) for key in keys))
        return await self._catalog.batch_tokens(keys)

    async def list_tokens(
        self, place: Place, owner: Address | None, traits: Sequence[TraitQuery], page: PageQuery
    ) -> Page[Token]:
        await self._watch.depend(_of_place(place))
        return await self._catalog.list_tokens(place, owner, traits, page)

    async def list_balances(self, place: Place, owners: Sequence[Address], page: PageQuery) -> Page[Balance]:
        await self._watch.depend(_of_place(place))
        return await self._catalog.list_balances(place, owners, page)

    async def list_transfers(self, place: Place, account: Address | None, page: PageQuery) -> Page[Transfer]:
        await self._watch.depend(_of_place(place))
        return await self._catalog.list_transfers(place, account, page)

    async def list_activities(
        self, place: Place, account: Address | None, kinds: Sequence[str], page: PageQuery
    ) -> Page[Activity]:
        await self._watch.depend(_of_place(place))
        return await self._catalog.list_activities(place, account, kinds, page)

    async def read_points(self) -> list[ReadPoint]:
        self._watch.spoil()
        return await self._catalog.read_points()

    async def flag_token(self, key: TokenKey, flag: str, reason: str, flagged_by: str) -> None:
        self._watch.spoil()
        await self._catalog.flag_token(key, flag, reason, flagged_by)

    async def unflag_token(self, key: TokenKey, flag: str, reason: str, unflagged_by: str) -> None:
        self._watch.spoil()
        await self._catalog.unflag_token(key, flag, reason, unflagged_by)

    async def list_moderation(self, key: TokenKey, page: PageQuery) -> Page[Moderation]:
        self._watch.spoil()
        return await self._catalog.list_moderation(key, page)


def _of_place(place: Place) -> list[str]:
    if place.chain_id is None:
        return [read_versions.EVERYTHING]
    if place.contract is None:
        return [read_versions.chain(place.chain_id)]
    return _of_collections([(place.chain_id, place.contract)])


def _of_collections(keys: Iterable[tuple[ChainId, Address]]) -> list[str]:
    return [
        name
        for chain_id, contract in dict.fromkeys(keys)
        for name in (read_versions.fork(chain_id), read_versions.collection(chain_id, contract))
    ]
