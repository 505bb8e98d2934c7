"""All commands in one list, loaded when used; what goes wrong is told in one line on stderr.

To add a command: write a module beside this one and add one line to `_COMMANDS`.
"""

from __future__ import annotations

import os
import sys

from cyclopts import App
from cyclopts.exceptions import CycloptsError
from rich.console import Console

app = App(
    name="mercato",
    help="Mercato: a self-hosted NFT marketplace backend. `mercato up` starts everything on this machine; "
    "`mercato COMMAND --help` says more about a command.",
    help_format="markdown" if len(sys.argv) > 2 else "plaintext",  # Markdown is slow to load; the overview needs none
    version_flags=[],
)

# name, function or App, one line for the overview, group
_COMMANDS = (
    ("up", "mercato.cli.stack:up", "Start the local stack and wait until it is ready.", "Local stack"),
    ("down", "mercato.cli.stack:down", "Stop exactly what `up` started; the data stays.", "Local stack"),
    ("status", "mercato.cli.status:status", "Show each server and service, and how far each chain is.", "Local stack"),
    ("logs", "mercato.cli.logs:logs", "Print or follow the logs of servers and services.", "Local stack"),
    ("doctor", "mercato.cli.doctor:doctor", "Check this machine and say what to do about each problem.", "Local stack"),
    ("demo", "mercato.cli.demo:app", "Start the local stack and play the whole story on it.", "See it work"),
    (
        "demo-mainnet",
        "mercato.cli.demo_mainnet:app",
        "Index 67 recorded mainnet blocks and compare every row.",
        "See it work",
    ),
    (
        "rebuild",
        "mercato.cli.rebuild:rebuild",
        "Make the read model anew and compare it with the live one.",
        "Prove it",
    ),
    ("verify", "mercato.cli.verify:verify", "Compare sampled rows of the read model with the chain.", "Prove it"),
    ("drill", "mercato.cli.drill:app", "Fork the local chain and watch the tables follow.", "Prove it"),
    ("run", "mercato.cli.run:run", "Run one service or several in this process.", "Operate"),
    ("migrate", "mercato.cli.migrate:migrate", "Bring the databases to the newest schema, or back.", "Operate"),
    (
        "collections",
        "mercato.cli.collections:app",
        "Bring in existing contracts, and see how far each is read.",
        "Operate",
    ),
    ("documents", "mercato.cli.documents:app", "Register the only GraphQL documents that a gateway runs.", "Operate"),
    ("keys", "mercato.cli.keys:app", "List and rotate the keys that sign access tokens.", "Operate"),
    ("dlq", "mercato.cli.dlq:app", "List, show, replay or drop parked messages.", "Operate"),
)

# These steer the stack or are told everything by their caller; all others talk to the stack that runs here.
_STEERING = {"up", "down", "status", "logs", "doctor", "run", "demo", "demo-mainnet", "documents"}

# The overview is told by the lines above, so that it imports nothing; a command that is called speaks for itself.
for _name, _path, _line, _group in _COMMANDS:
    app.command(_path, name=_name, help=None if sys.argv[1:2] == [_name] else _line, group=_group)


def run_command() -> None:
    """Runs the command line of this process. Exits 2 for wrong usage, 1 for what could not be done."""
    words = sys.argv[1:]
    known = [name for name, *_ in _COMMANDS]
    if words and words[0] not in known and not words[0].startswith("-"):  # found out before anything is loaded
        _fail(f"no command {words[0]}; there are {', '.join(known)}", 2)
    if words and words[0] not in _STEERING and not words[0].startswith("-"):
        _adopt_running_stack()
    try:
        app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(f"{error}  (`mercato {words[0] if words else ''} --help`)", 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MERCATO_TRACEBACK"):
            raise
        _fail(_in_one_line(error), 1)


def _adopt_running_stack() -> None:
    """Lets a command find the local stack: its settings stand in for those this environment does not set."""
    from mercato.stack.site import default_home
    from mercato.stack.state import read

    record = read(default_home())
    if record and record.running:
        for name, value in record.env.items():
            os.environ.setdefault(name, value)


def _in_one_line(error: Exception) -> str:
    from mercato.kit.errors import MercatoError

    if isinstance(error, MercatoError):
        return error.message
    text = " ".join(str(error).split()) or "no further word"
    if isinstance(error, OSError):
        return f"{text}. Is the stack up? See `mercato status`"
    return f"{type(error).__name__}: {text} (set MERCATO_TRACEBACK=1 to see where)"


def _fail(text: str, code: int) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"[bold red]error[/] {_escaped(text)}")
    sys.exit(code)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
