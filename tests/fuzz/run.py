"""Fuzzes a marketplace, signed in and not, and reads the services' logs afterwards.

Schemathesis makes operations from the schema, with its values as literals; this folder's own talk, beside it, goes
below that: variables and files, raw HTTP, WebSockets, sign-ins.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import orjson
from graphql import build_schema

from mercato.services.gateway.graph.schema import SDL
from tests.fuzz.operations import Operations
from tests.fuzz.requests import Requests
from tests.fuzz.sign_in import SignIns
from tests.fuzz.sockets import Sockets
from tests.fuzz.values import Values, World

if TYPE_CHECKING:
    from tests.marketplace import Marketplace

SEED = 20261122
_CHECK = "no_fault_of_ours"
_MOST_FAULTS = 8
_TRACE = "Traceback (most recent call last)"
_TOKEN_SECONDS = 300
"""How long a token is used; it lives for 15 minutes."""

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


class Talk(Protocol):
    """A source of requests."""

    async def next(self) -> str | None:
        """Makes one; what was wrong with the answer, None for nothing."""
        ...


async def fuzz(market: Marketplace, seconds: int, without: str = _NOTHING, seed: int = SEED) -> list[str]:
    """What went wrong in `seconds` of fuzzing; empty when nothing did. Schemathesis spares operations that match
    `without`. A seed says what is sent, the machine how much of it."""
    print(f"fuzzing with seed {seed}", flush=True)
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
    url, spared = f"{market.url}/graphql", f"{without}|{_ENDS_THE_SESSION}"
    async with asyncio.TaskGroup() as group:
        talks = [
            group.create_task(_talk(market, seconds, world, seed)),
            group.create_task(_schemathesis(url, seconds, world, "", without, seed)),
            group.create_task(_schemathesis(url, seconds, world, story.api.token, spared, seed)),
        ]
    found = [fault for talk in talks for fault in talk.result()]
    return found + list(unhandled(market.stack.home, before))


async def _talk(market: Marketplace, seconds: int, world: World, seed: int) -> list[str]:
    """Requests, sockets and sign-ins at once, each from a source of chance of its own."""
    schema, port, found = build_schema(SDL), market.stack.settings.gateway_port, list[str]()

    def values(name: str) -> Values:
        return Values(random.Random(f"{seed} {name}"), world)

    requests, sockets = values("requests"), values("sockets")
    signing = SignIns(port, market.url, values("sign-ins"))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and len(found) < _MOST_FAULTS:
        token = (await market.signed_in_story()).api.token
        until = min(ends, time.monotonic() + _TOKEN_SECONDS)
        async with asyncio.TaskGroup() as group:
            for talk in (
                Requests(port, requests, Operations(schema, requests), token),
                Sockets(port, sockets, Operations(schema, sockets), token),
                signing,
            ):
                group.create_task(_go_on(talk, until, found))
    return found


async def _go_on(talk: Talk, until: float, found: list[str]) -> None:
    rounds = 0
    while time.monotonic() < until and len(found) < _MOST_FAULTS:
        rounds += 1
        if fault := await talk.next():
            found.append(f"round {rounds} of {type(talk).__name__}: {fault}")
    print(f"{type(talk).__name__}: {rounds} rounds", flush=True)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def unhandled(home: Path, since: dict[Path, int]) -> Iterator[str]:
    """Log lines of services at level error or with a trace, after the sizes in `since`; a trace with what is around."""
    for path, size in _sizes(home).items():
        with path.open("rb") as log:
            log.seek(since.get(path, 0))
            text = log.read(size).decode(errors="replace")
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if _is_fault(line):
                around = lines[max(0, number - 2) : number + 30] if _TRACE in line else [line]
                yield f"{path.name}: {chr(10).join(part[:2000] for part in around)}"


def _is_fault(line: str) -> bool:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _TRACE in line or line.startswith(("ERROR ", "CRITICAL "))
    return isinstance(entry, dict) and entry.get("level") in ("error", "critical")


def _sizes(home: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in sorted((home / "logs").glob("*.log"))}


async def _schemathesis(url: str, seconds: int, world: World, token: str, spared: str, seed: int) -> list[str]:
    """`token` may be empty, for nobody."""
    who = "signed in" if token else "anonymous"
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "schemathesis.toml"
        configuration.write_text(_CONFIGURATION.format(texts=orjson.dumps(world.texts).decode()))
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(configuration), "run", url),
            *("--phases", "fuzzing", "--checks", _CHECK, "--max-time", str(seconds), "--continue-on-failure"),
            *("--suppress-health-check", "all", "--request-timeout", "20", "--max-failures", "20", "--no-color"),
            *("--exclude-name-regex", spared, "--seed", str(seed)),
        ]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "MERCATO_FUZZ_ADDRESSES": ",".join(world.addresses),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        status, output = await _run(command, environment, folder, seconds + _GRACE_SECONDS)
    print(f"schemathesis, {who}:\n{output}", flush=True)
    return [f"schemathesis, {who}, says {status}\n{output}"] if status else []


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
