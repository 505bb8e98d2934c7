"""A short run of the schema fuzzer; `make fuzz` takes ten minutes."""

from __future__ import annotations

from tests.fuzz.run import fuzz
from tests.marketplace import Marketplace


async def test_nothing_that_a_schema_fuzzer_sends_is_a_fault_of_ours(market: Marketplace) -> None:
    """It leaves signing in alone: other tests of this marketplace must not meet its limit of tries."""
    assert await fuzz(market, seconds=24, without="requestNonce|signIn|refreshSession") == []
