"""RabbitMQ: Debian's package under a node name, ports and folders of its own, all on loopback."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from pathlib import Path

from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.site import Site, made, write_atomically
from mercato.stack.supervisor import own_environment

_SCRIPTS = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/sbin"), Path("/opt/homebrew/sbin"))

# Terms instead of rabbitmq.conf: parsing that costs a fifth of a second. The write-ahead log of the quorum queues is
# replayed at every start; its default of 512 MB would make a start after a crash slow.
_CONFIG = """
[{{rabbit, [{{tcp_listeners, [{{"127.0.0.1", {port}}}]}},
           {{loopback_users, []}},
           {{disk_free_limit, 50000000}},
           {{log, [{{console, [{{enabled, true}}, {{level, warning}}]}}, {{file, [{{file, false}}]}}]}}]}},
 {{ra, [{{wal_max_size_bytes, 67108864}}]}}].
"""

# Erlang's name server runs in the broker's session and dies with it; started by the broker it would outlive it.
_START = """
{leash}{epmd} -port {port} -address 127.0.0.1 &
exec {broker}
"""


async def children(site: Site) -> list[Child]:
    """One broker. Its node name is fixed, so it finds its data again on a machine that was renamed."""
    data, port = site.data("rabbitmq"), site.ports["rabbitmq"]
    _write_configuration(site, data, port)
    setpriv = shutil.which("setpriv")
    script = _START.format(
        leash=f"{setpriv} --pdeathsig KILL -- " if setpriv else "",
        epmd=shlex.quote(str(locate_epmd())),
        port=site.ports["rabbitmq.epmd"],
        broker=shlex.quote(str(locate())),
    )
    return [
        Child(
            name="rabbitmq",
            kind="server",
            command=lambda: ["/bin/sh", "-c", script],
            ready=lambda: probes.amqp(port),
            env=_environment(site, data),
            cwd=data,
            port=port,
            attempts=2,
        )
    ]


def locate() -> Path:
    """The start script that runs as the calling user; Debian's wrapper in sbin insists on its own user."""
    if given := os.environ.get("MERCATO_RABBITMQ_SERVER"):
        return Path(given)
    for folder in _SCRIPTS:
        if (folder / "rabbitmq-server").is_file():
            return folder / "rabbitmq-server"
    raise StackMisconfigured(
        "RABBITMQ_MISSING",
        "RabbitMQ is not installed; as root run `apt-get install rabbitmq-server` (or `make setup`), or set"
        " MERCATO_AMQP_URL to a broker of 3.10 or newer",
    )


def locate_epmd() -> Path:
    """Erlang's name server, which comes with every Erlang."""
    if found := shutil.which("epmd"):
        return Path(found)
    for folder in ("/usr/lib/erlang", "/usr/local/lib/erlang", "/opt/homebrew/lib/erlang"):
        for binary in sorted(Path(folder).glob("erts-*/bin/epmd")):
            return binary
    raise StackMisconfigured("ERLANG_MISSING", "epmd is not installed; it comes with erlang-base, which RabbitMQ needs")


def _write_configuration(site: Site, data: Path, port: int) -> None:
    write_atomically(data / "advanced.config", _CONFIG.format(port=port).encode())
    write_atomically(data / "enabled_plugins", b"[].\n")
    write_atomically(data / "rabbitmq-env.conf", b"")  # empty, so that /etc/rabbitmq is not read
    cookie = data / ".erlang.cookie"
    if not cookie.exists():
        write_atomically(cookie, secrets.token_hex(20).upper().encode(), mode=0o400)


def _environment(site: Site, data: Path) -> dict[str, str]:
    loopback = HOST.replace(".", ",")
    return {
        **own_environment(),
        "HOME": str(data),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": "mercato@localhost",
        "RABBITMQ_DIST_PORT": str(site.ports["rabbitmq.dist"]),
        "RABBITMQ_MNESIA_BASE": str(made(data / "mnesia")),
        "RABBITMQ_LOG_BASE": str(made(data / "log")),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(data / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(data / "rabbitmq-env.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{{loopback}}}",
        "ERL_EPMD_PORT": str(site.ports["rabbitmq.epmd"]),
        "ERL_EPMD_ADDRESS": HOST,
        "detached": "1",  # the start script then becomes the broker instead of standing in front of it
    }
