"""What an answer depends on: each call of the catalog is watched, versions are read first, the rest is never kept."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Collection, Mapping
from typing import Any, cast

import pytest

from mercato.kit import read_versions
from mercato.kit.errors import Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.graph.watching import Watch, WatchedCatalog, WatchedChains
from mercato.services.gateway.model.keys import CollectionKey, PageQuery, TokenKey
from mercato.services.gateway.rpc.catalog import CatalogClient, CollectionQuery, Place
from mercato.services.gateway.rpc.chains import ChainsClient

CHAIN, CATS, DOGS = ChainId(1), Address(b"\x01" * 20), Address(b"\x02" * 20)
PAGE = PageQuery(10, None)
OF_CATS = {read_versions.fork(CHAIN), read_versions.collection(CHAIN, CATS)}


class Versions:
    """Present versions; writes down what is read."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.present: dict[str, bytes] = {}

    async def __call__(self, names: Collection[str]) -> Mapping[str, bytes]:
        self.log.append("versions")
        return {name: self.present.get(name, b"1") for name in names}


class Silent:
    """A catalog that answers nothing to anything; writes down that it was asked."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        async def call(*_: Any) -> list[Any]:
            self._log.append(name)
            return []

        return call


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.iscoroutinefunction) if not name.startswith("_")}


@pytest.mark.parametrize(("watched", "client"), [(WatchedCatalog, CatalogClient), (WatchedChains, ChainsClient)])
def test_every_call_is_watched(watched: type, client: type) -> None:
    assert public(client) <= watched.__dict__.keys()


CALLS: list[tuple[str, tuple[Any, ...], set[str]]] = [
    ("batch_collections", ([CollectionKey(CHAIN, CATS)],), OF_CATS),
    ("batch_tokens", ([TokenKey(CHAIN, CATS, 1), TokenKey(CHAIN, CATS, 2)],), OF_CATS),
    (
        "batch_tokens",
        ([TokenKey(CHAIN, CATS, 1), TokenKey(CHAIN, DOGS, 1)],),
        OF_CATS | {read_versions.collection(CHAIN, DOGS)},
    ),
    ("list_collections", (CollectionQuery(CHAIN), PAGE), {read_versions.chain(CHAIN)}),
    ("list_collections", (CollectionQuery(), PAGE), {read_versions.EVERYTHING}),
    ("list_tokens", (Place(CHAIN, CATS), None, (), PAGE), OF_CATS),
    ("list_tokens", (Place(CHAIN), CATS, (), PAGE), {read_versions.chain(CHAIN)}),
    ("list_tokens", (Place(), CATS, (), PAGE), {read_versions.EVERYTHING}),
    ("list_balances", (Place(CHAIN, CATS, 1), (), PAGE), OF_CATS),
    ("list_transfers", (Place(CHAIN, CATS, 1), None, PAGE), OF_CATS),
    ("list_activities", (Place(), None, (), PAGE), {read_versions.EVERYTHING}),
]


@pytest.mark.parametrize(("method", "arguments", "names"), CALLS)
async def test_versions_are_read_before_the_rows(method: str, arguments: tuple[Any, ...], names: set[str]) -> None:
    versions = Versions()
    watch = Watch(versions)
    await getattr(WatchedCatalog(cast(Any, Silent(versions.log)), watch), method)(*arguments)
    assert versions.log == ["versions", method]
    assert set(watch.versions) == names
    assert (watch.lasting, watch.passing) == (True, False)


@pytest.mark.parametrize(
    "changed",
    [
        read_versions.of_collection(CHAIN, CATS),
        read_versions.of_fork(CHAIN),
    ],
)
@pytest.mark.parametrize(("method", "arguments", "names"), CALLS)
def test_a_change_touches_whatever_may_show_it(
    method: str, arguments: tuple[Any, ...], names: set[str], changed: list[str]
) -> None:
    assert names & set(changed), (method, arguments)


async def test_the_first_version_read_counts_and_another_one_spoils() -> None:
    versions = Versions()
    watch = Watch(versions)
    catalog = WatchedCatalog(cast(Any, Silent([])), watch)
    await catalog.list_tokens(Place(CHAIN, CATS), None, (), PAGE)
    versions.present = {read_versions.collection(CHAIN, CATS): b"2"}
    await catalog.list_transfers(Place(CHAIN, CATS), None, PAGE)
    assert watch.versions[read_versions.collection(CHAIN, CATS)] == b"1"
    assert watch.lasting

    versions.present = {}
    gate = asyncio.Event()

    async def slowly(names: Collection[str]) -> Mapping[str, bytes]:
        found = await versions(names)
        await gate.wait()
        return found

    other = Watch(slowly)
    first = asyncio.create_task(other.depend([read_versions.EVERYTHING]))
    await asyncio.sleep(0)
    versions.present = {read_versions.EVERYTHING: b"2"}
    second = asyncio.create_task(other.depend([read_versions.EVERYTHING]))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, second)
    assert not other.lasting


async def test_without_versions_the_rows_are_read_all_the_same() -> None:
    log: list[str] = []

    async def away(_: Collection[str]) -> Mapping[str, bytes]:
        raise Unavailable("CACHE_UNAVAILABLE", "away")

    watch = Watch(away)
    await WatchedCatalog(cast(Any, Silent(log)), watch).list_tokens(Place(CHAIN, CATS), None, (), PAGE)
    assert log == ["list_tokens"]
    assert (watch.lasting, watch.passing) == (False, False)


async def test_a_read_point_passes_and_the_registry_is_brief() -> None:
    watch = Watch(Versions())
    await WatchedChains(cast(Any, Silent([])), watch).list_chains()
    assert (watch.brief, watch.lasting) == (True, True)
    await WatchedCatalog(cast(Any, Silent([])), watch).read_points()
    assert watch.passing


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("flag_token", (TokenKey(CHAIN, CATS, 1), "SPAM", "r", "m")),
        ("unflag_token", (TokenKey(CHAIN, CATS, 1), "SPAM", "", "m")),
        ("list_moderation", (TokenKey(CHAIN, CATS, 1), PAGE)),
    ],
)
async def test_writes_and_what_admins_read_go_through_and_are_never_kept(
    method: str, arguments: tuple[Any, ...]
) -> None:
    log: list[str] = []
    watch = Watch(Versions())
    await getattr(WatchedCatalog(cast(Any, Silent(log)), watch), method)(*arguments)
    assert log == [method]
    assert watch.passing
