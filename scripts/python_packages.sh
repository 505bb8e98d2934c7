#!/usr/bin/env bash
# Makes .venv with exactly the packages of requirements/all.txt, each checked against its hash.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1;36m==>\033[0m %s\n' "$*"; }
fail() { printf '\033[1;31merror\033[0m %s\n' "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed; found $(python3 --version 2>&1 || true). Install it, or name it: make PYTHON=/path/to/python3 …"
}

make_environment() {
    local python=$1
    "$python" -m venv --clear .venv >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say 'installing the venv module of Python (Debian package)'
        (apt-get install -y -q python3-venv || (apt-get update -q && apt-get install -y -q python3-venv)) >/dev/null 2>&1 || true
        "$python" -m venv --clear .venv >/dev/null 2>&1 && return
    fi
    fail "$python has no venv module; install it (Debian: apt-get install python3-venv)"
}

# The lock's own entry for one package: its line and the hashes under it.
locked() { awk -v name="$1" 'index($0, name "==") == 1 { on = 1 } on { print } on && !/\\$/ { exit }' requirements/all.txt; }

usable() { [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! usable; then
    python=$(find_python)
    say "making .venv with $("$python" --version)"
    make_environment "$python"
fi

say "installing $(grep -c '==' requirements/all.txt) Python packages, checked against the lock"
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
if ! [ -x .venv/bin/uv ]; then
    locked uv >.venv/uv.txt
    pip install --quiet --require-hashes --no-deps -r .venv/uv.txt 2>/dev/null || true
fi

# uv takes a few seconds where pip takes over a minute, but knows nothing of pip's configuration.
index=$(pip config get global.index-url 2>/dev/null || true)
export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$index}}}
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
if ! .venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/all.txt; then
    say 'the quick way did not work; the same with pip'
    pip install --quiet --require-hashes --no-deps -r requirements/all.txt
fi
pip install --quiet --no-deps --no-build-isolation --editable .
