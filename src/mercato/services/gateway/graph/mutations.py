"""Root fields that do something."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
import orjson
from ariadne import MutationType

from mercato.kit.errors import InvalidArgument, PermissionDenied, Unauthenticated
from mercato.kit.ids import Address
from mercato.services.gateway.graph import inputs
from mercato.services.gateway.graph.context import Context, context_of
from mercato.services.gateway.graph.fields.types import Info
from mercato.services.gateway.model import node_ids
from mercato.services.gateway.model.files import MetadataFolder
from mercato.services.gateway.model.intents import Prepared
from mercato.services.gateway.model.market import MintConfig
from mercato.services.gateway.model.people import Nonce, Principal, SignIn
from mercato.services.gateway.rpc.orchestrator import Caller, CollectionTerms, MintTerms

mutation = MutationType()

Input = Mapping[str, Any]
Payload = dict[str, Any]

_CHUNK = 256 * 1024
_LAST_TOKEN_ID = 2**63 - 1


class UploadedFile(Protocol):
    """A file of a multipart request."""

    filename: str | None
    content_type: str | None

    async def read(self, size: int = -1) -> bytes: ...


# --- identity -------------------------------------------------------------------------------------


@mutation.field("requestNonce")
async def request_nonce(_: object, info: Info, *, input: Input) -> Nonce:
    context = context_of(info)
    domain = inputs.text(input.get("domain") or "", "domain", 253)
    return await context.backends.auth.issue_nonce(input["address"], input["chain_id"], domain, context.client)


@mutation.field("signIn")
async def sign_in(_: object, info: Info, *, input: Input) -> SignIn:
    context = context_of(info)
    message, signature = input["message"], input["signature"]
    if input["transport"] == "BODY":
        return await context.backends.auth.sign_in(message, signature, context.client)
    # Before the nonce is used up; a page that is not ours must not sign its visitors in to an account of its choice.
    context.cookies.check_origin()
    opened = await context.backends.auth.sign_in(message, signature, context.client)
    return msgspec.structs.replace(opened, tokens=context.cookies.keep(opened.tokens))


@mutation.field("refreshSession")
async def refresh_session(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    given = input.get("refresh_token")
    if given is not None:
        refresh_token = inputs.text(given, "refreshToken", 1024, 1)
        return {"tokens": await context.backends.auth.refresh(refresh_token, context.client)}
    cookies = context.cookies
    refresh_token = cookies.refresh_token()
    try:
        return {"tokens": cookies.keep(await context.backends.auth.refresh(refresh_token, context.client))}
    except Unauthenticated:
        cookies.drop()
        raise


@mutation.field("signOut")
async def sign_out(_: object, info: Info, *, all: bool) -> Payload:
    context = context_of(info)
    try:
        principal = await _leaving(context)
    except Unauthenticated:
        # Whatever became of the session, nobody keeps a cookie they wanted to be rid of.
        context.cookies.drop()
        raise
    auth, user_id = context.backends.auth, principal.user_id
    ended = await (auth.revoke_all_sessions(user_id) if all else auth.revoke_session(user_id, principal.session_id))
    context.ended(ended)
    context.cookies.drop()
    return {"revoked": len(ended)}


async def _leaving(context: Context) -> Principal:
    """Who signs out: told by the access token or, when that one has gone first, by the refresh token's cookie."""
    try:
        return await context.principal()
    except Unauthenticated:
        refresh_token = context.cookies.find_refresh_token()
        if refresh_token is None:
            raise
        auth = context.backends.auth
        return await auth.introspect((await auth.refresh(refresh_token, context.client)).access_token or "")


@mutation.field("revokeSession")
async def revoke_session(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    principal = await context.principal()
    auth, user_id = context.backends.auth, principal.user_id
    context.ended(await auth.revoke_session(user_id, node_ids.parse_session(input["id"])))
    return {"sessions": await auth.list_sessions(user_id, principal.session_id)}


# --- collections ----------------------------------------------------------------------------------


@mutation.field("importCollection")
async def import_collection(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    admin = (await context.admin()).address
    chain_id, contract, from_block = input["chain_id"], input["contract"], input.get("from_block")
    imported = await context.backends.indexer.import_collection(chain_id, contract, from_block, admin)
    return {"collection_import": imported}


# --- media ----------------------------------------------------------------------------------------


@mutation.field("uploadMedia")
async def upload_media(_: object, info: Info, *, file: UploadedFile) -> Payload:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    name, kind = (file.filename or "")[:200], (file.content_type or "")[:200]
    return {"asset": await context.backends.media.upload(user_id, name, kind, _chunks(file))}


async def _chunks(file: UploadedFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


@mutation.field("createMetadata")
async def create_metadata(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    return {"document": await context.backends.media.create_metadata(user_id, _document(input["document"]))}


@mutation.field("createMetadataFolder")
async def create_metadata_folder(_: object, info: Info, *, input: Input) -> MetadataFolder:
    context = context_of(info)
    user_id = (await context.principal()).user_id
    documents = [_document(d) for d in inputs.items(input["documents"], "documents", 1000, 1)]
    first = inputs.number(input["first_token_id"], "firstTokenId", 0, _LAST_TOKEN_ID)
    return await context.backends.media.create_metadata_folder(user_id, documents, first)


def _document(value: object) -> bytes:
    if not isinstance(value, dict):
        raise InvalidArgument("METADATA_NOT_OBJECT", "a metadata document is a JSON object", field="document")
    wrong = InvalidArgument("INVALID_JSON", "numbers must fit in 64 bits and nesting in 250 levels", field="document")
    # A literal may be a number beyond all floats, which would be written as null.
    if not _is_finite(value):
        raise wrong
    try:
        return orjson.dumps(value)
    except TypeError:
        raise wrong from None


def _is_finite(document: object) -> bool:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, float) and not math.isfinite(one):
            return False
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
    return True


# --- intents --------------------------------------------------------------------------------------


@mutation.field("prepareCreateCollection")
async def prepare_create_collection(_: object, info: Info, *, input: Input, idempotency_key: str) -> Prepared:
    context = context_of(info)
    caller = await _caller(context, input, idempotency_key)
    terms = CollectionTerms(
        chain_id=input["chain_id"],
        standard=input["standard"],
        name=inputs.text(input["name"], "name", 128, 1),
        symbol=inputs.text(input["symbol"], "symbol", 32, 1),
        base_uri=inputs.text(input["base_uri"], "baseUri", 2000),
        contract_uri=inputs.text(input["contract_uri"], "contractUri", 2000),
        royalty_receiver=input.get("royalty_receiver") or caller.wallet,
        royalty_bps=inputs.number(input["royalty_bps"], "royaltyBps", 0, 10_000),
        mint_config=_mint_config(input.get("mint_config") or {}, caller.wallet),
    )
    return await context.backends.orchestrator.prepare_create_collection(caller, terms)


@mutation.field("prepareMint721")
async def prepare_mint721(_: object, info: Info, *, input: Input, idempotency_key: str) -> Prepared:
    context = context_of(info)
    quantity = inputs.number(input["quantity"], "quantity", 1, 1000)
    caller = await _caller(context, input, idempotency_key)
    return await context.backends.orchestrator.prepare_mint721(caller, _mint_terms(input, caller), quantity)


@mutation.field("prepareMint1155")
async def prepare_mint1155(_: object, info: Info, *, input: Input, idempotency_key: str) -> Prepared:
    context = context_of(info)
    amount = _at_least_one(input["amount"], "amount")
    caller = await _caller(context, input, idempotency_key)
    terms = _mint_terms(input, caller)
    return await context.backends.orchestrator.prepare_mint1155(caller, terms, input["token_id"], amount)


@mutation.field("trackCollectionTx")
async def track_collection_tx(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    user_id, intent_id = (await context.principal()).user_id, node_ids.parse_intent(input["intent_id"])
    tracked = await context.backends.orchestrator.track_collection_tx(user_id, intent_id, input["tx_hash"])
    return {"intent": tracked}


@mutation.field("trackMintTx")
async def track_mint_tx(_: object, info: Info, *, input: Input) -> Payload:
    context = context_of(info)
    user_id, intent_id = (await context.principal()).user_id, node_ids.parse_intent(input["intent_id"])
    tracked = await context.backends.orchestrator.track_mint_tx(user_id, intent_id, input["tx_hash"])
    return {"intent": tracked}


async def _caller(context: Context, input: Input, idempotency_key: str) -> Caller:
    principal = await context.principal()
    wallet = await _wallet(context, principal, input.get("wallet"))
    return Caller(principal.user_id, wallet, inputs.text(idempotency_key, "idempotencyKey", 128, 1))


async def _wallet(context: Context, principal: Principal, wanted: Address | None) -> Address:
    """The wallet that will sign. Raises `PermissionDenied` WALLET_NOT_LINKED for one that is not the user's."""
    if wanted is None or wanted == principal.address:
        return principal.address
    linked = await context.loaders.wallets.find(principal.user_id) or []
    if all(w.address != wanted for w in linked):
        raise PermissionDenied("WALLET_NOT_LINKED", f"{wanted.checksum} is not one of your wallets; link it first")
    return wanted


def _mint_terms(input: Input, caller: Caller) -> MintTerms:
    proof: Sequence[bytes] = inputs.items(input.get("allowlist_proof"), "allowlistProof", 64)
    return MintTerms(input["chain_id"], input["contract"], input.get("recipient") or caller.wallet, proof)


def _mint_config(given: Input, wallet: Address) -> MintConfig:
    starts, ends = _time(given, "starts_at", "startsAt"), _time(given, "ends_at", "endsAt")
    if starts is not None and ends is not None and starts >= ends:
        raise inputs.wrong("endsAt", "must be after startsAt")
    return MintConfig(
        price=given.get("price", 0),
        max_supply=_at_least_one(given.get("max_supply"), "maxSupply"),
        per_wallet_limit=_at_least_one(given.get("per_wallet_limit"), "perWalletLimit"),
        starts_at=starts,
        ends_at=ends,
        allowlist_root=given.get("allowlist_root"),
        payee=given.get("payee") or wallet,
    )


def _at_least_one(value: Any, field: str) -> Any:
    """A uint256 that may be absent but not zero. Raises `InvalidArgument` INVALID_{FIELD}."""
    if value == 0:
        raise inputs.wrong(field, "must be at least 1, or not be given")
    return value


def _time(given: Input, key: str, field: str) -> datetime | None:
    when: datetime | None = given.get(key)
    if when is not None and when.timestamp() < 1:
        raise inputs.wrong(field, "must be after 1970")
    return when
