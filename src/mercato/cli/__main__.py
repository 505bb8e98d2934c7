"""``python -m mercato.cli``: the same as the installed `mercato` command."""

from mercato.cli import main

if __name__ == "__main__":
    main()
