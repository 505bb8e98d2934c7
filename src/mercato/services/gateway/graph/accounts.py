"""Root fields about users, their wallets, and what these approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ariadne import MutationType, QueryType

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.keys import Page
from mercato.services.gateway.model.people import Approval, ApprovalChange, Nonce, ProfileLink, User

query = QueryType()
mutation = MutationType()

Input = Mapping[str, Any]
Payload = dict[str, Any]

_TEXTS = {"handle": 100, "display_name": 200, "bio": 4000, "avatar_uri": 2000}


@query.field("user")
async def user(_: object, info: Info, *, handle: str | None = None, address: Address | None = None) -> User | None:
    context = context_of(info)
    if handle is not None and address is None:
        return await context.backends.users.find_by_handle(inputs.text(handle, "handle", 100))
    if address is not None and handle is None:
        owner = await context.backends.wallets.find_owner(address)
        return None if owner is None else await context.loaders.users.find(owner)
    raise InvalidArgument("ARGUMENTS_AMBIGUOUS", "give either handle or address", field="handle")


@query.field("approvals")
async def approvals(
    _: object,
    info: Info,
    *,
    owner: Address,
    first: int | None = None,
    after: str | None = None,
    filter: Input | None = None,
) -> Page[Approval]:
    wanted, page = inputs.approvals([owner], filter), inputs.page(first, after)
    return await context_of(info).backends.wallets.list_approvals(wanted, page)


@query.field("approvalHistory")
async def approval_history(
    _: object,
    info: Info,
    *,
    owner: Address,
    first: int | None = None,
    after: str | None = None,
    filter: Input | None = None,
) -> Page[ApprovalChange]:
    wanted, page = inputs.approvals([owner], filter), inputs.page(first, after)
    return await context_of(info).backends.wallets.list_approval_history(wanted, page)


@mutation.field("updateProfile")
async def update_profile(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    given = {name: inputs.text(input[name], name, most) for name, most in _TEXTS.items() if input.get(name) is not None}
    links = None if input.get("links") is None else inputs.items(input["links"], "links", 100)
    wanted = None if links is None else [ProfileLink(link["label"], link["url"]) for link in links]
    return {"user": await context.backends.users.update_profile(user_id, given, wanted)}


@mutation.field("requestWalletLink")
async def request_wallet_link(_: object, info: Info, *, input: Input) -> Nonce:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    domain = inputs.text(input.get("domain") or "", "domain", 253)
    return await context.backends.auth.issue_nonce(
        input["address"], input["chain_id"], domain, context.client, link_user=user_id
    )


@mutation.field("linkWallet")
async def link_wallet(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    proven = await context.backends.auth.verify_link(user_id, input["message"], input["signature"], context.client)
    wallet, created = await context.backends.wallets.link(user_id, proven)
    return {"wallet": wallet, "created": created}


@mutation.field("setPrimaryWallet")
async def set_primary_wallet(_: object, info: Info, *, id: str) -> Payload:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    return {"wallet": await context.backends.wallets.set_primary(user_id, node_ids.parse_wallet(id))}


@mutation.field("unlinkWallet")
async def unlink_wallet(_: object, info: Info, *, id: str) -> Payload:
    context = context_of(info)
    principal = await context.principal()
    user_id, wallet_id = principal.user_id, node_ids.parse_wallet(id)
    address, chain_id = await context.backends.wallets.unlink(user_id, wallet_id)
    # wallet.unlinked does this too, should this process end here; asked for, it is done when the answer says so.
    ended = await context.backends.auth.revoke_wallet_sessions(user_id, wallet_id, address, chain_id)
    context.ended(ended)
    if principal.session_id in ended:
        context.cookies.drop()
    left = await context.backends.wallets.batch_wallets([user_id])
    return {"wallets": left.get(user_id, []), "revoked_sessions": len(ended)}
