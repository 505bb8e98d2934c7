"""Fixtures of all suites: one set of real servers for a whole run, started on free ports and stopped by pid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from mercato.kit import logging as mercato_logging
from mercato.kit.settings import Settings
from tests.reasons_seen import SeenReasons

if TYPE_CHECKING:
    from mercato.stack import LocalStack
    from tests.marketplace import Marketplace

# Two noisy cores: how long an example took says nothing about the code.
hypothesis.settings.register_profile(
    "mercato", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("mercato")


@pytest.fixture(scope="session")
def seen_reasons() -> SeenReasons:
    seen = SeenReasons()
    seen.watch()
    return seen


@pytest.fixture(autouse=True)
def _every_reason_is_documented(seen_reasons: SeenReasons) -> Iterator[None]:
    """A reason that docs/reasons.md lacks fails the test in which the house gave it."""
    yield
    assert seen_reasons.take_undocumented() == {}


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """All servers, migrated databases, no services: what an integration test of one service needs."""
    from mercato.stack import LocalStack  # unit tests need no servers, nor what starts them

    home: Path = tmp_path_factory.mktemp("stack")
    async with LocalStack(home, services=[]) as running:
        mercato_logging.setup(running.settings)
        yield running


@pytest.fixture(scope="session")
def settings(stack: LocalStack) -> Settings:
    return stack.settings


@pytest.fixture(scope="session")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Marketplace]:
    """The whole marketplace: all servers, one process per service, two seeded chains."""
    from tests.marketplace import marketplace

    async with marketplace(tmp_path_factory.mktemp("market")) as running:
        yield running
