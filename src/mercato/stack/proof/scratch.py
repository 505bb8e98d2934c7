"""Databases of their own beside the live ones, made by the services' migrations and gone afterwards.

It belongs to a role that cannot enter the live databases, so a rebuild cannot write where it should not.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from mercato.kit import postgres
from mercato.kit.errors import FailedPrecondition, Unavailable
from mercato.kit.ids import ChainId
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.stack import migrations
from mercato.stack.servers.postgres import REBUILD

CATALOG, WALLETS = "catalog_db", "wallet_db"

_CONNECTIONS = 4


@dataclass
class Scratch:
    """An empty database; with `kept` it outlives the block that made it."""

    name: str
    database: Database = field(repr=False)
    kept: bool = False


@asynccontextmanager
async def scratch_database(settings: Settings, chain: ChainId, schema: str) -> AsyncIterator[Scratch]:
    """Makes a database with the tables of `schema` and drops it at the end, unless it was told to be kept.

    Raises `FailedPrecondition` MAY_NOT_CREATE_DATABASE, and what migrating raises.
    """
    home = settings.database_url(REBUILD)
    kind = "" if schema == CATALOG else f"_{schema.removesuffix('_db')}"
    name = f"{REBUILD}{kind}_{int(chain)}_{os.getpid()}"
    await _drop(home, name)
    await _execute(home, f'CREATE DATABASE "{name}" TEMPLATE template0')
    kept = False
    try:
        await _execute(home, f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        url = urlunsplit(urlsplit(home)._replace(path=f"/{name}"))
        await migrations.migrate_at(url, schema)
        async with postgres.opened(url, name, _CONNECTIONS) as database:
            scratch = Scratch(name, database)
            yield scratch
        kept = scratch.kept
    finally:
        if not kept:
            await _drop(home, name)


async def _drop(home: str, name: str) -> None:
    """Without force first: that one ends a vacuum of the server's own, which this role may not."""
    try:
        await _execute(home, f'DROP DATABASE IF EXISTS "{name}"')
    except asyncpg.ObjectInUseError:
        await _execute(home, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    """On a connection of its own: databases cannot be made inside a transaction."""
    try:
        connection = await asyncpg.connect(url)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise _not_allowed(error) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable("DATABASE_UNAVAILABLE", f"{REBUILD}: {error}") from error
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise _not_allowed(error) from error
    finally:
        await connection.close()


def _not_allowed(error: Exception) -> FailedPrecondition:
    return FailedPrecondition(
        "MAY_NOT_CREATE_DATABASE",
        f"PostgreSQL takes no role {REBUILD} that may make databases ({error}); on a server of yours run once, as a"
        f" superuser: CREATE ROLE {REBUILD} LOGIN CREATEDB PASSWORD '…'; CREATE DATABASE {REBUILD} OWNER {REBUILD};"
        " a local stack makes it at its next start",
    )
