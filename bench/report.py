"""How a bench speaks: tables for people, then FIGURE and RATIO lines that a script can read."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
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

    def figure(self, name: str, value: float, unit: str) -> None:
        self.lines.append(Figure(name, value, unit))

    def latencies(self, name: str, seconds: Sequence[float]) -> None:
        """The median and the 99th percentile in milliseconds."""
        for percent in (50, 99):
            self.figure(f"{name}.p{percent}", percentile(seconds, percent) * 1000, "ms")

    def cpu(self, name: str, spent: Reading, apart: Collection[str] = ()) -> None:
        """CPU seconds by process, of all together but those `apart`, and of what else the machine did."""
        for process, seconds in sorted(spent.by_name.items(), key=lambda item: -item[1]):
            self.figure(f"{name}.cpu.{process}", seconds, "s")
        self.figure(f"{name}.cpu.all", spent.without(*apart).total, "s")
        self.figure(f"{name}.other_cpu", spent.other, "s")
        self.figure(f"{name}.steal", spent.steal, "s")

    def show(self) -> None:
        """Prints the table and then the lines."""
        table = Table(title=self.title, title_justify="left", title_style="bold")
        table.add_column("what")
        table.add_column("value", justify="right")
        table.add_column("unit")
        for line in self.lines:
            unit = line.unit if isinstance(line, Figure) else "ratio"
            table.add_row(line.name, _number(line.value), unit)
        console.print(table)
        for line in self.lines:
            print(line, flush=True)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def _number(value: float) -> str:
    """Three digits that count, and all of a large number."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{2 - math.floor(math.log10(abs(value)))}f}"
