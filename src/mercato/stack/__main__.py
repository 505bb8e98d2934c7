"""The supervisor process of a detached stack: ``python -m mercato.stack OPTIONS`` (JSON, see `detached.Options`)."""

import sys

from mercato.stack.detached import run

if __name__ == "__main__":
    run(sys.argv[1])
