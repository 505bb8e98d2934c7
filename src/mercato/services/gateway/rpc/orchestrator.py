"""The orchestrator as the gateway calls it: prepare, track and read intents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from mercato.kit.ids import Address, ChainId
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.services.gateway.model.intents import Intent, IntentFailure, IntentStep, Prepared, UnsignedTransaction
from mercato.services.gateway.model.keys import Page, PageQuery
from mercato.services.gateway.model.market import MintConfig
from mercato.services.gateway.rpc import wire

if TYPE_CHECKING:
    from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import OrchestratorServiceAsyncStub


class Caller(NamedTuple):
    """Who prepares: `wallet` will sign and has been checked to be the user's."""

    user_id: UUID
    wallet: Address
    idempotency_key: str


class CollectionTerms(NamedTuple):
    chain_id: ChainId
    standard: str
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    royalty_receiver: Address
    royalty_bps: int
    mint_config: MintConfig


class MintTerms(NamedTuple):
    chain_id: ChainId
    contract: Address
    recipient: Address
    allowlist_proof: Sequence[bytes]


class OrchestratorClient:
    """Transaction intents of one user at a time."""

    def __init__(self, stub: OrchestratorServiceAsyncStub) -> None:
        self._stub = stub

    async def prepare_create_collection(self, caller: Caller, terms: CollectionTerms) -> Prepared:
        answer = await self._stub.PrepareCreateCollection(
            pb.PrepareCreateCollectionRequest(
                caller=_caller(caller),
                chain_id=terms.chain_id.caip2,
                standard=wire.STANDARD_NUMBERS[terms.standard],
                name=terms.name,
                symbol=terms.symbol,
                base_uri=terms.base_uri,
                contract_uri=terms.contract_uri,
                royalty_receiver=terms.royalty_receiver,
                royalty_bps=terms.royalty_bps,
                mint_config=wire.to_mint_config(terms.mint_config),
            )
        )
        return _prepared(answer)

    async def prepare_mint721(self, caller: Caller, terms: MintTerms, quantity: int) -> Prepared:
        answer = await self._stub.PrepareMint721(
            pb.PrepareMint721Request(
                caller=_caller(caller),
                chain_id=terms.chain_id.caip2,
                contract=terms.contract,
                recipient=terms.recipient,
                quantity=quantity,
                allowlist_proof=terms.allowlist_proof,
            )
        )
        return _prepared(answer)

    async def prepare_mint1155(self, caller: Caller, terms: MintTerms, token_id: int, amount: int) -> Prepared:
        answer = await self._stub.PrepareMint1155(
            pb.PrepareMint1155Request(
                caller=_caller(caller),
                chain_id=terms.chain_id.caip2,
                contract=terms.contract,
                recipient=terms.recipient,
                token_id=str(token_id),
                amount=str(amount),
                allowlist_proof=terms.allowlist_proof,
            )
        )
        return _prepared(answer)

    async def track_collection_tx(self, user_id: UUID, intent_id: UUID, tx_hash: bytes) -> Intent:
        return intent(await self._stub.TrackCollectionTx(_track(user_id, intent_id, tx_hash)))

    async def track_mint_tx(self, user_id: UUID, intent_id: UUID, tx_hash: bytes) -> Intent:
        return intent(await self._stub.TrackMintTx(_track(user_id, intent_id, tx_hash)))

    async def get_intent(self, user_id: UUID, intent_id: UUID) -> Intent:
        """Raises `NotFound` when there is none or it is another user's."""
        request = pb.GetIntentRequest(user_id=str(user_id), intent_id=str(intent_id))
        return intent(await self._stub.GetIntent(request))

    async def batch_intents(self, user_id: UUID, intent_ids: Sequence[UUID]) -> dict[UUID, Intent]:
        """The user's own; unknown ids and other users' are absent."""
        request = pb.BatchGetIntentsRequest(user_id=str(user_id), intent_ids=[str(i) for i in intent_ids])
        answer = await self._stub.BatchGetIntents(request)
        return {i.intent_id: i for i in map(intent, answer.intents)}

    async def list_intents(self, user_id: UUID, page: PageQuery) -> Page[Intent]:
        answer = await self._stub.ListIntents(pb.ListIntentsRequest(user_id=str(user_id), page=wire.page_request(page)))
        return wire.page(map(intent, answer.intents), answer.cursors, answer.page, page)


def intent(i: pb.Intent) -> Intent:
    """An intent as the orchestrator answers it and as subscriptions pushes it."""
    return Intent(
        intent_id=UUID(i.id),
        user_id=UUID(i.user_id),
        kind=_name(pb.IntentKind.Name(i.kind), "INTENT_KIND_"),
        state=_name(pb.IntentState.Name(i.state), "INTENT_STATE_"),
        chain_id=ChainId.parse(i.chain_id),
        sender=Address(i.sender),
        transaction=_transaction(i.transaction),
        contract=Address(i.contract),
        token_ids=[int(token_id) for token_id in i.token_ids],
        tx_hash=i.tx_hash or None,
        block_number=i.block_number or None,
        failure=IntentFailure(i.failure_reason, i.failure_message) if i.failure_reason else None,
        timeline=[
            IntentStep(_name(pb.IntentState.Name(s.state), "INTENT_STATE_"), wire.moment(s.at), wire.text(s.note))
            for s in i.timeline
        ],
        version=i.version,
        expires_at=wire.find_moment(i.expires_at),
    )


def _name(value: str, prefix: str) -> str:
    return value.removeprefix(prefix)


def _caller(caller: Caller) -> pb.Caller:
    return pb.Caller(user_id=str(caller.user_id), wallet=caller.wallet, idempotency_key=caller.idempotency_key)


def _track(user_id: UUID, intent_id: UUID, tx_hash: bytes) -> pb.TrackTxRequest:
    return pb.TrackTxRequest(user_id=str(user_id), intent_id=str(intent_id), tx_hash=tx_hash)


def _prepared(answer: pb.PrepareResponse) -> Prepared:
    return Prepared(intent(answer.intent), answer.created)


def _transaction(t: pb.UnsignedTransaction) -> UnsignedTransaction:
    return UnsignedTransaction(
        chain_id=ChainId.parse(t.chain_id),
        to=Address(t.to),
        data=t.data,
        value=wire.number(t.value),
        gas_limit=t.gas_limit,
        max_fee_per_gas=wire.number(t.max_fee_per_gas),
        max_priority_fee_per_gas=wire.number(t.max_priority_fee_per_gas),
    )
