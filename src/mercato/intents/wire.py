"""Intents as gRPC and pushes carry them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.intents.facts import IntentState
from mercato.intents.model import IntentKind, Snapshot, Step, UnsignedTransaction
from mercato.kit.ids import ChainId
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.rpc.push.v1.push_pb2 import Push

_STATES = {state: f"INTENT_STATE_{state.value}" for state in IntentState}
_KINDS = {kind: f"INTENT_KIND_{kind.value}" for kind in IntentKind}


def intent(snapshot: Snapshot) -> pb.Intent:
    """An intent as it was at the end of the snapshot's timeline."""
    it, last = snapshot.intent, snapshot.last
    return pb.Intent(
        id=str(it.id),
        user_id=str(it.user_id),
        kind=_KINDS[it.kind],
        state=_STATES[last.state],
        chain_id=it.chain_id.caip2,
        sender=it.sender,
        transaction=_transaction(it.chain_id, it.transaction),
        contract=it.contract,
        tx_hash=snapshot.tx_hash or b"",
        block_number=last.block_number or 0,
        failure_reason=last.reason,
        failure_message=last.note if last.reason else "",
        timeline=[_step(step) for step in snapshot.timeline],
        token_ids=[str(token_id) for token_id in snapshot.token_ids],
        version=snapshot.version,
        expires_at=timestamp(it.expires_at),
    )


def push(snapshot: Snapshot, at: datetime) -> Push:
    """One push of one version; pushed again after a crash it has the same id."""
    return Push(id=f"intent:{snapshot.intent.id}:{snapshot.version}", pushed_at=timestamp(at), intent=intent(snapshot))


def timestamp(at: datetime) -> Timestamp:
    """UTC, as protobuf carries it."""
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def _transaction(chain_id: ChainId, transaction: UnsignedTransaction) -> pb.UnsignedTransaction:
    return pb.UnsignedTransaction(
        chain_id=chain_id.caip2,
        to=transaction.to,
        data=transaction.data,
        value=str(transaction.value),
        gas_limit=transaction.gas_limit,
        max_fee_per_gas=str(transaction.max_fee_per_gas),
        max_priority_fee_per_gas=str(transaction.max_priority_fee_per_gas),
    )


def _step(step: Step) -> pb.IntentStep:
    return pb.IntentStep(state=_STATES[step.state], at=timestamp(step.at), note=step.note)
