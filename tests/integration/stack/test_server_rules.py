"""What the local servers allow and refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from mercato.kit.settings import DATABASES, Settings
from mercato.stack import LocalStack
from mercato.stack.process import marked
from mercato.stack.servers import postgres
from mercato.stack.site import marker

_LISTEN = "0A"
_LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


@pytest.mark.parametrize("role", DATABASES)
async def test_a_role_enters_its_own_database_and_none_of_the_others(settings: Settings, role: str) -> None:
    own = await asyncpg.connect(settings.database_url(role))
    assert await own.fetchval("SELECT current_user || '@' || current_database()") == f"{role}@{role}"
    await own.close()
    for other in {*DATABASES, "postgres", "template1"} - {role}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(settings.database_url(role).rpartition("/")[0] + f"/{other}")


async def test_a_wrong_password_is_refused(settings: Settings) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(settings.database_url("auth_db").replace(":mercato@", ":guess@"))


async def test_the_superuser_does_not_come_over_the_network(settings: Settings) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(settings.database_url("auth_db").replace("auth_db:mercato", "mercato_admin:mercato"))


async def test_no_role_is_more_than_an_owner(stack: LocalStack) -> None:
    async with postgres.administrator(stack.site) as admin:
        rows = await admin.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)"
            " AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)",
            list(DATABASES),
        )
        assert {row["rolname"] for row in rows} == set(DATABASES)
        assert (
            await admin.fetchval("SELECT current_setting('fsync') || current_setting('synchronous_commit')") == "onon"
        )


async def test_objects_need_a_key(stack: LocalStack) -> None:
    async with aiohttp.ClientSession() as session:
        bucket = f"{stack.settings.s3_url}/{stack.settings.s3_bucket}"
        async with session.get(f"{bucket}/") as listed, session.put(f"{bucket}/x", data=b"x") as written:
            assert (listed.status, written.status) == (403, 403)


async def test_everything_listens_on_loopback_only(stack: LocalStack) -> None:
    inodes = _sockets_of([p.pid for p in marked(marker(stack.home))])
    addresses = {address for address, inode in _listeners() if inode in inodes}
    assert addresses
    assert addresses <= _LOOPBACK


def _listeners() -> Iterator[tuple[str, str]]:
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == _LISTEN:
                yield cells[1].partition(":")[0], cells[9]


def _sockets_of(pids: list[int]) -> set[str]:
    links = [
        str(handle.readlink()) for pid in pids for handle in Path(f"/proc/{pid}/fd").iterdir() if handle.is_symlink()
    ]
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}
