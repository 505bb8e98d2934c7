"""Compiles contracts.sol of this folder with the compiler of the project's own contracts."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_SOLC = Path(__file__).parents[3] / "contracts" / "node_modules" / "solc" / "solc.js"


@cache
def creation_code() -> dict[str, bytes]:
    """Creation code by contract name."""
    source = {
        "language": "Solidity",
        "sources": {"contracts.sol": {"content": (_HERE / "contracts.sol").read_text()}},
        "settings": {"optimizer": {"enabled": True}, "outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }
    done = subprocess.run(
        ["node", str(_SOLC), "--standard-json"], input=json.dumps(source), capture_output=True, text=True, check=True
    )
    output = json.loads(done.stdout[done.stdout.index("{") :])
    errors = [error["formattedMessage"] for error in output.get("errors", ()) if error["severity"] == "error"]
    assert not errors, errors
    return {
        name: bytes.fromhex(contract["evm"]["bytecode"]["object"])
        for name, contract in output["contracts"]["contracts.sol"].items()
    }
