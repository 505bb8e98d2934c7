"""The published schema guards clients: what would break them is refused, what may surprise them is told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "schema.py"
PUBLISHED = """type Query { token(id: ID!): Token  old: String @deprecated(reason: "use token") }
type Token { name: String!  owner: String }
union Thing = Token
enum Kind { A B }
input Filter { name: String }"""
BREAKING = [
    ("name: String!", "name: String"),
    ("owner: String", "holder: String"),
    ("token(id: ID!)", "token(id: ID!, chain: String!)"),
    ("name: String }", "name: String  chain: String! }"),
    ("A B", "A"),
]
DANGEROUS = [("A B", "A B C"), ("name: String }", "name: String  chain: String }")]
SAFE = [("owner: String }", "owner: String  image: String }")]


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schema_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "published.graphql"
    path.write_text(PUBLISHED)
    return path


def changed(folder: Path, change: tuple[str, str]) -> Path:
    path = folder / "present.graphql"
    assert change[0] in PUBLISHED
    path.write_text(PUBLISHED.replace(*change, 1))
    return path


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_refused_and_published_only_on_purpose(
    script: ModuleType, published: Path, tmp_path: Path, change: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = changed(tmp_path, change)
    for arguments in ([], ["--publish"]):
        assert script.main(arguments, source, published) == 1
        assert "BREAKING " in capsys.readouterr().out
        assert published.read_text() == PUBLISHED
    assert script.main(["--publish-breaking"], source, published) == 0
    assert published.read_text() == source.read_text()
    assert script.main([], source, published) == 0


@pytest.mark.parametrize("change", DANGEROUS + SAFE)
def test_other_changes_are_told_and_published_when_asked(
    script: ModuleType, published: Path, tmp_path: Path, change: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = changed(tmp_path, change)
    assert script.main([], source, published) == 0
    assert ("dangerous " in capsys.readouterr().out) is (change in DANGEROUS)
    assert published.read_text() == PUBLISHED
    assert script.main(["--publish"], source, published) == 0
    assert published.read_text() == source.read_text()


def test_the_schema_breaks_no_client_of_the_published_one(script: ModuleType) -> None:
    assert script.main([]) == 0
