"""Brings the databases to the newest schema, or back, with dbmate; one folder of SQL per database."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import mercato.services
from mercato.kit.settings import Settings
from mercato.stack.errors import StackFailed, StackMisconfigured
from mercato.stack.supervisor import own_environment

FOLDERS: Mapping[str, str] = {
    "auth_db": "auth",
    "user_db": "users",
    "wallet_db": "wallets",
    "chain_registry_db": "chains",
    "orchestrator_db": "orchestrator",
    "indexer_db": "indexer",
    "catalog_db": "catalog",
}
"""Which service's migrations make which database."""


async def migrate(settings: Settings, databases: Sequence[str] = tuple(FOLDERS)) -> None:
    """Applies what is missing, all databases at the same time. Raises `StackFailed` MIGRATION_FAILED
    with dbmate's words for every database that refused."""
    await _each(databases, lambda name: _up(settings.database_url(name), folder(name)))


async def migrate_at(url: str, database: str) -> None:
    """Gives the database at `url` the schema of `database`, one of `FOLDERS`. Raises `StackFailed`."""
    await _up(url, folder(database))


async def roll_back(settings: Settings, databases: Sequence[str] = tuple(FOLDERS)) -> None:
    """Undoes every applied migration, newest first, all databases at the same time."""
    await _each(databases, lambda name: _down(settings.database_url(name), folder(name)))


def folder(database: str) -> Path:
    """Where a database's migrations lie."""
    return Path(mercato.services.__path__[0]) / FOLDERS[database] / "migrations"


async def check() -> None:
    """Takes every database up, down and up again on a PostgreSQL of its own, and looks that down leaves nothing.

    Raises `StackFailed` MIGRATION_FAILED, or MIGRATION_LEAVES_TRACES with what was left.
    """
    import tempfile

    from mercato.stack.local import LocalStack

    with tempfile.TemporaryDirectory(prefix="mercato-") as home:
        async with LocalStack(Path(home), servers=["postgres"], services=[]) as stack:
            await roll_back(stack.settings)
            for database in FOLDERS:
                if left := await _objects(stack.settings.database_url(database)):
                    raise StackFailed(
                        "MIGRATION_LEAVES_TRACES", f"{database}: after all `migrate:down` parts stay {', '.join(left)}"
                    )
            await migrate(stack.settings)


def locate() -> Path:
    """dbmate's binary, beside this Python's."""
    beside = Path(sys.executable).with_name("dbmate")
    if beside.is_file():
        return beside
    if found := shutil.which("dbmate"):
        return Path(found)
    raise StackMisconfigured("DBMATE_MISSING", "dbmate is not here; run `make setup`")


async def _each(databases: Sequence[str], act: Callable[[str], Awaitable[None]]) -> None:
    results = await asyncio.gather(*map(act, databases), return_exceptions=True)
    failed = [f"{name}: {r}" for name, r in zip(databases, results, strict=True) if isinstance(r, Exception)]
    if failed:
        raise StackFailed("MIGRATION_FAILED", "; ".join(failed))


async def _up(url: str, source: Path) -> None:
    if _exist(source):
        await _dbmate(url, source, "migrate")


async def _down(url: str, source: Path) -> None:
    for _ in range(await _applied(url, source)):
        await _dbmate(url, source, "rollback")


async def _applied(url: str, source: Path) -> int:
    if not _exist(source):
        return 0
    status = await _dbmate(url, source, "status")
    return next(int(line.partition(":")[2]) for line in status.splitlines() if line.startswith("Applied:"))


def _exist(source: Path) -> bool:
    return any(source.glob("*.sql"))


async def _objects(url: str) -> list[str]:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(_OBJECTS)
    finally:
        await connection.close()
    return [row[0] for row in rows]


async def _dbmate(url: str, source: Path, command: str) -> str:
    separator = "&" if "?" in url else "?"
    process = await asyncio.create_subprocess_exec(
        *(str(locate()), "--no-dump-schema", "--migrations-dir", str(source), command),
        # In the environment, not on the command line: the URL holds a password.
        env={**own_environment(), "DATABASE_URL": url if "sslmode=" in url else f"{url}{separator}sslmode=prefer"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=source,
    )
    out, _ = await process.communicate()
    text = out.decode(errors="replace").strip()
    if process.returncode != 0:
        raise StackFailed("DBMATE_FAILED", " ".join(text.split())[-600:])
    return text


_OBJECTS = """
SELECT c.relkind::text || ' ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
   AND c.relname NOT IN ('schema_migrations', 'schema_migrations_pkey')
UNION ALL
SELECT 'function ' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'type ' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd')
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
UNION ALL
SELECT 'schema ' || nspname FROM pg_namespace
 WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
"""
