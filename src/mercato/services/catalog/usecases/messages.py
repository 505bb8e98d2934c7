"""What the catalog tells the house, as messages. An id is made of the causing event and the entity, so what a cause
makes us say is the same message however often it is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mercato.kit import topology
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId
from mercato.kit.messages import Outgoing, outgoing
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.model.collections import LockedCollection
from mercato.services.catalog.model.facts import Position, Standard

MAX_EVENTS = 100
"""Events in one message: their routing keys, of up to 160 bytes, stand in its header."""

_NOBODY = bytes(ZERO_ADDRESS)
STANDARDS = {
    Standard.UNKNOWN: common_pb2.STANDARD_UNSPECIFIED,
    Standard.ERC721: common_pb2.STANDARD_ERC721,
    Standard.ERC1155: common_pb2.STANDARD_ERC1155,
}


class TokenNews(NamedTuple):
    """What is to be told of one token, and by which routing key."""

    exchange: str
    key: str
    event: pb.TokenEvent


def collection_id(chain: ChainId, contract: bytes) -> str:
    """Natural and stable: ``eip155:1:0xbc4c…``."""
    return f"{chain.caip2}:0x{contract.hex()}"


def token_name(chain: ChainId, contract: bytes, token_id: str) -> str:
    """Natural and stable: ``eip155:1:0xbc4c…:42``."""
    return f"{chain.caip2}:0x{contract.hex()}:{token_id}"


def collection_upserted(
    event_id: str, chain: ChainId, collection: LockedCollection, standard: Standard, position: Position
) -> Outgoing:
    contract = Address(collection.contract)
    message = pb.CollectionUpserted(
        chain_id=chain.caip2,
        contract=contract,
        collection_id=collection_id(chain, contract),
        creator=collection.creator or b"",
        name=collection.name,
        standard=STANDARDS[standard],
        position=position_message(position),
    )
    key = topology.collection_upserted(chain, contract)
    return outgoing(topology.COLLECTIONS_DOMAIN, key, message, f"{event_id}:collection:{contract.text}")


def token_upserted(
    event_id: str, chain: ChainId, contract: Address, token_id: str, standard: Standard,
    owner: bytes | None, amount: int, position: Position,
) -> TokenNews:  # fmt: skip
    message = pb.TokenUpserted(
        chain_id=chain.caip2,
        contract=contract,
        token_id=token_id,
        collection_id=collection_id(chain, contract),
        standard=STANDARDS[standard],
        owner=owner or _NOBODY,
        amount=str(amount),
        position=position_message(position),
    )
    key = topology.token_upserted(chain, contract, int(token_id))
    event = pb.TokenEvent(id=f"{event_id}:token:{_place(position)}", token_upserted=message)
    return TokenNews(topology.MINTS_DOMAIN, key, event)


def token_transferred(
    event_id: str, chain: ChainId, contract: Address, token_id: str,
    sender: bytes, recipient: bytes | None, amount: int, position: Position,
) -> TokenNews:  # fmt: skip
    message = pb.TokenTransferred(
        chain_id=chain.caip2,
        contract=contract,
        token_id=token_id,
        to=recipient or _NOBODY,
        amount=str(amount),
        position=position_message(position),
    )
    setattr(message, "from", sender)
    key = topology.token_transferred(chain, contract, int(token_id))
    event = pb.TokenEvent(id=f"{event_id}:transfer:{_place(position)}", token_transferred=message)
    return TokenNews(topology.TOKENS_DOMAIN, key, event)


def token_enriched(event_id: str, chain: ChainId, contract: Address, token_id: str, name: str) -> TokenNews:
    message = pb.TokenEnriched(
        chain_id=chain.caip2,
        contract=contract,
        token_id=token_id,
        collection_id=collection_id(chain, contract),
        name=name,
    )
    key = topology.token_enriched(chain, contract, int(token_id))
    event = pb.TokenEvent(id=f"{event_id}:enriched:{token_id}", token_enriched=message)
    return TokenNews(topology.TOKENS_DOMAIN, key, event)


def tokens_changed(event_id: str, news: Iterable[TokenNews]) -> Iterator[Outgoing]:
    """The news of one cause in as few messages as can be, in their order, each routed by the keys of all it carries."""
    by_exchange: dict[str, list[TokenNews]] = {}
    for one in news:
        by_exchange.setdefault(one.exchange, []).append(one)
    for exchange, told in by_exchange.items():
        for start in range(0, len(told), MAX_EVENTS):
            part = told[start : start + MAX_EVENTS]
            first, *further = dict.fromkeys(one.key for one in part)
            message = pb.TokenEvents(events=[one.event for one in part])
            yield outgoing(exchange, first, message, f"{event_id}:{exchange}.{start // MAX_EVENTS}", further)


def metadata_requested(
    message_id: str | None,
    chain: ChainId,
    contract: bytes,
    standard: Standard,
    token_ids: Sequence[str],
    refresh: bool,
) -> Outgoing:
    """`message_id` None: a new one, for what no event caused."""
    message = pb.MetadataRequested(
        chain_id=chain.caip2,
        contract=contract,
        standard=STANDARDS[standard],
        token_ids=token_ids,
        refresh=refresh,
    )
    return outgoing(topology.MEDIA_EVENTS, topology.METADATA_REQUESTED, message, message_id)


def position_message(position: Position) -> common_pb2.Position:
    block = position.block
    return common_pb2.Position(
        block=common_pb2.Block(number=block.number, hash=block.hash, timestamp=int(block.mined_at.timestamp())),
        tx_hash=position.tx_hash,
        log_index=max(position.log_index, 0),
        batch_index=position.batch_index,
    )


def _place(position: Position) -> str:
    return f"{position.block.hash.hex()}.{position.log_index}.{position.batch_index}"
