#!/usr/bin/env bash
# Sees to it that there is a RabbitMQ to start: the one server that no package registry of Python or Node has.
set -euo pipefail

say() { printf '\033[1;36m==>\033[0m %s\n' "$*"; }
fail() { printf '\033[1;31merror\033[0m %s\n' "$*" >&2; exit 1; }

present() {
    local folder
    for folder in /usr/lib/rabbitmq/bin /usr/local/sbin /opt/homebrew/sbin; do
        [ -x "$folder/rabbitmq-server" ] && return 0
    done
    [ -n "${MERCATO_RABBITMQ_SERVER:-}${MERCATO_AMQP_URL:-}" ]
}

# Debian starts what it installs; here that would take the port we are about to use, now and after the next boot.
keep_from_starting() {
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rabbitmq-server >>"$log" 2>&1; }

present && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail 'RabbitMQ is missing. Install it (Debian and Ubuntu: sudo apt-get install rabbitmq-server), or set MERCATO_AMQP_URL to a broker you have'
fi
say 'installing RabbitMQ (Debian package), which takes a minute'
log=$(mktemp)
keep_from_starting
if ! install; then
    say 'fetching the package lists first'
    apt-get update >>"$log" 2>&1 || true
    install || { tail -n 5 "$log" >&2; fail "RabbitMQ could not be installed (whole output: $log); set MERCATO_AMQP_URL to a broker you have"; }
fi
if command -v systemctl >/dev/null; then systemctl disable rabbitmq-server >/dev/null 2>&1 || true; fi
rm -f "$log"
present || fail "the rabbitmq-server package has not brought its start script; set MERCATO_AMQP_URL to a broker you have"
