"""Lists every reason code that a caller of the API can meet, by following them through the code that says them.

python scripts/reasons.py           writes docs/reasons.md
python scripts/reasons.py --check   fails when it is not what the code says

A reason is followed to where it is written, through parameters, constants, tables, enums and f-strings; an error whose
reason cannot be followed fails both, so that none is left out in silence.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ariadne import convert_camel_case_to_snake

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src"
PAGE = ROOT / "docs" / "reasons.md"
# What runs on a person's machine speaks to that person, not to callers of the API.
NOT_THE_API = ("cli", "stack", "story", "rpc")

_ERRORS = "mercato.kit.errors"
# A message of the broker that nobody can read is parked; no answer carries its reason.
_NEVER_ANSWERED = f"{_ERRORS}.Poison"
_REASON = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_HEAD = """# Reason codes

Every error of the API carries `extensions.reason`, one of these; [errors.md](errors.md) says what the kinds mean and
what to do. An intent that failed and a WebSocket that is closed name theirs from the same table. Made from the code by
`scripts/reasons.py`; `…` stands for what differs from case to case.

| reason | kind | from | the message |
|---|---|---|---|
"""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Texts = dict[str, str]


class Reason(NamedTuple):
    """One place that says one reason."""

    name: str
    kind: str
    place: str
    message: str


class Words(NamedTuple):
    """One text that an expression may be; of a parameter, what is made of that."""

    parameter: str | None
    make: Callable[[str], str]


@dataclass
class Module:
    """A file, with what its names stand for."""

    name: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The service, or the package beside the services."""
        parts = self.name.split(".")[1:]
        return parts[1] if parts[0] == "services" else parts[0]


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: its module, class and function."""

    module: Module
    owner: ast.ClassDef | None = None
    function: Function | None = None

    @property
    def dotted(self) -> str:
        """The name that callers of the function resolve to; a class's for its `__init__`."""
        name = getattr(self.function, "name", "")
        parts = [self.module.name, self.owner.name if self.owner else "", "" if name == "__init__" else name]
        return ".".join(part for part in parts if part)

    def parameters(self) -> list[str]:
        """In the order of a call: without `self` and `cls`."""
        given = self.function.args if self.function else ast.arguments([], [], None, [], [], None, [])
        names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return [name for name in names if name not in ("self", "cls")]

    def defaults(self) -> dict[str, ast.expr]:
        if self.function is None:
            return {}
        given = self.function.args
        named = [a.arg for a in (*given.posonlyargs, *given.args)]
        found = dict(zip(reversed(named), reversed(given.defaults), strict=False))
        return found | {a.arg: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}


@dataclass(frozen=True)
class Sink:
    """What is called with a reason: an error's class, or a function that hands one of its parameters on to one."""

    kind: str
    parameters: tuple[str, ...]
    reason: str
    message: Callable[[Texts], str]
    defaults: Mapping[str, ast.expr] = field(default_factory=dict)
    make: Callable[[str], str] = str

    def arguments(self, call: ast.Call) -> dict[str, ast.expr]:
        """What each parameter is given."""
        placed = zip(self.parameters, call.args, strict=False)
        return {**self.defaults, **dict(placed), **{k.arg: k.value for k in call.keywords if k.arg}}


_CLOSED = Sink("WebSocket", ("code", "reason"), "reason", lambda t: f"the socket is closed with {t['code']}")
_FAILED = Sink("an intent's failure", ("state", "note", "reason"), "reason", lambda t: t["note"])
_DECLARED = {
    f"{_ERRORS}.MercatoError": Sink("INTERNAL", ("reason", "message"), "reason", lambda t: t.get("message", "…")),
    "mercato.services.gateway.http.sockets._Close": _CLOSED,
    "mercato.services.gateway.http.sockets.websocket.close": _CLOSED,
    "mercato.intents.facts.Standing": _FAILED,
    "dataclasses.replace": _FAILED,
}


class House:
    """All modules, and what the reasons in them come to."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = {module.name: module for module in modules}
        self.sinks = dict(_DECLARED)
        self.found: dict[tuple[str, str], Reason] = {}
        self.lost: set[str] = set()
        self._calls = [pair for module in self.modules.values() for pair in _calls(module.tree, Scope(module))]

    def follow(self) -> None:
        """Fills `found`, and `lost` with the calls whose reason is not to be seen."""
        known = 0
        while known != len(self.sinks):
            known = len(self.sinks)
            for module in self.modules.values():
                for node in module.classes.values():
                    self._inherit(node, Scope(module))
            for call, scope in self._calls:
                self._look_at(call, scope)

    def _inherit(self, node: ast.ClassDef, scope: Scope) -> None:
        """An error's class is made like its parent, unless it has an `__init__` of its own."""
        own = any(isinstance(s, ast.FunctionDef) and s.name == "__init__" for s in node.body)
        parents = [sink for base in node.bases if (sink := self.sinks.get(self.callee(base, scope)))]
        if parents and not own:
            kind = self._kind(node, scope) or parents[0].kind
            self.sinks.setdefault(f"{scope.module.name}.{node.name}", replace(parents[0], kind=kind))

    def _kind(self, node: ast.ClassDef, scope: Scope) -> str:
        """The category of an error's class, its own or that of the class it extends."""
        for statement in node.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "category":
                return ast.unparse(statement.value).rpartition(".")[2]
        for base in node.bases:
            module, _, name = self.callee(base, scope).rpartition(".")
            known = self.modules.get(module)
            if known is not None and name in known.classes:
                return self._kind(known.classes[name], Scope(known))
        return ""

    def _look_at(self, call: ast.Call, scope: Scope) -> None:
        name = self.callee(call.func, scope)
        sink = self.sinks.get(name)
        given = sink.arguments(call) if sink else {}
        if sink is None or name == _NEVER_ANSWERED or sink.reason not in given or _is_relay(given[sink.reason]):
            return
        if _is_super(call.func) and scope.owner is not None:
            sink = replace(sink, kind=self._kind(scope.owner, scope))
        words = self.words(given[sink.reason], scope)
        if not words:
            self.lost.add(f"{scope.module.name}:{call.lineno}: {ast.unparse(call)[:100]}")
        for word in words:
            if word.parameter is None:
                self._add(sink.make(word.make("")), sink, given, scope)
            elif not isinstance(scope.function, ast.Lambda):
                self.sinks.setdefault(scope.dotted, _handing_on(sink, word, given, scope))

    def _add(self, text: str, sink: Sink, given: Mapping[str, ast.expr], scope: Scope) -> None:
        name = text.partition(" ")[0]
        if not name:  # an intent that has not failed
            return
        if not _REASON.fullmatch(name):
            self.lost.add(f"{scope.module.name}: {text!r} is no reason code")
            return
        message = sink.message({key: _text(value, {}) for key, value in given.items()})
        message = message.replace("|", "\\|").replace("\n", " ")
        self.found.setdefault((name, scope.module.place), Reason(name, sink.kind, scope.module.place, message))

    # --- names ------------------------------------------------------------------------------------

    def callee(self, node: ast.expr, scope: Scope) -> str:
        """The dotted name of what an expression names; empty when it is none."""
        if isinstance(node, ast.Name):
            return self._resolve(scope.module.imports.get(node.id, f"{scope.module.name}.{node.id}"))
        if not isinstance(node, ast.Attribute):
            return ""
        if _is_super(node):
            return self.callee(scope.owner.bases[0], scope) if scope.owner and scope.owner.bases else ""
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") and scope.owner is not None:
            return f"{scope.module.name}.{scope.owner.name}.{node.attr}"
        around = self.callee(node.value, scope)
        return self._resolve(f"{around}.{node.attr}") if around else ""

    def _resolve(self, dotted: str) -> str:
        """Through packages that show what their modules define."""
        module, _, name = dotted.rpartition(".")
        shown = self.modules[module].imports.get(name, dotted) if module in self.modules else dotted
        return dotted if shown == dotted else self._resolve(shown)

    # --- texts ------------------------------------------------------------------------------------

    def words(self, node: ast.expr, scope: Scope) -> list[Words]:
        """Every text an expression may be; empty when that is not to be seen."""
        found: list[Words] = []
        match node:
            case ast.Constant(value=str(text)):
                found = [Words(None, lambda _: text)]
            case ast.IfExp(body=one, orelse=other):
                found = self.words(one, scope) + self.words(other, scope)
            case ast.Name(id=name):
                found = self._named(name, scope)
            case ast.Attribute():
                found = self._of_attribute(node, scope)
            case ast.Call():
                found = self._made(node, scope)
            case ast.JoinedStr(values=parts):
                found = self._joined(parts, scope)
        return found

    def _named(self, name: str, scope: Scope) -> list[Words]:
        if name in scope.parameters():
            return [Words(name, str)]
        if scope.function is not None:
            return [word for value in self._assigned(name, scope) for word in self.words(value, scope)]
        return self._constant(self._resolve(scope.module.imports.get(name, f"{scope.module.name}.{name}")))

    def _constant(self, dotted: str) -> list[Words]:
        found = self._find_constant(dotted)
        return self.words(found, Scope(self.modules[dotted.rpartition(".")[0]])) if found is not None else []

    def _find_constant(self, dotted: str) -> ast.expr | None:
        module, _, name = dotted.rpartition(".")
        return self.modules[module].constants.get(name) if module in self.modules else None

    def _assigned(self, name: str, scope: Scope) -> Iterator[ast.expr]:
        """What a local name is given: by assignment, by a loop over what is written out; or the module's constant."""
        known = self._find_constant(self._resolve(scope.module.imports.get(name, f"{scope.module.name}.{name}")))
        if known is not None:
            yield known
        assert scope.function is not None
        for node in ast.walk(scope.function):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                yield node.value
            elif isinstance(node, ast.For | ast.comprehension):
                yield from self._looped(name, node.target, node.iter, scope)

    def _looped(self, name: str, target: ast.expr, over: ast.expr, scope: Scope) -> Iterator[ast.expr]:
        rows = self._rows(over, scope)
        if ast.unparse(target) == name:
            yield from rows
        elif isinstance(target, ast.Tuple):
            places = [i for i, part in enumerate(target.elts) if ast.unparse(part) == name]
            yield from (row.elts[i] for row in rows if isinstance(row, ast.Tuple) for i in places)

    def _rows(self, over: ast.expr, scope: Scope) -> list[ast.expr]:
        """The elements of a list that is written out, and the pairs of a table."""
        if isinstance(over, ast.Tuple | ast.List | ast.Set):
            return list(over.elts)
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "items":
            table = self._find_constant(self.callee(over.func.value, scope))
            if isinstance(table, ast.Dict):
                pairs = zip(table.keys, table.values, strict=True)
                return [ast.Tuple([key, value], ast.Load()) for key, value in pairs if key is not None]
        named = self._find_constant(self.callee(over, scope))
        return self._rows(named, scope) if named is not None else []

    def _of_attribute(self, node: ast.Attribute, scope: Scope) -> list[Words]:
        """`module.CONSTANT`, and `self.value` in an enum."""
        if ast.unparse(node) == "self.value" and scope.owner is not None:
            members = [s.value for s in scope.owner.body if isinstance(s, ast.Assign)]
            return [word for value in members for word in self.words(value, scope)]
        return self._constant(self.callee(node, scope))

    def _made(self, node: ast.Call, scope: Scope) -> list[Words]:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "upper":
            return [Words(p, _after(make, str.upper)) for p, make in self.words(node.func.value, scope)]
        if ast.unparse(node.func) == convert_camel_case_to_snake.__name__:
            return [Words(p, _after(make, convert_camel_case_to_snake)) for p, make in self.words(node.args[0], scope)]
        return []

    def _joined(self, parts: Iterable[ast.expr], scope: Scope) -> list[Words]:
        """An f-string. What follows the reason and a space is for people."""
        found = [Words(None, lambda _: "")]
        for part in parts:
            if all(" " in made.make("") for made in found):
                break
            more = self.words(part.value if isinstance(part, ast.FormattedValue) else part, scope)
            found = [Words(a.parameter or b.parameter, _beside(a.make, b.make)) for a in found for b in more]
        return found


def _handing_on(sink: Sink, word: Words, given: Mapping[str, ast.expr], scope: Scope) -> Sink:
    """The function around a call, as something to be called with a reason itself."""
    assert word.parameter is not None
    parameters = tuple(scope.parameters())

    def message(texts: Texts) -> str:
        known = {name: texts.get(name, "…") for name in parameters}
        return sink.message({key: _text(value, known) for key, value in given.items()})

    make = _after(word.make, sink.make)
    return Sink(sink.kind, parameters, word.parameter, message, scope.defaults(), make)


def _after(first: Callable[[str], str], then: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: then(first(text))


def _beside(left: Callable[[str], str], right: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: left(text) + right(text)


def _is_relay(node: ast.expr) -> bool:
    """The reason of an error that was made elsewhere, or what gRPC calls a status that came without one."""
    return isinstance(node, ast.Attribute) and node.attr in ("reason", "name")


def _is_super(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function) == "super().__init__"


def _text(node: ast.expr, known: Texts) -> str:
    """A message as far as the code knows it."""
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.Name(id=name):
            return known.get(name, "…")
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, known) for part in parts)
        case ast.FormattedValue(value=inner):
            return _text(inner, known)
        case ast.BinOp(left=left, right=right):
            return _text(left, known) + _text(right, known)
    return "…"


def _calls(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    """Every call below a node, with where it stands."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, scope
        inner = scope
        if isinstance(child, ast.ClassDef):
            inner = Scope(scope.module, child)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner = Scope(scope.module, scope.owner, child)
        yield from _calls(child, inner)


def read_module(path: Path, sources: Path = SOURCES) -> Module:
    """A file of the house."""
    parts = path.relative_to(sources).with_suffix("").parts
    tree = ast.parse(path.read_text())
    module = Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module.imports |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            module.constants[ast.unparse(statement.targets[0])] = statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            module.constants[ast.unparse(statement.target)] = statement.value
        elif isinstance(statement, ast.ClassDef):
            module.classes[statement.name] = statement
    return module


def sources() -> list[Path]:
    """The files whose errors callers of the API can meet."""
    house = SOURCES / "mercato"
    return [p for p in sorted(house.rglob("*.py")) if p.relative_to(house).parts[0] not in NOT_THE_API]


def followed() -> House:
    """The house, with its reasons."""
    house = House(map(read_module, sources()))
    house.follow()
    return house


def page(house: House) -> str:
    """The whole document."""
    rows = [f"| `{r.name}` | {r.kind} | {r.place} | {r.message} |\n" for _, r in sorted(house.found.items())]
    return _HEAD + "".join(rows)


def main() -> int:
    """0 when the page is (now) what the code says."""
    house = followed()
    if house.lost:
        print(
            "these reasons cannot be followed to where they are written:",
            *sorted(house.lost),
            sep="\n  ",
            file=sys.stderr,
        )
        return 1
    text = page(house)
    if "--check" not in sys.argv:
        PAGE.write_text(text)
        return 0
    if not PAGE.exists() or PAGE.read_text() != text:
        print("docs/reasons.md is not what the code raises; run `make reasons`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
