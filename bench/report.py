"""How a bench speaks: tables for people, then FIGURE and RATIO lines that a script can read."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from bench.cpu import Reading

console = Console(width=120, highlight=False)


@dataclass(frozen=True)
class Figure:
    """A measured value with its unit."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"FIGURE {self.name} {_number(self.value)} {self.unit}"


@dataclass(frozen=True)
class Ratio:
    """A value in relation to another one; above 1 is better than what it is compared with."""

    name: str
    value: float

    def __str__(self) -> str:
        return f"RATIO {self.name} {_number(self.value)}"


@dataclass
class Report:
    """What one bench found."""

    title: str
    lines: list[Figure | Ratio] = field(default_factory=list)
    _headlines: int = 0
    _spent: dict[str, Reading] = field(default_factory=dict)

    def figure(self, name: str, value: float, unit: str) -> None:
        """A value of the first table."""
        self.headline(Figure(name, value, unit))

    def headline(self, line: Figure | Ratio) -> None:
        """A row of the first table."""
        self.lines.insert(self._headlines, line)
        self._headlines += 1

    def latencies(self, name: str, seconds: Sequence[float]) -> None:
        """The median and the 99th percentile in milliseconds."""
        for percent in (50, 99):
            self.figure(f"{name}.p{percent}", percentile(seconds, percent) * 1000, "ms")

    def cpu(self, name: str, spent: Reading, apart: Collection[str] = ()) -> None:
        """CPU seconds by process, of all together but those `apart`, and of what else the machine did."""
        self._spent[name] = spent
        for process, seconds in _by_weight(spent):
            self.lines.append(Figure(f"{name}.cpu.{process}", seconds, "s"))
        self.lines.append(Figure(f"{name}.cpu.all", spent.without(*apart).total, "s"))
        self.lines.append(Figure(f"{name}.other_cpu", spent.other, "s"))
        self.lines.append(Figure(f"{name}.steal", spent.steal, "s"))

    def show(self) -> None:
        """Prints everything."""
        self.show_tables()
        self.show_lines()

    def show_tables(self) -> None:
        """What people read."""
        console.print(_table(self.title, ("what", "value", "unit"), map(_row, self.lines[: self._headlines])))
        if self._spent:
            console.print(_table("CPU seconds by process", ("process", *self._spent), self._cpu_rows()))

    def show_lines(self) -> None:
        """What scripts read."""
        for line in self.lines:
            print(line, flush=True)

    def _cpu_rows(self) -> Iterable[tuple[str, ...]]:
        readings = list(self._spent.values())
        for process, _ in _by_weight(readings[0]):
            yield (process, *(f"{r.by_name[process]:.2f}" if process in r.by_name else "" for r in readings))
        yield ("all other programs of the machine", *(f"{r.other:.2f}" for r in readings))
        yield ("seconds on the clock", *(f"{r.at:.1f}" for r in readings))


def _by_weight(spent: Reading) -> list[tuple[str, float]]:
    return sorted(spent.by_name.items(), key=lambda item: -item[1])


def _row(line: Figure | Ratio) -> tuple[str, ...]:
    return line.name, _number(line.value), line.unit if isinstance(line, Figure) else "ratio"


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def _number(value: float) -> str:
    """Three digits that count, and all of a large number."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{2 - math.floor(math.log10(abs(value)))}f}"
