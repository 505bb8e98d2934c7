"""What `make contracts` built, found and read: contract artifacts and the anvil binary."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mercato.kit.errors import FailedPrecondition

_CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Artifact:
    """A compiled contract."""

    name: str
    abi: tuple[dict[str, Any], ...]
    """Its JSON ABI, entry by entry."""

    bytecode: bytes
    """Creation code, without constructor arguments."""

    deployed_bytecode: bytes
    """Run-time code; immutables are zero in it."""


def load(name: str) -> Artifact:
    """The artifact of contract `name`, from ``contracts/artifacts`` or the folder ``MERCATO_ARTIFACTS`` names.

    Raises `FailedPrecondition` ARTIFACTS_MISSING when the contract was not built.
    """
    folder = Path(os.environ.get("MERCATO_ARTIFACTS") or _CONTRACTS / "artifacts")
    try:
        content = json.loads((folder / f"{name}.json").read_bytes())
    except FileNotFoundError:
        raise FailedPrecondition("ARTIFACTS_MISSING", "run `make contracts`", contract=name) from None
    return Artifact(
        name=content["contractName"],
        abi=tuple(content["abi"]),
        bytecode=bytes.fromhex(content["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(content["deployedBytecode"][2:]),
    )


def anvil_path() -> Path:
    """The anvil binary for this machine, installed with the contracts' packages; ``MERCATO_ANVIL`` overrides.

    Raises `FailedPrecondition` ANVIL_MISSING when it is not there, be it that nothing was installed or that
    the packages hold none for this platform.
    """
    override = os.environ.get("MERCATO_ANVIL")
    path = Path(override) if override else _packaged_anvil()
    if not path.is_file():
        remedy = "run `make contracts`, or install anvil yourself and set MERCATO_ANVIL to the binary"
        raise FailedPrecondition("ANVIL_MISSING", f"{path} is not there: {remedy}")
    return path


def _packaged_anvil() -> Path:
    machine = platform.machine().lower()
    package = f"anvil-{sys.platform}-{_MACHINES.get(machine, machine)}"
    return _CONTRACTS / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
