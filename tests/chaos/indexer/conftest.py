"""The indexer against nodes that fork and lie, on real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.indexer.indexer_rig import Stores, open_stores

from mercato.kit.settings import Settings


@pytest.fixture(scope="module")
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as opened:
        yield opened
