"""`mercato up` and `mercato down`: the local stack, started in the background and stopped."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from mercato.cli.status import table
from mercato.kit.settings import SERVICES, Settings
from mercato.stack import detached
from mercato.stack.environment import chain_urls, settings_of
from mercato.stack.local import CHAINS
from mercato.stack.servers import REPLACED_BY, SERVERS
from mercato.stack.site import default_home
from mercato.stack.state import StackRecord

if TYPE_CHECKING:
    from mercato.stack.seeding import LocalChain

_out = Console(highlight=False, soft_wrap=True)

Offset = Annotated[int, Parameter(env_var="MERCATO_PORT_OFFSET", help="Added to every port.")]
OneProcess = Annotated[
    bool, Parameter(env_var="MERCATO_ONE_PROCESS", negative="", help="All services in one process: starts faster.")
]
BlockTime = Annotated[
    float | None,
    Parameter(
        env_var="MERCATO_BLOCK_TIME", help="Seconds between blocks; without it each transaction is mined at once."
    ),
]
Chains = Annotated[tuple[int, ...], Parameter(consume_multiple=True, help="Ids of the local chains.")]
Services = Annotated[
    tuple[str, ...],
    Parameter(consume_multiple=True, help="Only these; `auth+users` shares a process, `none` starts servers alone."),
]


def up(
    *,
    port_offset: Offset = 0,
    one_process: OneProcess = False,
    block_time: BlockTime = None,
    chains: Chains = CHAINS,
    services: Services = SERVICES,
) -> None:
    """Start the local stack and wait until it is ready: servers, databases, contracts, services.

    Everything listens on loopback, keeps its data in `.mercato/` (or MERCATO_HOME) and stays up until
    `mercato down`. Running it again leaves what runs as it is. After a crash, even `kill -9` of everything, it
    comes back with its data.

    A server that is named by a URL is used instead of a local one: MERCATO_POSTGRES_URL, MERCATO_AMQP_URL,
    MERCATO_REDIS_URL, MERCATO_MONGO_URL, MERCATO_S3_URL, MERCATO_CHAIN_URLS (`31337=http://…,31338=http://…`).

    Ports: `--port-offset 1000` moves all of them; MERCATO_PORTS (`postgres=5433,gateway=8090`) moves single ones.
    """
    begin = time.monotonic()
    record = detached.up(_options(port_offset, one_process, block_time, chains, services), os.environ, _tell)
    _out.print(table(record))
    _print_urls(record)
    _out.print(f"[bold green]up[/] after {time.monotonic() - begin:.1f} s")


def down() -> None:
    """Stop exactly what `mercato up` started, services before servers. The data stays in `.mercato/`."""
    begin = time.monotonic()
    if detached.down(default_home(), _tell):
        _out.print(f"[bold]down[/] after {time.monotonic() - begin:.1f} s")
    else:
        _out.print("nothing was running")


def bring_up() -> tuple[Settings, Sequence[LocalChain]]:
    """The settings and chains of the local stack, which is started with its defaults if it is not running.

    Raises `StackFailed` or `StackMisconfigured`.
    """
    from mercato.kit.ids import ChainId
    from mercato.stack.seeding import LocalChain

    offset = os.environ.get("MERCATO_PORT_OFFSET", "0")
    options = _options(int(offset), bool(os.environ.get("MERCATO_ONE_PROCESS")), None, CHAINS, SERVICES)
    record = detached.up(options, os.environ, _tell)
    chains = [LocalChain(ChainId(number), url, f"Local {number}") for number, url in chain_urls(record.env).items()]
    return settings_of(record.env), chains


def _options(
    offset: int, one_process: bool, block_time: float | None, chains: Sequence[int], services: Sequence[str]
) -> detached.Options:
    chosen = () if tuple(services) == ("none",) else tuple(services)
    if one_process and chosen:
        chosen = ("+".join(name for group in chosen for name in group.split("+")),)
    return detached.Options(str(default_home()), offset, chosen, tuple(chains), block_time)


def _print_urls(record: StackRecord) -> None:
    settings = settings_of(record.env)
    if any("gateway" in p.name or p.name == "services" for p in record.processes):
        _out.print(f"marketplace  http://{settings.host}:{settings.gateway_port}")
    for number, url in chain_urls(record.env).items():
        _out.print(f"chain {number}  {url}")
    for name in sorted(set(SERVERS) - {p.name for p in record.processes} - {"anvil"}):
        _out.print(f"{name}  {_without_password(record.env[REPLACED_BY[name]])} [dim](yours)[/]")


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:…@", url)


def _tell(line: str) -> None:
    _out.print(f"[bold cyan]==>[/] {line}")
