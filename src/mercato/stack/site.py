"""Where one stack keeps its things: data, logs, sockets, secrets, and what it was told."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import mercato
from mercato.kit.settings import Settings
from mercato.stack.ports import Ports

_SOCKET_PATH_LIMIT = 90  # unix(7) allows 107 bytes, of which the socket's own name needs some


@dataclass(frozen=True)
class Site:
    """The ground a server stands on. `env` is the map of ``MERCATO_*`` variables its users get."""

    home: Path
    ports: Ports
    settings: Settings
    env: Mapping[str, str]
    block_time: float | None = None
    """Seconds between blocks of the local chains; None mines each transaction at once."""
    saving: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)
    """Held while a chain is saved, so that an older state never replaces a newer one."""

    def data(self, name: str) -> Path:
        """The data folder of one server, made if need be."""
        return made(self.home / "data" / name)

    @property
    def logs(self) -> Path:
        return made(self.home / "logs")

    def sockets(self, name: str) -> Path:
        """A folder whose path is short enough for unix sockets, however deep the home lies."""
        folder = self.home / "run" / name
        if len(os.fsencode(folder)) > _SOCKET_PATH_LIMIT:
            digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"mercato-{os.getuid()}-{digest}-{name}"
        return made(folder)

    @property
    def marker(self) -> str:
        """The environment entry by which every process of this stack is known."""
        return marker(self.home)


def marker(home: Path) -> str:
    """The environment entry by which every process of the stack at `home` is known."""
    return f"MERCATO_CHILD_OF={home}"


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """``MERCATO_HOME``, else ``.mercato`` of the checkout this runs from, else of the working directory."""
    given = (os.environ if environ is None else environ).get("MERCATO_HOME")
    return Path(given).resolve() if given else (checkout() or Path.cwd()) / ".mercato"


def checkout() -> Path | None:
    """The project's folder, when this runs from one."""
    root = Path(mercato.__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else None


def made(folder: Path, mode: int = 0o755) -> Path:
    """The folder, existing."""
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    return folder


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces a file so that a reader or a crash, of the machine too, finds the old or the new content whole."""
    _replace(path, content, mode, os.fsync)


def replace_file(path: Path, content: bytes) -> None:
    """Replaces a file that only its owner may read, so that a reader finds the old or the new content whole."""
    _replace(path, content, 0o600, lambda _: None)


def _replace(path: Path, content: bytes, mode: int, settle: Callable[[int], None]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        settle(out.fileno())
    scratch.replace(path)
