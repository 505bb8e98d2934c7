"""`mercato documents` writes what a gateway then trusts, and refuses what could not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mercato.cli.documents import register
from mercato.kit.errors import InvalidArgument
from mercato.services.gateway.graph.documents import digest, read_manifest

CHAINS = "query Chains { chains { id } }\n"
FEED = "subscription Feed { feed { __typename } }\n"


def test_documents_of_a_folder_are_added_to_those_known(tmp_path: Path) -> None:
    sources, out = tmp_path / "sources", tmp_path / "documents.json"
    (sources / "deep").mkdir(parents=True)
    (sources / "deep" / "chains.graphql").write_text(CHAINS)
    register([sources], out=out)
    assert read_manifest(out) == {digest(CHAINS): CHAINS}
    single = tmp_path / "feed.graphql"
    single.write_text(FEED)
    register([single], out=out)
    assert read_manifest(out) == {digest(CHAINS): CHAINS, digest(FEED): FEED}


@pytest.mark.parametrize("document", ["query {", "{ nothing }"])
def test_a_document_that_cannot_run_is_refused_with_its_file(tmp_path: Path, document: str) -> None:
    path, out = tmp_path / "wrong.graphql", tmp_path / "documents.json"
    path.write_text(document)
    with pytest.raises(InvalidArgument, match=r"DOCUMENT_INVALID: .*wrong\.graphql"):
        register([path], out=out)
    assert not out.exists()
