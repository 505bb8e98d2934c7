"""Compares the GraphQL schema with the published one, docs/api/schema.graphql.

python scripts/schema.py                     says what changed, and fails when a change breaks clients
python scripts/schema.py --publish           publishes it, unless a change breaks clients
python scripts/schema.py --publish-breaking  publishes it in any case: clients must follow
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "mercato" / "services" / "gateway" / "schema.graphql"
PUBLISHED = ROOT / "docs" / "api" / "schema.graphql"


def compare(published: GraphQLSchema, present: GraphQLSchema) -> tuple[list[str], list[str]]:
    """(changes that break queries that worked, changes that may surprise the clients that make them)."""
    breaking = [f"{c.type.name}: {c.description}" for c in find_breaking_changes(published, present)]
    dangerous = [f"{c.type.name}: {c.description}" for c in find_dangerous_changes(published, present)]
    return sorted(breaking), sorted(dangerous)


def main(arguments: list[str], source: Path = SOURCE, published: Path = PUBLISHED) -> int:
    """The exit code: 1 for a change that breaks clients and was not meant to."""
    if arguments not in ([], ["--publish"], ["--publish-breaking"]):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    present = source.read_text()
    breaking, dangerous = compare(build_schema(published.read_text()), build_schema(present))
    for change in dangerous:
        print(f"dangerous  {change}")
    for change in breaking:
        print(f"BREAKING   {change}")
    if breaking and arguments != ["--publish-breaking"]:
        print("\nDeprecate instead; or, if clients are to follow: python scripts/schema.py --publish-breaking")
        return 1
    if arguments:
        published.write_text(present)
        print(f"published as {published.name}")
    elif published.read_text() != present:
        print("no breaking change; `make schema` publishes the others")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
