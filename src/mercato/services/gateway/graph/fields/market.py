"""Fields of chains, collections, tokens and intents: their relations, one batched load for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from ariadne import SchemaBindable

from mercato.kit.ids import Address
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.types import (
    Info,
    activity,
    asset,
    balance,
    collection,
    collection_import,
    collection_upserted,
    intent,
    metadata_document,
    token,
    token_enriched,
    token_transferred,
    token_upserted,
    transfer,
)
from mercato.services.gateway.model.chains import Chain, CollectionImport
from mercato.services.gateway.model.events import (
    CollectionUpserted,
    TokenEnriched,
    TokenTransferred,
    TokenUpserted,
)
from mercato.services.gateway.model.files import Asset, MetadataDocument
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, Page, TokenKey
from mercato.services.gateway.model.market import Activity, Balance, Collection, Token, Transfer
from mercato.services.gateway.model.media_paths import find_url
from mercato.services.gateway.rpc.catalog import Place

_MOST_INTENT_TOKENS = 100


@collection.field("chain")
async def collection_chain(obj: Collection, info: Info) -> Chain | None:
    return await context_of(info).loaders.find_chain(obj.key.chain_id)


@collection.field("tokens")
async def collection_tokens(
    obj: Collection,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    owner: Address | None = None,
    traits: Sequence[Mapping[str, Any]] | None = None,
) -> Page[Token]:
    query, place = inputs.page(first, after), Place(*obj.key)
    wanted = inputs.traits(traits, place)
    return await context_of(info).backends.catalog.list_tokens(place, owner, wanted, query)


@collection.field("activities")
async def collection_activities(
    obj: Collection, info: Info, first: int | None = None, after: str | None = None
) -> Page[Activity]:
    query = inputs.page(first, after)
    return await context_of(info).backends.catalog.list_activities(Place(*obj.key), None, (), query)


@token.field("holders")
async def token_holders(obj: Token, info: Info, first: int | None = None, after: str | None = None) -> Page[Balance]:
    query = inputs.page(first, after)
    return await context_of(info).backends.catalog.list_balances(Place(*obj.key), (), query)


@token.field("transfers")
async def token_transfers(obj: Token, info: Info, first: int | None = None, after: str | None = None) -> Page[Transfer]:
    query = inputs.page(first, after)
    return await context_of(info).backends.catalog.list_transfers(Place(*obj.key), None, query)


@token.field("imageUrl")
def token_image_url(obj: Token, _: Info) -> str | None:
    return find_url(obj.image)


@balance.field("token")
@transfer.field("token")
@token_upserted.field("token")
@token_transferred.field("token")
@token_enriched.field("token")
def token_of(
    obj: Balance | Transfer | TokenUpserted | TokenTransferred | TokenEnriched, info: Info
) -> Awaitable[Token | None]:
    return context_of(info).loaders.tokens.find(obj.key)


@token.field("collection")
@activity.field("collection")
@intent.field("collection")
@collection_upserted.field("collection")
@collection_import.field("collection")
def collection_of(
    obj: Token | Activity | Intent | CollectionUpserted | CollectionImport, info: Info
) -> Awaitable[Collection | None]:
    return context_of(info).loaders.collections.find(CollectionKey(obj.chain_id, obj.contract))


@activity.field("token")
async def activity_token(obj: Activity, info: Info) -> Token | None:
    if obj.token_id is None:
        return None
    return await context_of(info).loaders.tokens.find(TokenKey(obj.chain_id, obj.contract, obj.token_id))


@intent.field("tokens")
async def intent_tokens(obj: Intent, info: Info) -> list[Token]:
    loader = context_of(info).loaders.tokens
    ids = obj.token_ids[:_MOST_INTENT_TOKENS]
    found = await asyncio.gather(*(loader.find(TokenKey(obj.chain_id, obj.contract, i)) for i in ids))
    return [t for t in found if t is not None]


@asset.field("url")
def asset_url(obj: Asset, _: Info) -> str:
    return f"/media/{obj.cid}"


@metadata_document.field("url")
def metadata_url(obj: MetadataDocument, _: Info) -> str | None:
    return find_url(obj.uri)


BOUND: list[SchemaBindable] = [
    collection_import,
    collection,
    token,
    balance,
    transfer,
    activity,
    intent,
    asset,
    metadata_document,
    collection_upserted,
    token_upserted,
    token_transferred,
    token_enriched,
]
