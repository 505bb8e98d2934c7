"""The build of the contracts and how Python finds what it made."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from mercato.evm import artifacts
from mercato.kit.errors import FailedPrecondition

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"


def build(*options: str) -> str:
    command = ["node", str(CONTRACTS / "build.mjs"), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def test_the_artifacts_are_byte_for_byte_what_the_sources_give() -> None:
    assert build("--check").splitlines()[-1] == "artifacts are what the sources give"


def test_a_second_build_compiles_nothing() -> None:
    start = time.monotonic()

    assert build().splitlines()[-1] == "up to date"
    assert time.monotonic() - start < 2


def test_the_lock_file_pins_content_and_no_address_of_a_registry() -> None:
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]

    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)


@pytest.mark.parametrize("name", ["CollectionFactory", "Collection721", "Collection1155"])
def test_a_built_contract_is_loaded_with_its_code(name: str) -> None:
    artifact = artifacts.load(name)

    assert artifact.name == name
    assert artifact.deployed_bytecode in artifact.bytecode
    assert 0 < len(artifact.deployed_bytecode) <= 24_576
    assert {entry["type"] for entry in artifact.abi} >= {"function", "event", "error"}


def test_a_contract_that_was_not_built_says_how_to_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCATO_ARTIFACTS", str(tmp_path))

    with pytest.raises(FailedPrecondition) as missing:
        artifacts.load("Collection721")

    assert (missing.value.reason, missing.value.message) == ("ARTIFACTS_MISSING", "run `make contracts`")


def test_artifacts_are_read_from_the_folder_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"contractName": "Elsewhere", "abi": [], "bytecode": "0x6001", "deployedBytecode": "0x02"}
    (tmp_path / "Elsewhere.json").write_text(json.dumps(content))
    monkeypatch.setenv("MERCATO_ARTIFACTS", str(tmp_path))

    assert artifacts.load("Elsewhere") == artifacts.Artifact("Elsewhere", (), b"\x60\x01", b"\x02")


def test_anvil_is_found_where_the_packages_are_or_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MERCATO_ANVIL", raising=False)
    assert artifacts.anvil_path().is_relative_to(CONTRACTS / "node_modules" / "@foundry-rs")

    own = tmp_path / "anvil"
    monkeypatch.setenv("MERCATO_ANVIL", str(own))
    with pytest.raises(FailedPrecondition) as missing:
        artifacts.anvil_path()
    assert missing.value.reason == "ANVIL_MISSING"
    own.touch()
    assert artifacts.anvil_path() == own
