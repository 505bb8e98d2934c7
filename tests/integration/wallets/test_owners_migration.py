"""What becomes of owners from before an address could have several, and of several when that is undone."""

from __future__ import annotations

import os
from pathlib import Path

from mercato.kit import postgres
from mercato.kit.ids import new_id
from mercato.kit.settings import Settings
from mercato.services import wallets

MIGRATION = Path(wallets.__file__).parent / "migrations" / "20261122000050_owners_by_chain.sql"


async def test_owners_from_before_count_on_the_chains_they_have_proven_and_the_first_one_stays(
    settings: Settings,
) -> None:
    up, down = MIGRATION.read_text().split("-- migrate:down")
    address, contract = os.urandom(20), os.urandom(20)
    plain, first, second = new_id(), new_id(), new_id()
    async with postgres.connected(settings, "wallet_db") as database, database.pool.acquire() as connection:

        async def wallet(user: object, where: bytes, chain: int) -> None:
            await connection.execute(
                "INSERT INTO wallets VALUES ($1, $2, $3, $4, false, now())", new_id(), user, where, chain
            )

        async def rows(columns: str, table: str) -> set[tuple[object, ...]]:
            found = await connection.fetch(
                f"SELECT {columns} FROM {table} WHERE address = ANY($1::bytea[])", [address, contract]
            )
            return {tuple(row) for row in found}

        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("DELETE FROM wallets; DELETE FROM address_owners")
            await connection.execute(down)
            owners = "INSERT INTO address_owners (address, user_id, verified_at) VALUES ($1, $2, '2026-01-01')"
            await connection.execute(owners, address, plain)
            await connection.execute(owners, contract, first)
            for user, where, chain in ((plain, address, 1), (plain, address, 10), (first, contract, 1)):
                await wallet(user, where, chain)
            before = await rows("user_id, address, chain_id", "wallets")
            await connection.execute(up)
            assert await rows("user_id, address, chain_id", "address_owners") == before
            await connection.execute("INSERT INTO address_owners VALUES ($1, $2, now(), 10)", contract, second)
            await wallet(second, contract, 10)
            await connection.execute(down)
            assert await rows("user_id, address", "address_owners") == {(plain, address), (first, contract)}
            assert await rows("user_id, address, chain_id", "wallets") == before
        finally:
            await transaction.rollback()
