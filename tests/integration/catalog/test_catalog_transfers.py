"""Transfers on the real database."""

from catalog_facts import Chain, Move, account, block, contract


async def test_smoke(chain: Chain, deliver, database) -> None:
    await deliver(chain.messages([(block(1), [Move(0, contract("cats"), 1, recipient=account("ann"))])]))
    assert await database.pool.fetchval("select count(*) from tokens") > 0
