"""Media's own parts on the real stores, with a clock that tells each call another time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from media_parts import DOCUMENT_LIMIT, UPLOAD_LIMIT, Site, loopback_only, running_site

from mercato.kit import mongo
from mercato.kit.mongo import Client
from mercato.kit.settings import Settings
from mercato.services.media import fetcher, usecases
from mercato.services.media.store import MediaStore, open_bucket
from mercato.services.media.usecases import Clock


@pytest.fixture(scope="session")
async def mongodb(settings: Settings) -> AsyncIterator[Client]:
    async with mongo.connected(settings) as client:
        yield client


@pytest.fixture(scope="session")
def store(settings: Settings, mongodb: Client) -> MediaStore:
    return MediaStore(open_bucket(settings), mongodb)


@pytest.fixture
def clock() -> Clock:
    """Each look is a second and 1,001 microseconds later."""
    start, ticks = datetime(2026, 11, 22, 9, tzinfo=UTC), itertools.count()
    return lambda: start + timedelta(seconds=1, microseconds=1001) * next(ticks)


@pytest.fixture
def store_file(store: MediaStore, clock: Clock) -> usecases.StoreFile:
    return usecases.StoreFile(store, clock, UPLOAD_LIMIT)


@pytest.fixture
def store_document(store: MediaStore, clock: Clock) -> usecases.StoreDocument:
    return usecases.StoreDocument(store, clock, DOCUMENT_LIMIT)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The open web of a test."""
    async with running_site() as running:
        yield running


@pytest.fixture
async def resolve(store: MediaStore, clock: Clock, site: Site) -> AsyncIterator[usecases.ResolveMetadata]:
    """Resolution whose web and whose IPFS gateway are `site`."""
    async with fetcher.opened(2, loopback_only) as web:
        yield usecases.ResolveMetadata(store, web, clock, site.url + "/", DOCUMENT_LIMIT)
