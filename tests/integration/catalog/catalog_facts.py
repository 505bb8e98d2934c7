"""Facts of an imagined chain, and the messages that carry them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from mercato.kit import topology
from mercato.kit.ids import ChainId, keccak256
from mercato.kit.messages import Incoming, content_id
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb

Deliver = Callable[[Iterable[Incoming]], Awaitable[None]]
"""Hands messages to the handlers of their queues, one after the other."""

Published = Callable[[], Awaitable[list[Incoming]]]
"""Takes what the catalog has published of the test's chain so far, in order; the routing key is the header "key"."""

NOBODY = bytes(20)
GENESIS_TIME = 1_700_000_000
BLOCK_TIME = 12
WHOLE = str(2**256 - 1)


def account(name: str) -> bytes:
    return keccak256(b"account " + name.encode())[:20]


def contract(name: str) -> bytes:
    return keccak256(b"contract " + name.encode())[:20]


def block(number: int, branch: str = "a") -> common_pb2.Block:
    """The same on every chain, so that two chains can be compared."""
    digest = keccak256(f"block {number} {branch}".encode())
    return common_pb2.Block(number=number, hash=digest, timestamp=GENESIS_TIME + BLOCK_TIME * number)


def tx_hash(at: common_pb2.Block, log_index: int) -> bytes:
    return keccak256(b"tx" + at.hash + bytes([log_index // 4]))


@dataclass(frozen=True)
class Move:
    """A transfer; `amount` None for ERC-721."""

    log_index: int
    contract: bytes
    token_id: int
    sender: bytes = NOBODY
    recipient: bytes = NOBODY
    amount: int | None = None
    batch_index: int = 0


@dataclass(frozen=True)
class Created:
    log_index: int
    contract: bytes
    name: str = "Cats"
    standard: int = common_pb2.STANDARD_ERC721
    creator: bytes = account("creator")
    factory: bytes = account("factory")


@dataclass(frozen=True)
class Configured:
    """`change` is a MintConfigSet, RoleChanged, OwnerChanged or RoyaltySet."""

    log_index: int
    contract: bytes
    change: Message


@dataclass(frozen=True)
class Refreshed:
    log_index: int
    contract: bytes
    first: str
    last: str


Fact = Move | Created | Configured | Refreshed
_FIELDS = {"MintConfigSet": "mint_config", "RoleChanged": "role", "OwnerChanged": "owner", "RoyaltySet": "royalty"}


def terms(price: int, token_id: str = WHOLE, starts_at: int = 0) -> pb.MintConfigSet:
    config = common_pb2.MintConfig(price=str(price), max_supply="100", per_wallet_limit="5", starts_at=starts_at,
                                   allowlist_root=bytes(32), payee=account("payee"))  # fmt: skip
    return pb.MintConfigSet(token_id=token_id, config=config)


@dataclass(frozen=True)
class Chain:
    """Writes messages as an indexer would."""

    id: ChainId

    def messages(
        self, facts: Iterable[tuple[common_pb2.Block, Sequence[Fact]]], generation: int = 0, catching_up: bool = False
    ) -> list[Incoming]:
        """One message per kind that occurs."""
        written: dict[str, Any] = {}
        for at, items in facts:
            for item in items:
                kind = _kind(item)
                if kind.__name__ not in written:
                    message = kind()
                    message.at.chain_id = self.id.caip2
                    message.at.generation = generation
                    message.at.catching_up = catching_up
                    written[kind.__name__] = message
                _write(written[kind.__name__], at, item)
        return [self.incoming(message) for message in written.values()]

    def incoming(self, message: Message) -> Incoming:
        """With the content's own id, so that the same message again is known as the same."""
        return Incoming(content_id(self.id.routing, message), message.DESCRIPTOR.full_name, message, {}, 1)

    def reorged(self, orphaned: Sequence[common_pb2.Block], ancestor: common_pb2.Block, generation: int) -> Incoming:
        return self.incoming(
            pb.ChainReorged(chain_id=self.id.caip2, orphaned=orphaned, common_ancestor=ancestor, generation=generation)
        )

    def imported(self, at: common_pb2.Block, contract: bytes, requested_by: bytes = b"") -> Incoming:
        message = pb.CollectionsImported()
        message.at.chain_id = self.id.caip2
        message.at.blocks.append(at)
        message.collections.add(contract=contract, standard=common_pb2.STANDARD_ERC1155, name="Foreign", symbol="FRN",
                                requested_by=requested_by)  # fmt: skip
        return self.incoming(message)

    def advanced(
        self,
        indexed: common_pb2.Block,
        head: int,
        generation: int = 0,
        *,
        from_block: int = 0,
        after: Sequence[str] = (),
        safe: int = 0,
        finalized: int = 0,
    ) -> Incoming:
        return self.incoming(
            pb.ChainAdvanced(
                chain_id=self.id.caip2,
                indexed=indexed,
                head=head,
                generation=generation,
                from_block=from_block,
                after=after,
                safe=safe,
                finalized=finalized,
            )
        )


def new_chain() -> Chain:
    """One that no other test has; not from `random`, which a property test seeds."""
    return Chain(ChainId(10**9 + int.from_bytes(os.urandom(5), "big")))


def queue_of(incoming: Incoming) -> str:
    """The queue that a message of this type reaches."""
    queues = {
        "TokensMinted": "catalog.mints.created",
        "TokensTransferred": "catalog.tokens.transferred",
        "CollectionsCreated": "catalog.collections.created",
        "CollectionsImported": "catalog.collections.imported",
        "CollectionsConfigured": "catalog.collections.configured",
        "MetadataRefreshed": "catalog.tokens.refreshed",
        "MetadataResolved": "catalog.metadata.resolved",
        "ChainReorged": "catalog.chains.changed",
        "ChainAdvanced": "catalog.chains.changed",
    }
    queue = queues[incoming.type.rpartition(".")[2]]
    assert queue in topology.QUEUE_BY_NAME
    return queue


def _kind(item: Fact) -> Any:
    if isinstance(item, Move):
        return pb.TokensMinted if item.sender == NOBODY else pb.TokensTransferred
    return {Created: pb.CollectionsCreated, Configured: pb.CollectionsConfigured, Refreshed: pb.MetadataRefreshed}[
        type(item)
    ]


def _write(message: Any, at: common_pb2.Block, item: Fact) -> None:
    if at not in message.at.blocks:
        message.at.blocks.append(at)
    place = {"block": list(message.at.blocks).index(at), "log_index": item.log_index, "contract": item.contract,
             "tx_hash": tx_hash(at, item.log_index)}  # fmt: skip
    if isinstance(item, Move):
        row = message.transfers.add(
            **place, batch_index=item.batch_index, to=item.recipient, token_id=str(item.token_id),
            standard=common_pb2.STANDARD_ERC721 if item.amount is None else common_pb2.STANDARD_ERC1155,
        )  # fmt: skip
        setattr(row, "from", item.sender)
        if item.amount is not None:
            row.amount, row.operator = str(item.amount), account("operator")
    elif isinstance(item, Created):
        message.collections.add(**place, factory=item.factory, creator=item.creator, standard=item.standard,
                                salt=bytes(32), name=item.name, symbol="CAT", base_uri="ipfs://base/",
                                contract_uri="ipfs://contract")  # fmt: skip
    elif isinstance(item, Configured):
        row = message.changes.add(**place)
        getattr(row, _FIELDS[item.change.DESCRIPTOR.name]).CopyFrom(item.change)
    else:
        message.refreshes.add(**place, from_token_id=item.first, to_token_id=item.last)
