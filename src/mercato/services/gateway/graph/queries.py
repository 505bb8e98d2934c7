"""Root fields that read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ariadne import QueryType

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import Context, context_of
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.chains import Chain, CollectionImport
from mercato.services.gateway.model.files import MetadataDocument
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, Page, TokenKey
from mercato.services.gateway.model.market import Activity, Balance, Collection, Token, Transfer
from mercato.services.gateway.model.people import Principal, User
from mercato.services.gateway.rpc.catalog import CollectionQuery

query = QueryType()

Node = Chain | Collection | Token | User | Intent
Conditions = Mapping[str, Any]


@query.field("node")
async def node(_: object, info: Info, *, id: str) -> Node | None:
    return await _find_node(context_of(info), id)


@query.field("nodes")
async def nodes(_: object, info: Info, *, ids: Sequence[str]) -> list[Node | None]:
    context = context_of(info)
    return await asyncio.gather(*(_find_node(context, i) for i in inputs.items(ids, "ids", 100)))


async def _find_node(context: Context, node_id: str) -> Node | None:
    kind, key = node_ids.parse(node_id)
    if isinstance(key, ChainId):
        return await context.loaders.find_chain(key)
    if isinstance(key, CollectionKey):
        return await context.loaders.collections.find(key)
    if isinstance(key, TokenKey):
        return await context.loaders.tokens.find(key)
    return await (context.loaders.users.find(key) if kind == "User" else _find_own_intent(context, key))


async def _find_own_intent(context: Context, intent_id: UUID) -> Intent | None:
    if context.anonymous:
        return None
    user_id = (await context.principal()).user_id
    return await context.loaders.intents_of(user_id).find(intent_id)


@query.field("viewer")
async def viewer(_: object, info: Info) -> Principal | None:
    context = context_of(info)
    return None if context.anonymous else await context.principal()


@query.field("chains")
async def chains(_: object, info: Info) -> list[Chain]:
    return await context_of(info).loaders.chains()


@query.field("chain")
async def chain(_: object, info: Info, *, chain_id: ChainId) -> Chain | None:
    return await context_of(info).loaders.find_chain(chain_id)


@query.field("collection")
async def collection(_: object, info: Info, *, chain_id: ChainId, contract: Address) -> Collection | None:
    return await context_of(info).loaders.collections.find(CollectionKey(chain_id, contract))


@query.field("collections")
async def collections(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Conditions | None = None
) -> Page[Collection]:
    page, conditions = inputs.page(first, after), CollectionQuery(**(filter or {}))
    inputs.text(conditions.name_contains or "", "nameContains", 100)
    return await context_of(info).backends.catalog.list_collections(conditions, page)


@query.field("token")
async def token(_: object, info: Info, *, chain_id: ChainId, contract: Address, token_id: int) -> Token | None:
    return await context_of(info).loaders.tokens.find(TokenKey(chain_id, contract, token_id))


@query.field("tokens")
async def tokens(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Conditions | None = None
) -> Page[Token]:
    page, conditions = inputs.page(first, after), filter or {}
    place = inputs.place(conditions)
    traits = inputs.traits(conditions.get("traits"), place)
    return await context_of(info).backends.catalog.list_tokens(place, conditions.get("owner"), traits, page)


@query.field("balances")
async def balances(
    _: object, info: Info, *, filter: Conditions, first: int | None = None, after: str | None = None
) -> Page[Balance]:
    page, place = inputs.page(first, after), inputs.place(filter)
    owners = inputs.items(filter.get("owners"), "owners", 100)
    if place.contract is None and not owners:
        raise InvalidArgument("FILTER_INCOMPLETE", "give a contract, or at least one of owners", field="owners")
    return await context_of(info).backends.catalog.list_balances(place, owners, page)


@query.field("transfers")
async def transfers(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Conditions | None = None
) -> Page[Transfer]:
    page, conditions = inputs.page(first, after), filter or {}
    place, account = inputs.place(conditions), conditions.get("account")
    return await context_of(info).backends.catalog.list_transfers(place, account, page)


@query.field("activities")
async def activities(
    _: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Conditions | None = None
) -> Page[Activity]:
    page, conditions = inputs.page(first, after), filter or {}
    place, account = inputs.place(conditions), conditions.get("account")
    kinds = inputs.items(conditions.get("kinds"), "kinds", 10)
    return await context_of(info).backends.catalog.list_activities(place, account, kinds, page)


@query.field("intent")
async def intent(_: object, info: Info, *, id: str) -> Intent:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    return await context.backends.orchestrator.get_intent(user_id, node_ids.parse_intent(id))


@query.field("metadata")
async def metadata(_: object, info: Info, *, uri: str) -> MetadataDocument | None:
    return await context_of(info).backends.media.find_metadata(inputs.text(uri, "uri", 10_000, 1))


@query.field("collectionImports")
async def collection_imports(
    _: object,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    chain_id: ChainId | None = None,
    contract: Address | None = None,
) -> Page[CollectionImport]:
    page = inputs.page(first, after)
    return await context_of(info).backends.indexer.list_imports(chain_id, contract, page)


@query.field("syncStatus")
async def sync_status(_: object, info: Info) -> list[Chain]:
    return await context_of(info).loaders.chains()
