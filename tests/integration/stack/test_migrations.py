"""Schemas go up, down without a trace, and up again."""

from __future__ import annotations

import asyncpg
import pytest

from mercato.stack import LocalStack, StackFailed, migrations


async def test_every_migration_goes_up_down_and_up_again() -> None:
    await migrations.check()


async def test_migrating_again_changes_nothing(stack: LocalStack) -> None:
    before = await versions(stack)
    await stack.migrate()
    assert await versions(stack) == before
    assert all(before.values())


async def test_a_database_that_refuses_is_named(stack: LocalStack) -> None:
    wrong = stack.settings.model_copy(update={"postgres_url": "postgresql://127.0.0.1:1"})
    with pytest.raises(StackFailed, match=r"MIGRATION_FAILED: auth_db: .*connection refused"):
        await migrations.migrate(wrong, ["auth_db"])


async def versions(stack: LocalStack) -> dict[str, list[str]]:
    found = {}
    for database in migrations.FOLDERS:
        connection = await asyncpg.connect(stack.settings.database_url(database))
        found[database] = [r[0] for r in await connection.fetch("SELECT version FROM schema_migrations ORDER BY 1")]
        await connection.close()
    return found
