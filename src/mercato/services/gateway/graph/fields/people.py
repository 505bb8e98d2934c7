"""Fields of the signed-in user and of users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ariadne import SchemaBindable

from mercato.kit.errors import NotFound
from mercato.kit.ids import Address, ChainId
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import context_of
from mercato.services.gateway.graph.fields.types import Info, profile, sign_in_payload, user, user_logged_in, viewer
from mercato.services.gateway.model.events import (
    UserLoggedIn,
)
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.keys import Page
from mercato.services.gateway.model.market import Balance
from mercato.services.gateway.model.media_paths import find_url
from mercato.services.gateway.model.people import (
    Approval,
    ApprovalChange,
    Principal,
    Profile,
    Session,
    SignIn,
    SignInRecord,
    User,
    Wallet,
)


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
    return await context_of(info).loaders.sessions.find(obj) or []


@viewer.field("lastSignInAt")
async def viewer_last_sign_in_at(obj: Principal, info: Info) -> datetime | None:
    found = await context_of(info).loaders.users.find(obj.user_id)
    return None if found is None else found.last_login_at


@viewer.field("signIns")
async def viewer_sign_ins(
    obj: Principal, info: Info, first: int | None = None, after: str | None = None
) -> Page[SignInRecord]:
    page = inputs.page(first, after)
    wallets = await context_of(info).loaders.wallets.find(obj.user_id) or []
    return await context_of(info).backends.auth.list_sign_ins(obj.user_id, wallets, page)


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
    owners = await _wallets_of(obj, info)
    if not owners:
        return Page([], [], False, None, after)
    return await context.backends.catalog.list_balances(place, owners, query)


@viewer.field("approvals")
async def viewer_approvals(
    obj: Principal,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    filter: Mapping[str, Any] | None = None,
) -> Page[Approval]:
    page = inputs.page(first, after)
    owners = await _wallets_of(obj, info)
    if not owners:
        return Page([], [], False, None, after)
    return await context_of(info).backends.wallets.list_approvals(inputs.approvals(owners, filter), page)


@viewer.field("approvalHistory")
async def viewer_approval_history(
    obj: Principal,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    filter: Mapping[str, Any] | None = None,
) -> Page[ApprovalChange]:
    page = inputs.page(first, after)
    owners = await _wallets_of(obj, info)
    if not owners:
        return Page([], [], False, None, after)
    return await context_of(info).backends.wallets.list_approval_history(inputs.approvals(owners, filter), page)


async def _wallets_of(obj: Principal, info: Info) -> list[Address]:
    return sorted({w.address for w in await context_of(info).loaders.wallets.find(obj.user_id) or []})


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


@user.field("primaryAddress")
async def primary_address(obj: User, info: Info) -> Address | None:
    wallets = await context_of(info).loaders.wallets.find(obj.user_id) or []
    return next((w.address for w in wallets if w.primary), None)


@profile.field("avatarUrl")
def avatar_url(obj: Profile, _: Info) -> str | None:
    return find_url(obj.avatar_uri)


BOUND: list[SchemaBindable] = [viewer, user, profile, sign_in_payload, user_logged_in]
