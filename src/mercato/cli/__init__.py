"""The `mercato` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the installed command."""
    from mercato.cli.app import run_command

    run_command()
