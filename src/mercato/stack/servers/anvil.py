"""The local chains: one anvil each, whose state is saved soon after every block and loaded at the next start."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from pathlib import Path

from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import NotReady, StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.site import Site, checkout, write_atomically
from mercato.stack.supervisor import own_environment

_LOOK_EVERY = 0.25  # seconds between two looks at the head
_SAVE_PAUSE = 1.0  # seconds between two saves at least
_SAVE_SHARE = 20  # and this many times what the last save took: at most 5 % of the node's time goes into saving


async def children(site: Site) -> list[Child]:
    """One node per chain of the site, mining at once or at the site's block time."""
    return [_child(site, int(chain)) for chain in site.ports.of("chain")]


def _child(site: Site, chain: int) -> Child:
    binary, port = str(locate()), site.ports[f"chain.{chain}"]
    data = site.data(f"chain-{chain}")
    state = state_file(site, chain)

    def command() -> list[str]:
        words = [binary, "--quiet", "--host", HOST, "--port", str(port), "--chain-id", str(chain)]
        words += ["--cache-path", str(data / "cache")]
        words += ["--load-state", str(state)] if state.exists() else []
        return [*words, "--block-time", str(site.block_time)] if site.block_time else words

    return Child(
        name=f"chain-{chain}",
        kind="server",
        command=command,
        ready=lambda: _answers_as(port, chain),
        env={**own_environment(), "HOME": str(data)},
        cwd=data,
        port=port,
        before_stop=lambda: save(site, chain),
    )


def locate() -> Path:
    """The node's binary out of the npm package of the contracts, or one that is installed."""
    if given := os.environ.get("MERCATO_ANVIL"):
        return Path(given)
    root = checkout()
    for binary in sorted(root.glob("contracts/node_modules/@foundry-rs/anvil-*/bin/anvil")) if root else []:
        return binary
    if found := shutil.which("anvil"):
        return Path(found)
    raise StackMisconfigured(
        "ANVIL_MISSING", "anvil is not installed; run `make setup` (it comes with npm), or set MERCATO_CHAIN_URLS"
    )


def state_file(site: Site, chain: int) -> Path:
    """Where the chain's whole state is kept: accounts, blocks, transactions and receipts."""
    return site.data(f"chain-{chain}") / "state.json"


async def save(site: Site, chain: int) -> int:
    """Writes the chain's state, atomically; returns the block it holds for certain.

    The node must be running. States of past blocks are left out (they would grow with the square of history):
    after a restart, blocks, receipts and logs are all there, and reads of state answer at the newest block.
    """
    port = site.ports[f"chain.{chain}"]
    async with site.saving:
        head = await _head(port)
        dump = str(await probes.json_rpc(port, "anvil_dumpState"))
        await asyncio.to_thread(_write, state_file(site, chain), dump)
    return head


async def keep_saved(site: Site, chain: int) -> None:
    """Saves whenever the head has moved, for ever. What was mined longer ago than 1.25 s, or 20 times what a save
    takes (about 0.1 ms for each block of the chain), survives kill -9; younger blocks are gone, as in a fork."""
    loop = asyncio.get_running_loop()
    saved = -1
    while True:
        pause = _LOOK_EVERY
        try:
            if await _head(site.ports[f"chain.{chain}"]) != saved:
                begin = loop.time()
                saved = await save(site, chain)
                pause = max(_SAVE_PAUSE, _SAVE_SHARE * (loop.time() - begin))
        except (OSError, EOFError, NotReady, TimeoutError, ValueError):
            saved = -1  # the node is away; the supervisor sees to it
        await asyncio.sleep(pause)


def _write(path: Path, dump: str) -> None:
    write_atomically(path, gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))))


async def _head(port: int) -> int:
    return int(str(await probes.json_rpc(port, "eth_blockNumber")), 16)


async def _answers_as(port: int, chain: int) -> None:
    answered = int(str(await probes.json_rpc(port, "eth_chainId")), 16)
    if answered != chain:
        raise NotReady(f"the node on port {port} is of chain {answered}, not {chain}")
