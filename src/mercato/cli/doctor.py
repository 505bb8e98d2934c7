"""`mercato doctor`: what this machine has and lacks for the local stack, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from mercato.kit.errors import MercatoError
from mercato.stack import migrations
from mercato.stack.environment import chain_urls, given, local_servers, settings_of, with_port_overrides
from mercato.stack.local import CHAINS
from mercato.stack.ports import Ports, holder, is_taken
from mercato.stack.servers import REPLACED_BY, SERVERS, anvil, mongo, postgres, rabbitmq, redis, s3
from mercato.stack.site import checkout, default_home
from mercato.stack.state import read

_DISK_NEEDED = 2 * 2**30  # bytes: servers preallocate and journal
_OLDEST_NODE = 20
_CONNECT_PATIENCE = 3.0


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` is empty when all is well."""

    subject: str
    seen: str
    advice: str = ""


def doctor() -> None:
    """Check this machine and say what to do about each problem: programs, packages, ports, disk, your own URLs.

    Exits with 1 when there is a problem. Changes nothing.
    """
    out = Console(highlight=False, soft_wrap=True)
    findings = asyncio.run(examine())
    for finding in findings:
        mark = "[bold red]problem[/]" if finding.advice else "[green]ok     [/]"
        out.print(
            f"{mark} {finding.subject}: {finding.seen}" + (f"\n        → {finding.advice}" if finding.advice else "")
        )
    if any(finding.advice for finding in findings):
        sys.exit(1)


async def examine() -> list[Finding]:
    """All findings, in the order a newcomer meets the parts."""
    local = local_servers(SERVERS, given(os.environ))
    findings = [_python(), _node(), *_contracts(), _disk()]
    for name in SERVERS:
        if name in local:
            findings.append(await _server(name))
        else:
            findings += [await _reachable(variable, url) for variable, url in _given_urls(name)]
    return [*findings, await _program("dbmate", migrations.locate), *_ports(local)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", version, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")


def _node() -> Finding:
    import subprocess

    node = shutil.which("node")
    if not node:
        return Finding("Node", "not found", f"install Node {_OLDEST_NODE} or newer; contracts are built with it")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = said.removeprefix("v").partition(".")[0]
    recent = major.isdigit() and int(major) >= _OLDEST_NODE
    return Finding("Node", said or "no answer", "" if recent else f"install Node {_OLDEST_NODE} or newer")


def _contracts() -> Iterator[Finding]:
    root = checkout()
    if root is None:
        yield Finding("contracts", "not run from a checkout; artifacts come with the package")
        return
    packages = root / "contracts/node_modules/.package-lock.json"
    found = packages.exists()
    yield Finding("npm packages", "installed" if found else "missing", "" if found else "run `make setup`")
    built = list((root / "contracts/artifacts").glob("*.json"))
    yield Finding("contract artifacts", f"{len(built)} built", "" if built else "run `make contracts`")


def _disk() -> Finding:
    home = default_home()
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    advice = "" if free > _DISK_NEEDED else f"free some space at {place}, or set MERCATO_HOME to a bigger disk"
    return Finding("disk", f"{free / 2**30:.1f} GiB free at {place}", advice)


async def _server(name: str) -> Finding:
    if name == "postgres":
        try:
            found = await postgres.locate()
        except MercatoError as error:
            return Finding(name, "missing", error.message)
        return Finding(name, f"PostgreSQL {found.major} in {found.binaries}")
    locate: dict[str, Callable[[], Path]] = {
        "rabbitmq": rabbitmq.locate,
        "redis": redis.locate,
        "mongo": mongo.locate,
        "s3": s3.locate,
        "anvil": anvil.locate,
    }
    return await _program(name, locate[name])


async def _program(name: str, locate: Callable[[], Path]) -> Finding:
    try:
        return Finding(name, str(locate()))
    except MercatoError as error:
        return Finding(name, "missing", error.message)


def _given_urls(server: str) -> list[tuple[str, str]]:
    variable = REPLACED_BY[server]
    if server == "anvil":
        return [(f"{variable} {chain}", url) for chain, url in chain_urls(os.environ).items()]
    return [(variable, os.environ[variable])]


async def _reachable(variable: str, url: str) -> Finding:
    parts = urlsplit(url)
    defaults = {
        "postgresql": 5432,
        "amqp": 5672,
        "amqps": 5671,
        "redis": 6379,
        "mongodb": 27017,
        "http": 80,
        "https": 443,
    }
    host, port = parts.hostname or "127.0.0.1", parts.port or defaults.get(parts.scheme, 0)
    try:
        async with asyncio.timeout(_CONNECT_PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError, socket.gaierror) as error:
        return Finding(
            variable, f"{host}:{port} does not answer ({error or 'no answer'})", f"start it, or unset {variable}"
        )
    return Finding(variable, f"{host}:{port} answers")


def _ports(local: list[str]) -> Iterator[Finding]:
    record = read(default_home())
    if record and record.running:
        yield Finding("ports", f"in use by the running stack (supervisor pid {record.supervisor.pid})")
        return
    offset = int(os.environ.get("MERCATO_PORT_OFFSET", "0"))
    ports = with_port_overrides(Ports.default(CHAINS, offset), given(os.environ))
    settings_of(given(os.environ))
    busy = {name: port for name, port in ports.numbers.items() if is_taken(port)}
    for name, port in busy.items():
        yield Finding(
            f"port {port}",
            f"wanted for {name}, held by {holder(port)}",
            "stop that program, or move all ports with `mercato up --port-offset 1000`",
        )
    if not busy:
        yield Finding("ports", f"all {len(ports.numbers)} free")
