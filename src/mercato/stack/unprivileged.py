"""How root starts a program as an ordinary user, even inside a folder that user may not enter."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from mercato.stack.errors import StackMisconfigured

# capabilities(7): pass every folder and read every file; or that and write every file. The first is enough.
_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def account(*names: str) -> pwd.struct_passwd | None:
    """The first of these users that exists when we are root; None when we are not and need nobody else."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StackMisconfigured("NO_ORDINARY_USER", f"root needs one of the users {', '.join(names)} to run PostgreSQL as")


def command_as(user: pwd.struct_passwd | None, paths: list[Path]) -> list[str]:
    """The words to put before a command so that it runs as `user` and reaches `paths`; none for None.

    A capability is handed on only when some folder on the way is closed to that user.
    """
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackMisconfigured("SETPRIV_MISSING", "root needs setpriv (util-linux) to run PostgreSQL as another user")
    words = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if closed := next((folder for path in paths for folder in path.resolve().parents if not _open(folder, user)), None):
        name = _held_capability(closed, user.pw_name)
        words += [f"--inh-caps=+{name}", f"--ambient-caps=+{name}"]
    return [*words, "--"]


def _open(folder: Path, user: pwd.struct_passwd) -> bool:
    status = folder.stat()
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & (stat.S_IXGRP if status.st_gid == user.pw_gid else stat.S_IXOTH))


def _held_capability(closed: Path, user: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("CapPrm:", "CapBnd:"))]
    for name, bit in _CAPABILITIES.items():
        if all(mask >> bit & 1 for mask in masks):
            return name
    raise StackMisconfigured(
        "FOLDER_CLOSED",
        f"the user {user}, who runs PostgreSQL here, may not enter {closed}; allow it (chmod o+x {closed}), set"
        " MERCATO_HOME to an open folder, or set MERCATO_POSTGRES_URL",
    )
