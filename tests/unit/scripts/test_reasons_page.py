"""docs/reasons.md names every reason: what is written in the code in any way is followed, and no word is left over."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from graphql import GraphQLEnumType
from tests.reasons_seen import SeenReasons, documented

from mercato.kit import errors
from mercato.kit.errors import Category
from mercato.services.gateway.graph.schema import build_schema

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "reasons.py"
UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9_]{2,}")

NO_REASONS = {
    # prefixes of reasons and of names in the protocol
    "INVALID_", "INDEX_SCOPE_", "INTENT_KIND_", "INTENT_STATE_", "LOGIN_OCCASION_",
    # settings
    "MERCATO_", "MERCATO_ANVIL", "MERCATO_ARTIFACTS", "MERCATO_JWT_PRIVATE_KEY", "MERCATO_POSTGRES_PASSWORD",
    "MERCATO_S3_SECRET_KEY",
    # of other languages and standards
    "GET", "HEAD", "POST", "JSON", "NULL", "NFC", "OKP", "DEFAULT_ADMIN_ROLE", "METADATA_ROLE", "MINTER_ROLE",
    # values of enums, tables and metrics that no answer shows
    "KEEP", "REPLACE", "KEY", "CONTRACT", "LINK", "SIGN_IN", "BY_USER", "RANGE_TOO_LONG",
    # lines of the log of sign-ins that are no refusals
    "SIGNED_IN", "LINK_PROVEN",
}  # fmt: skip
"""Words that look like reasons and are none."""

_NEVER_ANSWERED = {"Poison", "Malformed", "Undecodable"}

EXAMPLE = """
from enum import Enum
from ariadne import convert_camel_case_to_snake
from mercato.kit import errors
from mercato.kit.errors import Category, Conflict, InvalidArgument, MercatoError, NotFound, Poison

CONSTANT = "BY_CONSTANT"
TABLE = {"fromTable": 3, "fromTableToo": 4}


class Own(MercatoError):
    category = Category.TOO_LARGE

    def __init__(self, status, reason="BY_DEFAULT", message="as always"):
        super().__init__(reason, message)


class Child(Own):
    def __init__(self):
        super().__init__(413, "BY_CHILD")


class Plain(NotFound):
    pass


class Choice(Enum):
    ONE = "BY_ENUM"

    def error(self):
        return Conflict(self.value, "chosen")


def refuse(reason, what="it"):
    raise InvalidArgument(reason, f"{what} is wrong")


def wrong(field, rule):
    name = convert_camel_case_to_snake(field).upper()
    return errors.InvalidArgument(f"INVALID_{name}", f"{field} {rule}")


def number(value, field, least=0):
    raise wrong(field, f"must be above {least}")


class Worker:
    def run(self, size):
        raise NotFound("BY_LITERAL", "look | elsewhere")

    def _say(self, code):
        raise Plain(code, "said")

    def go(self, flag, error):
        raise Conflict("BY_ONE" if flag else "BY_OTHER", "either")
        raise Conflict(CONSTANT, "constant")
        raise Own(400)
        refuse("BY_HELPER", "this")
        number(1, "maxSupply", 5)
        for field, most in TABLE.items():
            number(2, field)
        for field in ("inTuple",):
            number(3, field)
        code = "BY_LOCAL"
        self._say(code)
        raise type(error)(error.reason, "relayed")
        raise Conflict(error.reason, "relayed")
        raise Poison("NEVER_ANSWERED", "parked")
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reasons_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def follow(script: ModuleType, folder: Path, text: str) -> tuple[dict[str, tuple[str, str]], set[str]]:
    """Reasons of a file with their kinds and messages, and what cannot be followed."""
    path = folder / "mercato" / "services" / "example" / "model.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    kit = ROOT / "src" / "mercato" / "kit" / "errors.py"
    house = script.House([script.read_module(kit), script.read_module(path, folder)])
    house.follow()
    return {r.name: (r.kind, r.message) for r in house.found.values()}, house.lost


def test_a_reason_is_followed_however_it_gets_to_its_error(script: ModuleType, tmp_path: Path) -> None:
    found, lost = follow(script, tmp_path, EXAMPLE)
    assert lost == set()
    assert found == {
        "BY_LITERAL": ("NOT_FOUND", "look \\| elsewhere"),
        "BY_CONSTANT": ("CONFLICT", "constant"),
        "BY_DEFAULT": ("TOO_LARGE", "as always"),
        "BY_CHILD": ("TOO_LARGE", "as always"),
        "BY_ENUM": ("CONFLICT", "chosen"),
        "BY_ONE": ("CONFLICT", "either"),
        "BY_OTHER": ("CONFLICT", "either"),
        "BY_HELPER": ("INVALID_ARGUMENT", "this is wrong"),
        "BY_LOCAL": ("NOT_FOUND", "said"),
        "INVALID_MAX_SUPPLY": ("INVALID_ARGUMENT", "maxSupply must be above 5"),
        "INVALID_FROM_TABLE": ("INVALID_ARGUMENT", "… must be above 0"),
        "INVALID_FROM_TABLE_TOO": ("INVALID_ARGUMENT", "… must be above 0"),
        "INVALID_IN_TUPLE": ("INVALID_ARGUMENT", "… must be above 0"),
    }


@pytest.mark.parametrize(
    "said",
    ["Conflict(row['reason'], 'x')", "Conflict(ask(), 'x')", "Conflict('no code', 'x')", "Conflict(f'{row}_BAD', 'x')"],
)
def test_a_reason_that_cannot_be_followed_is_an_error(script: ModuleType, tmp_path: Path, said: str) -> None:
    head = "from mercato.kit.errors import Conflict\n\n\ndef f():\n    row = read()\n"
    found, lost = follow(script, tmp_path, f"{head}    raise {said}\n")
    assert found == {}
    assert len(lost) == 1


def test_every_reason_of_the_house_can_be_followed_and_stands_on_the_page(script: ModuleType) -> None:
    house = script.followed()
    assert house.lost == set()
    assert script.page(house) == script.PAGE.read_text()


def test_no_word_of_the_code_that_looks_like_a_reason_is_missing_from_the_page(script: ModuleType) -> None:
    """Reads words, not how they travel: what the follower overlooks is found here."""
    written = {word for path in script.sources() for word in _words_of(ast.parse(path.read_text()))}
    enums = {v for t in build_schema().type_map.values() if isinstance(t, GraphQLEnumType) for v in t.values}
    known = documented() | enums | {category.value for category in Category}
    assert sorted(written - known - NO_REASONS) == []
    assert sorted(NO_REASONS - written) == []


def _words_of(tree: ast.AST) -> set[str]:
    left_out = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NEVER_ANSWERED
        for part in ast.walk(node)
    } | {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for part in ast.walk(node)
    }
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out
    )
    return {text.strip() for text in texts if UPPER_SNAKE.fullmatch(text.strip() if "_" in text else text)}


def test_a_reason_that_is_seen_and_not_documented_is_told_with_its_place(tmp_path: Path) -> None:
    seen = SeenReasons()
    made = errors.MercatoError.__init__
    try:
        seen.watch()
        space: dict[str, Any] = {"__name__": "mercato.services.example.model", "errors": errors}
        exec("def say(reason):\n    return errors.Conflict(reason, 'x')", space)
        for reason in ("NEVER_HEARD_OF", next(iter(documented()))):
            space["say"](reason)
        errors.Conflict("OF_A_TEST", "x")
    finally:
        errors.MercatoError.__init__ = made  # type: ignore[method-assign]
    assert seen.take_undocumented() == {"NEVER_HEARD_OF": "mercato.services.example.model:2"}
    assert seen.take_undocumented() == {}
