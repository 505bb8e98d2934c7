"""docs/security.md names tests; each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_every_attack_of_the_page_is_tried_by_a_test() -> None:
    page = (_ROOT / "docs" / "security.md").read_text()
    code = "\n".join(path.read_text() for path in (_ROOT / "tests").rglob("test_*.py"))
    named, written = set(re.findall(r"`(test_\w+)`", page)), set(re.findall(r"def (test_\w+)\(", code))
    assert sorted(named - written) == []
    rows = [line for line in page.partition("\n## Attacks")[2].splitlines() if line.startswith("| ")]
    untried = [row for row in rows if "`test_" not in row and not row.startswith("| attack ")]
    assert untried == []
    assert len(named) > 40
