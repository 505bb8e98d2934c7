"""The schema, made executable from its SDL; the SDL is the contract and what `/schema.graphql` shows."""

from __future__ import annotations

from pathlib import Path

from ariadne import ScalarType, make_executable_schema
from graphql import GraphQLSchema

from mercato.services.gateway.graph import accounts
from mercato.services.gateway.graph.administration import ADMINISTRATION
from mercato.services.gateway.graph.fields import FIELDS
from mercato.services.gateway.graph.moderation import MODERATION
from mercato.services.gateway.graph.mutations import mutation
from mercato.services.gateway.graph.queries import query
from mercato.services.gateway.graph.scalars import SCALARS
from mercato.services.gateway.graph.subscriptions import subscription
from mercato.services.gateway.http.multipart import parse_upload

SDL = (Path(__file__).parent.parent / "schema.graphql").read_text()


def build_schema() -> GraphQLSchema:
    """Names in Python are the schema's in snake_case; everything else is bound by name."""
    upload = ScalarType("Upload", value_parser=parse_upload)
    return make_executable_schema(
        SDL,
        *SCALARS,
        upload,
        query,
        mutation,
        accounts.query,
        accounts.mutation,
        subscription,
        *FIELDS,
        *ADMINISTRATION,
        *MODERATION,
        convert_names_case=True,
    )
