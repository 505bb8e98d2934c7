"""One world for each file of tests: its users and collections are new in each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from intent_world import World, world_of

if TYPE_CHECKING:
    from mercato.stack import LocalStack


@pytest.fixture(scope="module")
async def world(stack: LocalStack) -> AsyncIterator[World]:
    async with world_of(stack, intent_drop_after=0.5) as world:
        yield world
