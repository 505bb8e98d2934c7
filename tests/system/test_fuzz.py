"""A short run of the fuzzer; `make fuzz` takes ten minutes."""

from __future__ import annotations

from tests.fuzz.run import fuzz
from tests.marketplace import Marketplace


async def test_nothing_that_a_fuzzer_sends_is_a_fault_of_ours(market: Marketplace) -> None:
    """Schemathesis leaves signing in alone, for it comes from the address of all tests of this marketplace, whose tries
    are limited; the fuzzer's own newcomers come from addresses of their own."""
    assert await fuzz(market, seconds=9, without="requestNonce|signIn|refreshSession") == []
