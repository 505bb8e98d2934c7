"""One world for each file of tests, the one of the orchestrator's tests: both services share the intents."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parents[1] / "orchestrator"))

from intent_world import World, world_of

if TYPE_CHECKING:
    from mercato.stack import LocalStack


@pytest.fixture(scope="module")
async def world(stack: LocalStack) -> AsyncIterator[World]:
    async with world_of(stack) as world:
        yield world
