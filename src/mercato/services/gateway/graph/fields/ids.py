"""Global ids of what the API shows."""

from __future__ import annotations

from ariadne import SchemaBindable

from mercato.services.gateway.graph.fields.types import (
    Info,
    activity,
    approval,
    approval_change,
    balance,
    chain,
    collection,
    intent,
    session,
    sign_in_record,
    token,
    transfer,
    user,
    user_logged_in,
    wallet,
)
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.chains import Chain
from mercato.services.gateway.model.events import (
    UserLoggedIn,
)
from mercato.services.gateway.model.intents import Intent
from mercato.services.gateway.model.market import Activity, Balance, Collection, Token, Transfer
from mercato.services.gateway.model.people import Approval, ApprovalChange, Session, SignInRecord, User, Wallet


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


@approval.field("id")
@approval_change.field("id")
def approval_id(obj: Approval | ApprovalChange, _: Info) -> str:
    """A word of the chain has one place in it."""
    at = obj.position
    return node_ids.local("Approval", f"{obj.chain_id.caip2}/{at.block_hash.hex()}/{at.log_index}")


@session.field("id")
def session_id(obj: Session, _: Info) -> str:
    return node_ids.local("Session", obj.session_id)


@sign_in_record.field("id")
def sign_in_record_id(obj: SignInRecord, _: Info) -> str:
    return node_ids.local("SignInRecord", obj.record_id)


@sign_in_record.field("sessionId")
def sign_in_session_id(obj: SignInRecord, _: Info) -> str | None:
    return None if obj.session is None else node_ids.local("Session", obj.session)


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


BOUND: list[SchemaBindable] = [
    user,
    wallet,
    approval,
    approval_change,
    session,
    sign_in_record,
    chain,
    collection,
    token,
    balance,
    transfer,
    activity,
    intent,
    user_logged_in,
]
