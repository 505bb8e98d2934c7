"""The documents that both typed clients are made from are valid, named, and within the limits of every server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from graphql import DocumentNode, OperationDefinitionNode, concat_ast, parse, validate

from mercato.kit.settings import Settings
from mercato.services.gateway.graph.schema import build_schema
from mercato.services.gateway.model import limits
from mercato.services.gateway.model.limits import Limits

FOLDER = Path(__file__).resolve().parents[3] / "clients" / "documents"
SCHEMA = build_schema()
DOCUMENT: DocumentNode = concat_ast([parse(path.read_text()) for path in sorted(FOLDER.glob("*.graphql"))])
OPERATIONS = [node for node in DOCUMENT.definitions if isinstance(node, OperationDefinitionNode)]


def test_the_documents_are_valid_together() -> None:
    assert validate(SCHEMA, DOCUMENT) == []


def test_every_operation_has_a_name_of_its_own() -> None:
    names = Counter(operation.name.value if operation.name else "" for operation in OPERATIONS)
    assert "" not in names
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name.value)
def test_an_operation_is_within_the_limits_at_its_largest_page(operation: OperationDefinitionNode) -> None:
    settings = Settings()
    most = Limits(settings.query_depth, settings.query_cost, settings.query_aliases, settings.page_limit)
    limits.check(SCHEMA, DOCUMENT, operation, {"first": settings.page_limit}, most)
