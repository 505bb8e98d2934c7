"""The schema's types that have computed fields; the other modules here bind them."""

from __future__ import annotations

from ariadne import ObjectType
from graphql import GraphQLResolveInfo

from mercato.services.gateway.graph.context import Context

Info = GraphQLResolveInfo[Context]

page_info = ObjectType("PageInfo")
viewer = ObjectType("Viewer")
user = ObjectType("User")
profile = ObjectType("Profile")
wallet = ObjectType("Wallet")
session = ObjectType("Session")
sign_in_record = ObjectType("SignInRecord")
approval = ObjectType("Approval")
approval_change = ObjectType("ApprovalChange")
chain = ObjectType("Chain")
collection_import = ObjectType("CollectionImport")
chain_sync = ObjectType("ChainSync")
chain_lag = ObjectType("ChainLag")
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
