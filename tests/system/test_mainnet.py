"""Real mainnet blocks: the indexer and the catalog must give exactly what an independent decoder found."""

from __future__ import annotations

from mercato.cli import demo_mainnet


async def test_recorded_mainnet_blocks_give_exactly_the_expected_rows() -> None:
    comparisons = {c.what: c for c in await demo_mainnet.play()}
    assert comparisons["NFT movements"].expected == 3685
    assert {what: (c.missing, c.unexpected) for what, c in comparisons.items()} == dict.fromkeys(comparisons, (0, 0))
    assert all(c.is_equal for c in comparisons.values())
