"""The indexer on real stores and real chains."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.indexer.indexer_anvil import Anvil, running_anvil
from tests.integration.indexer.indexer_rig import Mailbox, Stores, new_chain, open_mailbox, open_stores

from mercato.kit.settings import Settings


@pytest.fixture(scope="module")
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as opened:
        yield opened


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    """A chain of its own, with the factory in block 1."""
    async with running_anvil(new_chain()) as chain:
        await chain.deploy_factory()
        yield chain


@pytest.fixture
async def mailbox(settings: Settings, anvil: Anvil) -> AsyncIterator[Mailbox]:
    async with open_mailbox(settings, anvil.chain) as opened:
        yield opened
