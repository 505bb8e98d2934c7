"""The nursery's process: it has loaded every service and forks one when asked, so ten start at the price of one.

Loading a service takes up to two seconds of processor time, nearly all of it libraries that every service has. This
process loads them once, while the servers start; what a fork of it then runs is what `mercato run` runs. Until the
fork, nothing in here may use a thread, a socket or a random source of a library: all children would share its state.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mercato.stack.serving import load, run_services

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # prctl(2)


def main(handle: int, services: Sequence[str]) -> None:
    """Loads the services, then forks one for each line on the socket until that is closed."""
    preload(services)
    with socket.socket(fileno=handle) as channel:
        order = _attend(channel)
    if order:
        _become(order)
        run_services(order["services"])


def preload(services: Sequence[str]) -> None:
    """Loads services without starting anything of them."""
    for name in services:
        try:
            load(name)
        except Exception:  # the service's own process will fail in the same way and log it as its own
            traceback.print_exc()
    gc.collect()
    gc.freeze()  # the collector leaves these pages alone, so they stay shared


def _attend(channel: socket.socket) -> dict[str, Any] | None:
    """Serves requests; returns None at the end, and in every forked child what that child is to be."""
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    channel.setblocking(True)
    waiting = b""
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(512)
            _collect(channel)
        if channel not in ready:
            continue
        received = channel.recv(65536)
        if not received:
            return None
        *lines, waiting = (waiting + received).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                woken.close()
                waker.close()
                order: dict[str, Any] = json.loads(line)
                return order
            _send(channel, {"born": pid})


def _collect(channel: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _send(channel, {"ended": ended[0], "code": os.waitstatus_to_exitcode(ended[1])})


def _send(channel: socket.socket, message: Mapping[str, int]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _become(order: Mapping[str, Any]) -> None:
    """Makes the forked process one of its own: session, name, log, folder, and an end when the nursery ends."""
    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_NAME, f"mercato {'+'.join(order['services'])}".encode()[:15])
    os.chdir(order["cwd"])
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
