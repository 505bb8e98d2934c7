"""Fields of the schema's types that are more than an attribute: ids, relations, connections.

Resolvers are plain functions of (object, info, arguments) that use `info.context` and nothing else of `info`, so that
any executor can call them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ariadne import InterfaceType, ObjectType, UnionType
from graphql import GraphQLResolveInfo

from mercato.kit.errors import NotFound
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import Context, context_of
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.chains import Chain, IndexerStatus, ReadPoint
from mercato.services.gateway.model.events import (
    CollectionUpserted,
    TokenEnriched,
    TokenTransferred,
    TokenUpserted,
    UserLoggedIn,
)
from mercato.services.gateway.model.files import Asset, MetadataDocument
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import CollectionKey, Page, TokenKey
from mercato.services.gateway.model.market import Activity, Balance, Collection, Token, Transfer
from mercato.services.gateway.model.media_paths import find_url
from mercato.services.gateway.model.people import Principal, Profile, Session, SignIn, User, Wallet
from mercato.services.gateway.rpc.catalog import Place

Info = GraphQLResolveInfo[Context]

_MOST_INTENT_TOKENS = 100

page_info = ObjectType("PageInfo")
viewer = ObjectType("Viewer")
user = ObjectType("User")
profile = ObjectType("Profile")
wallet = ObjectType("Wallet")
session = ObjectType("Session")
chain = ObjectType("Chain")
chain_sync = ObjectType("ChainSync")
collection = ObjectType("Collection")
token = ObjectType("Token")
balance = ObjectType("Balance")
transfer = ObjectType("Transfer")
activity = ObjectType("Activity")
intent = ObjectType("Intent")
asset = ObjectType("Asset")
metadata_document = ObjectType("MetadataDocument")
sign_in_payload = ObjectType("SignInPayload")
user_logged_in = ObjectType("UserLoggedIn")
collection_upserted = ObjectType("CollectionUpserted")
token_upserted = ObjectType("TokenUpserted")
token_transferred = ObjectType("TokenTransferred")
token_enriched = ObjectType("TokenEnriched")


# --- ids ------------------------------------------------------------------------------------------


@chain.field("id")
def chain_node_id(obj: Chain, _: Info) -> str:
    return node_ids.chain(obj.chain_id)


@collection.field("id")
def collection_node_id(obj: Collection, _: Info) -> str:
    return node_ids.collection(obj.key)


@token.field("id")
def token_node_id(obj: Token, _: Info) -> str:
    return node_ids.token(obj.key)


@user.field("id")
def user_node_id(obj: User, _: Info) -> str:
    return node_ids.user(obj.user_id)


@intent.field("id")
def intent_node_id(obj: Intent, _: Info) -> str:
    return node_ids.intent(obj.intent_id)


@wallet.field("id")
def wallet_id(obj: Wallet, _: Info) -> str:
    return node_ids.local("Wallet", obj.wallet_id)


@session.field("id")
def session_id(obj: Session, _: Info) -> str:
    return node_ids.local("Session", obj.session_id)


@balance.field("id")
def balance_id(obj: Balance, _: Info) -> str:
    return node_ids.local("Balance", obj.balance_id)


@transfer.field("id")
def transfer_id(obj: Transfer, _: Info) -> str:
    return node_ids.local("Transfer", obj.transfer_id)


@activity.field("id")
def activity_id(obj: Activity, _: Info) -> str:
    return node_ids.local("Activity", obj.activity_id)


@user_logged_in.field("sessionId")
def logged_in_session_id(obj: UserLoggedIn, _: Info) -> str:
    return node_ids.local("Session", obj.session_id)


# --- the signed-in user ---------------------------------------------------------------------------


@viewer.field("user")
async def viewer_user(obj: Principal, info: Info) -> User:
    found = await context_of(info).loaders.users.find(obj.user_id)
    if found is None:
        raise NotFound("USER_NOT_FOUND", "the user of this session is gone; sign in again")
    return found


@viewer.field("wallets")
async def viewer_wallets(obj: Principal, info: Info) -> list[Wallet]:
    return await context_of(info).loaders.wallets.find(obj.user_id) or []


@viewer.field("sessions")
async def viewer_sessions(obj: Principal, info: Info) -> list[Session]:
    return await context_of(info).backends.auth.list_sessions(obj.user_id, obj.session_id)


@viewer.field("holdings")
async def viewer_holdings(
    obj: Principal,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    chain_id: ChainId | None = None,
    contract: Address | None = None,
) -> Page[Balance]:
    query = inputs.page(first, after)
    place = inputs.place({"chain_id": chain_id, "contract": contract})
    context = context_of(info)
    owners = sorted({w.address for w in await context.loaders.wallets.find(obj.user_id) or []})
    if not owners:
        return Page([], [], False, None, after)
    return await context.backends.catalog.list_balances(place, owners, query)


@viewer.field("intents")
async def viewer_intents(
    obj: Principal, info: Info, first: int | None = None, after: str | None = None
) -> Page[Intent]:
    return await context_of(info).backends.orchestrator.list_intents(obj.user_id, inputs.page(first, after))


@sign_in_payload.field("user")
async def signed_in_user(obj: SignIn, info: Info) -> User:
    found = await context_of(info).loaders.users.find(obj.user_id)
    if found is None:
        raise NotFound("USER_NOT_FOUND", "the user of this session is gone; sign in again")
    return found


@user_logged_in.field("user")
async def logged_in_user(obj: UserLoggedIn, info: Info) -> User | None:
    return await context_of(info).loaders.users.find(obj.user_id)


@profile.field("avatarUrl")
def avatar_url(obj: Profile, _: Info) -> str | None:
    return find_url(obj.avatar_uri)


# --- the market -----------------------------------------------------------------------------------


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
async def token_of(
    obj: Balance | Transfer | TokenUpserted | TokenTransferred | TokenEnriched, info: Info
) -> Token | None:
    return await context_of(info).loaders.tokens.find(obj.key)


@token.field("collection")
@activity.field("collection")
@intent.field("collection")
@collection_upserted.field("collection")
async def collection_of(obj: Token | Activity | Intent | CollectionUpserted, info: Info) -> Collection | None:
    return await context_of(info).loaders.collections.find(CollectionKey(obj.chain_id, obj.contract))


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


@chain_sync.field("readPoint")
async def sync_read_point(obj: Chain, info: Info) -> ReadPoint | None:
    points = await context_of(info).loaders.read_points()
    return next((p for p in points if p.chain_id == obj.chain_id), None)


@chain_sync.field("indexer")
async def sync_indexer(obj: Chain, info: Info) -> IndexerStatus | None:
    return await context_of(info).loaders.find_indexer(obj.chain_id)


@asset.field("url")
def asset_url(obj: Asset, _: Info) -> str:
    return f"/media/{obj.cid}"


@metadata_document.field("url")
def metadata_url(obj: MetadataDocument, _: Info) -> str | None:
    return find_url(obj.uri)


# --- connections ----------------------------------------------------------------------------------


def page_edges(obj: Page[Any], _: Info) -> list[dict[str, Any]]:
    return [{"node": node, "cursor": cursor} for node, cursor in zip(obj.items, obj.cursors, strict=True)]


def page_nodes(obj: Page[Any], _: Info) -> list[Any]:
    return obj.items


def page_itself(obj: Page[Any], _: Info) -> Page[Any]:
    return obj


@page_info.field("hasPreviousPage")
def has_previous_page(obj: Page[Any], _: Info) -> bool:
    return obj.after is not None


@page_info.field("startCursor")
def start_cursor(obj: Page[Any], _: Info) -> str | None:
    return obj.cursors[0] if obj.cursors else None


def _connection(name: str) -> ObjectType:
    kind = ObjectType(name)
    kind.set_field("edges", page_edges)
    kind.set_field("nodes", page_nodes)
    kind.set_field("pageInfo", page_itself)
    return kind


# --- names that Python reserves, and abstract types -----------------------------------------------

for movement in (transfer, activity, token_transferred):
    movement.set_alias("from", "from_account")
    movement.set_alias("to", "to_account")


def type_name(obj: object, *_: object) -> str:
    """Entities and events are called like their types in the schema."""
    return type(obj).__name__


FIELDS = [
    page_info, viewer, user, profile, wallet, session, chain, chain_sync, collection, token, balance, transfer,
    activity, intent, asset, metadata_document, sign_in_payload, user_logged_in, collection_upserted, token_upserted,
    token_transferred, token_enriched,
    *(
        _connection(f"{name}Connection")
        for name in ("Collection", "Token", "Balance", "Transfer", "Activity", "Intent")
    ),
    InterfaceType("Node", type_name), InterfaceType("Event", type_name),
    UnionType("MyEvent", type_name), UnionType("MarketEvent", type_name),
]  # fmt: skip
