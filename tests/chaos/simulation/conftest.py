"""A PostgreSQL of the simulation's own: its commits do not wait for the disk, which other suites must not inherit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mercato.stack import LocalStack
from tests.chaos.simulation.world import Servers, open_servers


@pytest.fixture(scope="module")
async def simulated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    home: Path = tmp_path_factory.mktemp("simulation")
    async with LocalStack(home, servers=["postgres"], services=[]) as running:
        yield running


@pytest.fixture(scope="module")
async def servers(simulated: LocalStack) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield await open_servers(simulated.settings, stack, first_chain=3_000_001)
