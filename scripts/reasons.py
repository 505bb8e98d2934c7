"""Lists every reason code that a caller of the API can meet, from the places in the code that raise them.

python scripts/reasons.py           writes docs/reasons.md
python scripts/reasons.py --check   fails when it is not what the code says
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "mercato"
PAGE = ROOT / "docs" / "reasons.md"
# What runs on a person's machine speaks to that person, not to callers of the API.
NOT_THE_API = ("cli", "stack", "story", "rpc")

_BASES = {
    "InvalidArgument": "INVALID_ARGUMENT",
    "Unauthenticated": "UNAUTHENTICATED",
    "PermissionDenied": "PERMISSION_DENIED",
    "NotFound": "NOT_FOUND",
    "Conflict": "CONFLICT",
    "FailedPrecondition": "FAILED_PRECONDITION",
    "RateLimited": "RATE_LIMITED",
    "TooLarge": "TOO_LARGE",
    "Unavailable": "UNAVAILABLE",
}
_REASON = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_HEAD = """# Reason codes

Every error of the API carries `extensions.reason`, one of these; [errors.md](errors.md) says what the kinds mean and
what to do. Made from the code by `scripts/reasons.py`; `…` stands for what differs from case to case.

| reason | kind | from | the message |
|---|---|---|---|
"""


class Reason(NamedTuple):
    """One place that raises one reason."""

    name: str
    kind: str
    place: str
    message: str


def found(tree: ast.AST, kinds: dict[str, str], place: str) -> Iterator[Reason]:
    """Reasons raised in a file. `kinds` maps names of error classes to categories."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            kind = kinds.get(node.name)
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _is_super(n.func)]
            yield from (r for call in calls if kind and (r := _reason(call, kind, place)))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = kinds.get(node.func.id)
            if kind and (reason := _reason(node, kind, place)):
                yield reason


def kinds_of(trees: dict[Path, ast.AST]) -> dict[str, str]:
    """Error classes by name, with the category each inherits."""
    kinds = dict(_BASES)
    parents = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    while True:
        more = {
            name: kinds[base] for name, bases in parents.items() if name not in kinds for base in bases if base in kinds
        }
        if not more:
            return kinds
        kinds |= more


def page() -> str:
    """The whole document."""
    files = [p for p in sorted(SOURCES.rglob("*.py")) if p.relative_to(SOURCES).parts[0] not in NOT_THE_API]
    trees: dict[Path, ast.AST] = {path: ast.parse(path.read_text()) for path in files}
    kinds = kinds_of(trees)
    first: dict[tuple[str, str], Reason] = {}
    for path, tree in trees.items():
        for reason in found(tree, kinds, _place(path)):
            first.setdefault((reason.name, reason.place), reason)
    rows = [f"| `{r.name}` | {r.kind} | {r.place} | {r.message} |\n" for _, r in sorted(first.items())]
    return _HEAD + "".join(rows)


def _place(path: Path) -> str:
    parts = path.relative_to(SOURCES).parts
    return parts[1] if parts[0] == "services" else parts[0]


def _is_super(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "__init__"
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "super"
    )


def _reason(call: ast.Call, kind: str, place: str) -> Reason | None:
    if not call.args or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str):
        return None
    if not _REASON.fullmatch(call.args[0].value):
        return None
    message = _text(call.args[1]) if len(call.args) > 1 else ""
    return Reason(call.args[0].value, kind, place, message.replace("|", "\\|").replace("\n", " "))


def _text(node: ast.expr) -> str:
    """A message as far as the code knows it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "…"


def main() -> int:
    """0 when the page is (now) what the code says."""
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text)
        return 0
    if not PAGE.exists() or PAGE.read_text() != text:
        print("docs/reasons.md is not what the code raises; run `make reasons`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
