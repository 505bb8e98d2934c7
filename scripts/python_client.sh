#!/usr/bin/env bash
# Makes clients/python/mercato_client from the schema, with a generator in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/../clients/python"

say() { printf '\033[1;36m==>\033[0m %s\n' "$*"; }
uv() { ../../.venv/bin/uv "$@"; }

if ! cmp -s generator.txt .generator/installed.txt; then
    say 'installing what makes the Python client'
    rm -rf .generator
    # uv knows nothing of pip's configuration.
    index=$(../../.venv/bin/python -m pip --disable-pip-version-check config get global.index-url 2>/dev/null || true)
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$index}}}
    [ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
    ../../.venv/bin/python -m venv .generator
    if ! uv pip sync --quiet --python .generator/bin/python --require-hashes generator.txt; then
        say 'the quick way did not work; the same with pip'
        .generator/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps -r generator.txt
    fi
    cp generator.txt .generator/installed.txt
fi

say 'making the Python client'
rm -rf mercato_client
# The generator formats with the ruff beside it.
PATH="$PWD/.generator/bin:$PATH" .generator/bin/ariadne-codegen >/dev/null
