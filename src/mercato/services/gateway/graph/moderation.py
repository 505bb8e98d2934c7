"""Flags of tokens: admins put them up, take them off, and see who did so before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ariadne import MutationType, ObjectType, QueryType, SchemaBindable

from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.connections import page_edges, page_itself, page_nodes
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.keys import Page, TokenKey
from mercato.services.gateway.model.market import Moderation
from mercato.services.gateway.model.people import User

query = QueryType()
mutation = MutationType()
moderation = ObjectType("Moderation")
moderation_connection = ObjectType("ModerationConnection")
moderation_connection.set_field("edges", page_edges)
moderation_connection.set_field("nodes", page_nodes)
moderation_connection.set_field("pageInfo", page_itself)

Input = Mapping[str, Any]
Payload = dict[str, Any]

_LONGEST_REASON = 500


@query.field("tokenModeration")
async def token_moderation(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, **token: Any
) -> Page[Moderation]:
    context, page = context_of(info), inputs.page(first, after)
    await context.admin()
    return await context.backends.catalog.list_moderation(_key(token), page)


@mutation.field("flagToken")
async def flag_token(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    admin = await context.admin()
    flag, reason = _flag(input), inputs.text(input["reason"], "reason", _LONGEST_REASON, 1)
    await context.backends.catalog.flag_token(_key(input), flag, reason, str(admin.user_id))
    return {"token": await context.loaders.tokens.find(_key(input))}


@mutation.field("unflagToken")
async def unflag_token(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    admin = await context.admin()
    flag, reason = _flag(input), inputs.text(input.get("reason") or "", "reason", _LONGEST_REASON)
    await context.backends.catalog.unflag_token(_key(input), flag, reason, str(admin.user_id))
    return {"token": await context.loaders.tokens.find(_key(input))}


@moderation.field("id")
def moderation_id(obj: Moderation, _: Info) -> str:
    return node_ids.local("Moderation", obj.moderation_id)


@moderation.field("admin")
async def moderation_admin(obj: Moderation, info: Info) -> User | None:
    try:
        user_id = UUID(obj.done_by)
    except ValueError:
        return None
    return await context_of(info).loaders.users.find(user_id)


def _key(token: Input) -> TokenKey:
    return TokenKey(token["chain_id"], token["contract"], token["token_id"])


def _flag(given: Input) -> str:
    return inputs.text(given["flag"], "flag", 40, 2)


MODERATION: list[SchemaBindable] = [query, mutation, moderation, moderation_connection]
"""Bound beside the other root fields."""
