"""The story speaks the public API's own language: every document is valid against the gateway's schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

import mercato
from mercato.story import documents

_SCHEMA = Path(mercato.__file__).parent / "services" / "gateway" / "schema.graphql"
_FRAGMENTS = {"INTENT_FIELDS"}
"""Not sent alone."""

OPERATIONS = {name: text for name, text in vars(documents).items() if name.isupper() and name not in _FRAGMENTS}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(_SCHEMA.read_text())


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_document_is_valid_against_the_public_schema(schema: GraphQLSchema, name: str) -> None:
    assert [error.message for error in validate(schema, parse(OPERATIONS[name]))] == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_document_is_one_operation(name: str) -> None:
    operations = [d for d in parse(OPERATIONS[name]).definitions if isinstance(d, OperationDefinitionNode)]
    assert len(operations) == 1


def test_validation_would_notice_a_field_that_is_not_there(schema: GraphQLSchema) -> None:
    wrong = documents.TOKEN.replace("metadataState", "metadataStatus")
    assert len(validate(schema, parse(wrong))) == 1
