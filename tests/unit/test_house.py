"""The house keeps its shape: every service listed, every file named as in every other, no hosts or machine paths."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

from mercato.kit.settings import SERVICES

ROOT = Path(__file__).resolve().parents[2]
SERVICES_FOLDER = ROOT / "src" / "mercato" / "services"
ALLOWED = {"__init__", "model", "usecases", "store", "rpc", "consumers", "jobs", "app", "migrations"}
OWN_PARTS = {
    "gateway": {"graph", "http", "schema"},
    "media": {"fetcher"},
    "indexer": {"messages"},
    "catalog": {"messages"},
}
"""What a service has beyond the common files, because its work has a part that no other service has."""


def services() -> set[str]:
    return {p.name for p in SERVICES_FOLDER.iterdir() if p.is_dir() and p.name != "__pycache__"}


def test_the_services_are_the_ten_of_the_settings() -> None:
    assert services() == set(SERVICES)


def test_import_linter_knows_every_service() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (independence,) = [c for c in config if c["type"] == "independence"]
    assert {m.rpartition(".")[2] for m in independence["modules"]} == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_files_of_every_other(service: str) -> None:
    names = {p.stem for p in (SERVICES_FOLDER / service).iterdir() if p.name != "__pycache__"}
    assert names >= {"__init__", "app"}
    assert names - ALLOWED - OWN_PARTS.get(service, set()) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_in_one_docstring_what_it_is(service: str) -> None:
    doc = ast.get_docstring(ast.parse((SERVICES_FOLDER / service / "__init__.py").read_text())) or ""
    assert "owns" in doc
    assert "serves" in doc


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "src", "tests", "bench", "scripts", "clients"], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split() if name.endswith(".py") and "/rpc/" not in name]


def test_every_file_opens_with_its_responsibility() -> None:
    without = [
        str(p.relative_to(ROOT))
        for p in sources()
        if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert without == []


def test_locks_carry_hashes_and_no_addresses() -> None:
    for name in ("requirements/all.txt", "clients/python/generator.txt"):
        python_lock = (ROOT / name).read_text()
        assert "--hash=sha256:" in python_lock
        assert "://" not in python_lock
    listed = subprocess.run(["git", "ls-files", "*package-lock.json"], cwd=ROOT, capture_output=True, check=True)
    node_locks = listed.stdout.decode().split()
    assert len(node_locks) >= 4
    for lock in node_locks:
        assert '"resolved"' not in (ROOT / lock).read_text(), lock
