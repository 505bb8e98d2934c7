"""Runs schemathesis against a marketplace, signed in and not, and reads the services' logs afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from tests.marketplace import Marketplace

_CHECK = "no_fault_of_ours"
_NOTHING = "^$"
_ENDS_THE_SESSION = "signOut|revoke.*Session"
_GRACE_SECONDS = 120

_CONFIGURATION = """
[dictionaries.known]
values = {texts}

[generation.dictionaries]
string = {{ dictionary = "known", probability = 0.3 }}
"""

_KNOWN = """{ viewer { user { id } intents { edges { cursor node { id } } } } chains { id }
  collections { edges { cursor node { id } } } tokens { edges { cursor node { id uri } } }
  activities { edges { cursor } } transfers { edges { cursor } } }"""


class World(NamedTuple):
    """Things that exist, for requests that find something: addresses, and ids, cursors and URIs."""

    addresses: list[str]
    texts: list[str]


async def fuzz(market: Marketplace, seconds: int, without: str = _NOTHING, seed: int | None = None) -> list[str]:
    """What went wrong in `seconds` of fuzzing, half of them signed in; empty when nothing did. Operations that match
    `without` are spared."""
    story = await market.signed_in_story()
    async with story.api.socket() as socket:
        _, uri = await story.upload()
        made = await story.create_collection(socket, "ERC721", uri)
        await story.mint(socket, made, 3)
    world = World(
        addresses=[made.contract] * 3 + [story.wallet.address.checksum],
        texts=sorted(set(_texts(await story.api.execute(_KNOWN)))),
    )
    before = _sizes(market.stack.home)
    found = []
    for who, token in (("anonymous", ""), ("signed in", story.api.token or "")):
        print(f"fuzzing {who} for {seconds // 2} s", flush=True)
        spared = f"{without}|{_ENDS_THE_SESSION}" if token else without
        status, output = await _schemathesis(f"{market.url}/graphql", max(1, seconds // 2), world, token, spared, seed)
        print(output, flush=True)
        if status != 0:
            found.append(f"{who}: schemathesis says {status}\n{output}")
    return found + list(unhandled(market.stack.home, before))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def unhandled(home: Path, since: dict[Path, int]) -> Iterator[str]:
    """Log lines of services at level error or with a trace, after the sizes in `since`."""
    for path, size in _sizes(home).items():
        with path.open("rb") as log:
            log.seek(since.get(path, 0))
            text = log.read(size).decode(errors="replace")
        yield from (f"{path.name}: {line[:2000]}" for line in text.splitlines() if _is_fault(line))


def _is_fault(line: str) -> bool:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "Traceback (most recent call last)" in line
    return isinstance(entry, dict) and entry.get("level") in ("error", "critical")


def _sizes(home: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in sorted((home / "logs").glob("*.log"))}


async def _schemathesis(
    url: str, seconds: int, world: World, token: str, spared: str, seed: int | None
) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "schemathesis.toml"
        configuration.write_text(_CONFIGURATION.format(texts=orjson.dumps(world.texts).decode()))
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(configuration), "run", url),
            *("--phases", "fuzzing", "--checks", _CHECK, "--max-time", str(seconds), "--continue-on-failure"),
            *("--suppress-health-check", "all", "--request-timeout", "20", "--max-failures", "20", "--no-color"),
            *("--exclude-name-regex", spared),
            *(("--seed", str(seed)) if seed is not None else ()),
        ]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "MERCATO_FUZZ_ADDRESSES": ",".join(world.addresses),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        return await _run(command, environment, folder, seconds + _GRACE_SECONDS)


async def _run(command: list[str], environment: dict[str, str], folder: str, patience: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(patience):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")
