"""`mercato documents`: make the file of trusted documents (MERCATO_TRUSTED_DOCUMENTS) from a client's sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import App, Parameter
from graphql import GraphQLError, parse, validate
from rich.console import Console

from mercato.kit.errors import InvalidArgument

app = App(name="documents", help="Register the only GraphQL documents that a gateway runs.")

_out = Console(highlight=False)


@app.default
def register(
    sources: Annotated[list[Path], Parameter(help="Files, or folders of *.graphql; each file is one document.")],
    *,
    out: Annotated[Path, Parameter(help="Where the documents are written, by their SHA-256.")],
) -> None:
    """Check documents and add them to the file that MERCATO_TRUSTED_DOCUMENTS is to name."""
    from mercato.services.gateway.graph.documents import digest, read_manifest
    from mercato.services.gateway.graph.schema import build_schema

    schema = build_schema()
    known = read_manifest(out) if out.exists() else {}
    found = dict(known)
    for path in _files(sources):
        document = path.read_text()
        try:
            errors = validate(schema, parse(document))
        except GraphQLError as error:
            errors = [error]
        if errors:
            raise InvalidArgument("DOCUMENT_INVALID", f"{path}: {errors[0].message}")
        found[digest(document)] = document
    out.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    _out.print(f"{len(found)} documents in {out}, {len(found) - len(known)} of them new", markup=False, soft_wrap=True)


def _files(sources: list[Path]) -> list[Path]:
    files: list[Path] = []
    for source in sources:
        files += sorted(source.rglob("*.graphql")) if source.is_dir() else [source]
    return files
