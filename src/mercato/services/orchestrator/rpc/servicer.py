"""The gRPC face of the orchestrator: parse, call the use case, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from mercato.intents import wire
from mercato.intents.model import Intent
from mercato.intents.store import IntentStore
from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, ChainId, IntentId, TokenId, UserId, Wei, parse_id, parse_uint256
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import OrchestratorServiceServicer
from mercato.services.orchestrator.model import Caller, Mint, NewCollection, SaleTerms, Standard
from mercato.services.orchestrator.usecases import COLLECTION_KINDS, MINT_KINDS, Prepare, Track

_LONGEST_BATCH = 100

_STANDARDS = {
    common_pb2.STANDARD_ERC721: Standard.ERC721,
    common_pb2.STANDARD_ERC1155: Standard.ERC1155,
}


class OrchestratorRpc(OrchestratorServiceServicer):
    """`orchestrator.v1.OrchestratorService`."""

    def __init__(self, prepare: Prepare, track: Track, store: IntentStore) -> None:
        self._prepare = prepare
        self._track = track
        self._store = store

    async def PrepareCreateCollection(
        self, request: pb.PrepareCreateCollectionRequest, context: Any
    ) -> pb.PrepareResponse:
        """The transaction that creates a collection, and where that will stand."""
        caller = _caller(request.caller)
        return _prepared(*await self._prepare.create_collection(caller, _collection(request, caller)))

    async def PrepareMint721(self, request: pb.PrepareMint721Request, context: Any) -> pb.PrepareResponse:
        """The transaction that mints ERC-721 tokens."""
        caller = _caller(request.caller)
        return _prepared(*await self._prepare.mint(caller, _mint(request, caller, None, request.quantity)))

    async def PrepareMint1155(self, request: pb.PrepareMint1155Request, context: Any) -> pb.PrepareResponse:
        """The transaction that mints units of an ERC-1155 token."""
        caller = _caller(request.caller)
        token_id = TokenId(parse_uint256(request.token_id, "token_id"))
        amount = parse_uint256(request.amount, "amount")
        return _prepared(*await self._prepare.mint(caller, _mint(request, caller, token_id, amount)))

    async def TrackCollectionTx(self, request: pb.TrackTxRequest, context: Any) -> pb.Intent:
        """The client sent this transaction to create its collection."""
        return _present(await self._track(*_tracked(request), COLLECTION_KINDS))

    async def TrackMintTx(self, request: pb.TrackTxRequest, context: Any) -> pb.Intent:
        """The client sent this transaction to mint."""
        return _present(await self._track(*_tracked(request), MINT_KINDS))

    async def GetIntent(self, request: pb.GetIntentRequest, context: Any) -> pb.Intent:
        """One intent of the user; NOT_FOUND INTENT_NOT_FOUND."""
        user_id, intent_id = parse_id(request.user_id, "user_id"), parse_id(request.intent_id, "intent_id")
        return _present(await self._store.get(intent_id, user_id))

    async def BatchGetIntents(self, request: pb.BatchGetIntentsRequest, context: Any) -> pb.BatchGetIntentsResponse:
        """The user's own among these ids. INVALID_ARGUMENT BATCH_TOO_LONG."""
        if len(request.intent_ids) > _LONGEST_BATCH:
            raise InvalidArgument("BATCH_TOO_LONG", f"ask for at most {_LONGEST_BATCH} intents at once")
        user_id = parse_id(request.user_id, "user_id")
        intent_ids = [parse_id(text, "intent_ids") for text in request.intent_ids]
        return pb.BatchGetIntentsResponse(intents=map(_present, await self._store.list_own(intent_ids, user_id)))

    async def ListIntents(self, request: pb.ListIntentsRequest, context: Any) -> pb.ListIntentsResponse:
        """The user's intents, newest first."""
        user_id = parse_id(request.user_id, "user_id")
        size = cursors.page_size(request.page.first)
        found = await self._store.list_of_user(user_id, _after(request.page.after), size + 1)
        page = found[:size]
        places = [cursors.encode(str(intent.id)) for intent in page]
        return pb.ListIntentsResponse(
            intents=[_present(intent) for intent in page],
            page=common_pb2.PageInfo(has_next_page=len(found) > size, end_cursor=places[-1] if places else ""),
            cursors=places,
        )


def _prepared(intent: Intent, created: bool) -> pb.PrepareResponse:
    return pb.PrepareResponse(intent=_present(intent), created=created)


def _present(intent: Intent) -> pb.Intent:
    return wire.intent(intent.present)


def _after(cursor: str) -> UUID | None:
    key = cursors.decode(cursor, 1)
    return None if key is None else parse_id(key[0], "cursor")


def _caller(caller: pb.Caller) -> Caller:
    return Caller(UserId(parse_id(caller.user_id, "user_id")), Address(caller.wallet), caller.idempotency_key)


def _tracked(request: pb.TrackTxRequest) -> tuple[UserId, IntentId, bytes]:
    user_id, intent_id = parse_id(request.user_id, "user_id"), parse_id(request.intent_id, "intent_id")
    return UserId(user_id), IntentId(intent_id), request.tx_hash


def _collection(request: pb.PrepareCreateCollectionRequest, caller: Caller) -> NewCollection:
    """A royalty receiver that was not given is the creator."""
    standard = _STANDARDS.get(request.standard)
    if standard is None:
        raise InvalidArgument("INVALID_STANDARD", "a collection is of standard ERC721 or ERC1155")
    return NewCollection(
        chain_id=ChainId.parse(request.chain_id),
        standard=standard,
        name=request.name,
        symbol=request.symbol,
        base_uri=request.base_uri,
        contract_uri=request.contract_uri,
        royalty_receiver=Address(request.royalty_receiver or caller.wallet),
        royalty_bps=request.royalty_bps,
        terms=_terms(request.mint_config, caller),
    )


def _terms(config: common_pb2.MintConfig, caller: Caller) -> SaleTerms:
    """Numbers that were not given are 0; a payee that was not given is the creator."""
    return SaleTerms(
        price=Wei(parse_uint256(config.price or "0", "price")),
        max_supply=parse_uint256(config.max_supply or "0", "max_supply"),
        per_wallet_limit=parse_uint256(config.per_wallet_limit or "0", "per_wallet_limit"),
        starts_at=config.starts_at,
        ends_at=config.ends_at,
        allowlist_root=config.allowlist_root or bytes(32),
        payee=Address(config.payee or caller.wallet),
    )


def _mint(
    request: pb.PrepareMint721Request | pb.PrepareMint1155Request,
    caller: Caller,
    token_id: TokenId | None,
    quantity: int,
) -> Mint:
    """A recipient that was not given is the wallet that signs."""
    return Mint(
        chain_id=ChainId.parse(request.chain_id),
        contract=Address(request.contract),
        recipient=Address(request.recipient or caller.wallet),
        token_id=token_id,
        quantity=quantity,
        proof=tuple(request.allowlist_proof),
    )
