"""Domain events as the catalog makes them of what really stands on the chain."""

from __future__ import annotations

from typing import Any

from intent_world import World

from mercato.evm.logs import CollectionCreatedFact, TransferFact, decode
from mercato.evm.rpc import Receipt
from mercato.kit.ids import ZERO_ADDRESS, ChainId, new_id
from mercato.kit.messages import Incoming
from mercato.rpc.common.v1.common_pb2 import Block, Position
from mercato.rpc.events.v1 import events_pb2 as pb


async def receipt_of(world: World, tx_hash: bytes) -> Receipt:
    receipt = await world.node.find_receipt(tx_hash)
    assert receipt is not None
    return receipt


def position(receipt: Receipt, log_index: int = 0) -> Position:
    block = Block(number=receipt.block_number, hash=receipt.block_hash)
    return Position(block=block, tx_hash=receipt.tx_hash, log_index=log_index)


def collections_of(chain_id: ChainId, receipt: Receipt) -> list[pb.CollectionUpserted]:
    return [
        pb.CollectionUpserted(
            chain_id=chain_id.caip2, contract=fact.collection, creator=fact.creator, name=fact.name,
            position=position(receipt, fact.log_index),
        )
        for fact in decode(receipt.logs)
        if isinstance(fact, CollectionCreatedFact)
    ]  # fmt: skip


def tokens_of(chain_id: ChainId, receipt: Receipt) -> list[pb.TokenUpserted]:
    return [
        pb.TokenUpserted(
            chain_id=chain_id.caip2, contract=fact.contract, token_id=str(fact.token_id), owner=fact.to,
            amount=str(fact.amount), position=position(receipt, fact.log_index),
        )
        for fact in decode(receipt.logs)
        if isinstance(fact, TransferFact) and fact.from_ == ZERO_ADDRESS
    ]  # fmt: skip


_TOKEN_EVENTS = {
    "TokenUpserted": "token_upserted",
    "TokenTransferred": "token_transferred",
    "TokenEnriched": "token_enriched",
}


def token_events(*events: Any, first_id: str = "") -> pb.TokenEvents:
    """Events of tokens as one message, under new ids."""
    return pb.TokenEvents(
        events=[
            pb.TokenEvent(id=first_id if i == 0 and first_id else str(new_id()), **{_TOKEN_EVENTS[type(e).__name__]: e})
            for i, e in enumerate(events)
        ]
    )


def incoming(message: Any) -> Incoming:
    """A message; an event of a token alone in one, with the same id."""
    message_id = str(new_id())
    if type(message).__name__ in _TOKEN_EVENTS:
        message = token_events(message, first_id=message_id)
    return Incoming(message_id, message.DESCRIPTOR.full_name, message, {}, 1)
