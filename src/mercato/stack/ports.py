"""Which port everything listens on, whether it is free, and who holds it when it is not."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from mercato.kit.settings import SERVICES, Settings
from mercato.stack.errors import StackMisconfigured
from mercato.stack.process import describe

HOST = "127.0.0.1"

# The S3 server is several programs in one; its inner ports stand right behind the public one.
S3_INNER = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "grpc", "admin")
_S3_ADMIN_STEP = 10000  # its inner worker looks for the admin part's second port here, whatever that is told

_SERVICES = Settings.model_construct()  # the defaults, whatever the environment says

_DEFAULTS = {
    "postgres": 5432,
    "rabbitmq": 5672,
    "rabbitmq.dist": 5673,
    "rabbitmq.epmd": 5674,
    "redis": 6379,
    "mongo": 27017,
    "s3": 8333,
    **{f"s3.{name}": 8334 + i for i, name in enumerate(S3_INNER)},
    "s3.admin.grpc": 8334 + S3_INNER.index("admin") + _S3_ADMIN_STEP,
    "gateway": _SERVICES.gateway_port,
    **{f"grpc.{name}": _SERVICES.grpc_port(name) for name in SERVICES},
    **{f"ops.{name}": _SERVICES.ops_port(name) for name in SERVICES},
}
_FIRST_CHAIN = 8545
_TOLD = 3  # busy ports named in one line

# With the step above still below the range the kernel picks outgoing ports from (32768 on Linux), so nothing takes a
# port between look and use.
_FREE_FROM, _FREE_TO, _BLOCK = 10240, 20224, 64


@dataclass(frozen=True)
class Ports:
    """A port for each name: ``postgres``, ``rabbitmq.epmd``, ``chain.31337``, ``grpc.auth``, ``ops.auth``, …"""

    numbers: Mapping[str, int]
    _claim: socket.socket | None = field(default=None, repr=False, compare=False)

    @classmethod
    def default(cls, chains: Iterable[int], offset: int = 0) -> Ports:
        """The well-known ports, all moved by `offset`."""
        numbers = _DEFAULTS | {f"chain.{chain}": _FIRST_CHAIN + i for i, chain in enumerate(chains)}
        if max(numbers.values()) + offset > 65535 or min(numbers.values()) + offset < 1:
            raise StackMisconfigured(
                "BAD_PORT_OFFSET", f"--port-offset {offset} leads outside 1-65535; take a smaller one"
            )
        return cls({name: port + offset for name, port in numbers.items()})

    @classmethod
    def free(cls, chains: Iterable[int]) -> Ports:
        """A block of unused ports that no other stack on this machine gets while this object lives.

        The claim is an abstract unix socket (unix(7)): the kernel drops it with the process, however that ends.
        """
        names = [*_DEFAULTS, *(f"chain.{chain}" for chain in chains)]
        blocks = list(range(_FREE_FROM, _FREE_TO, _BLOCK))
        random.SystemRandom().shuffle(blocks)
        for base in blocks:
            numbers = {name: base + i for i, name in enumerate(names)}
            numbers["s3.admin.grpc"] = numbers["s3.admin"] + _S3_ADMIN_STEP
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0mercato-ports-{base}")
            except OSError:
                claim.close()
                continue
            if not any(is_taken(port) for port in numbers.values()):
                return cls(numbers, claim)
            claim.close()
        raise StackMisconfigured(
            "NO_FREE_PORTS", f"no {_BLOCK} free ports in a row between {_FREE_FROM} and {_FREE_TO}"
        )

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def of(self, prefix: str) -> dict[str, int]:
        """Ports whose name starts with `prefix` and a dot, by the rest of their name."""
        return {n.removeprefix(f"{prefix}."): p for n, p in self.numbers.items() if n.startswith(f"{prefix}.")}

    def with_changes(self, changes: Mapping[str, int]) -> Ports:
        """The same ports but for some."""
        return replace(self, numbers={**self.numbers, **changes})

    def release(self) -> None:
        """Lets others have the block."""
        if self._claim:
            self._claim.close()


def is_taken(port: int) -> bool:
    """Whether something listens on the loopback port, or holds it in another way."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


def check_free(wanted: Mapping[str, int]) -> None:
    """Raises `StackMisconfigured` PORT_BUSY with one line: which port, what for, held by whom, what to do."""
    busy = {name: port for name, port in wanted.items() if is_taken(port)}
    if busy:
        told = [f"port {port} ({name}) is held by {holder(port)}" for name, port in list(busy.items())[:_TOLD]]
        rest = f"; {len(busy) - _TOLD} more are busy too" if len(busy) > _TOLD else ""
        raise StackMisconfigured(
            "PORT_BUSY",
            f"{'; '.join(told)}{rest}. Stop that program, move all ports with `mercato up --port-offset 1000`,"
            " or, to use that server, name it in MERCATO_*_URL (`mercato up --help`)",
        )


def holder(port: int) -> str:
    """The process that listens on a port, as far as this user may know."""
    inodes = _listening(port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and inodes & _sockets(entry):
            return f"pid {entry.name} ({describe(int(entry.name))})"
    return "a process of another user" if inodes else "a connection or a program that just ended"


def _listening(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                cells = line.split()
                if cells[3] == "0A" and int(cells[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{cells[9]}]")
    return inodes


def _sockets(process: Path) -> set[str]:
    found = set()
    with suppress(OSError):
        for handle in (process / "fd").iterdir():
            with suppress(OSError):
                found.add(str(handle.readlink()))
    return found
