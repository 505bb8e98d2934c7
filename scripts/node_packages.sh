#!/usr/bin/env bash
# Installs the packages that a folder's package-lock.json names: node_packages.sh contracts, … web, … clients/typescript.
set -euo pipefail
cd "$(dirname "$0")/../$1"

fail() { printf '\033[1;31merror\033[0m %s\n' "$*" >&2; exit 1; }

command -v node >/dev/null && command -v npm >/dev/null || fail 'Node 20 or newer with npm is needed; install it'
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fail "Node 20 or newer is needed; found $(node --version). Install it"

printf '\033[1;36m==>\033[0m %s\n' "installing the Node packages of $1/"
npm ci --no-audit --no-fund --loglevel=error >/dev/null
