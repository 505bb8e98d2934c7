"""Facts as messages: one message per kind and block (or range of blocks), cut where it would grow too large."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from mercato.evm.logs import (
    ApprovalForAllFact,
    BlockRef,
    CollectionCreatedFact,
    ConsecutiveTransferFact,
    Fact,
    LogFact,
    MetadataRefreshFact,
    MintConfigFact,
    OwnershipFact,
    RoleFact,
    RoyaltyFact,
    Standard,
    TokenApprovalFact,
    TransferFact,
)
from mercato.kit import topology
from mercato.kit.ids import ZERO_ADDRESS, ChainId
from mercato.kit.messages import Outgoing, content_id, outgoing
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2
from mercato.services.indexer.model.chain import Block, Horizons, Reorg
from mercato.services.indexer.model.imports import CollectionImport

MAX_FACTS = 2_000
"""Facts in one message: about 300 kB."""

MAX_CONSECUTIVE = 100_000
"""Tokens that one ERC-2309 log may move; a longer range is an attack on its readers and stays raw only."""

_STANDARDS = {
    Standard.ERC721: common_pb2.STANDARD_ERC721,
    Standard.ERC1155: common_pb2.STANDARD_ERC1155,
}
_NOBODY = bytes(ZERO_ADDRESS)

_FOR_WALLETS_ALONE = {"approved"}
_FOR_WALLETS = _FOR_WALLETS_ALONE | {"transferred", "reorged"}


@dataclass(frozen=True)
class Context:
    """What all messages of a batch have in common. `timestamps` are Unix seconds by block hash, for logs that do
    not tell."""

    chain: ChainId
    generation: int
    catching_up: bool
    timestamps: Mapping[bytes, int]


@dataclass(frozen=True)
class _Kind:
    """A message type, where it goes, and how its facts are written. `fill` adds one fact; the last argument is the
    index of its block."""

    name: str
    exchange: str
    routing_key: Callable[[ChainId], str]
    message: Callable[[], Any]
    fill: Callable[[Any, Any, int], None]


def _transfer(items: Any, fact: TransferFact, block: int) -> None:
    item = items.add(
        block=block,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        batch_index=fact.batch_index,
        contract=fact.contract,
        standard=_STANDARDS[fact.standard],
        to=fact.to,
        token_id=str(fact.token_id),
    )
    setattr(item, "from", fact.from_)
    if fact.operator is not None:
        item.operator = fact.operator
    if fact.amount != 1:
        item.amount = str(fact.amount)


def _created(items: Any, fact: CollectionCreatedFact, block: int) -> None:
    items.add(
        block=block,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        factory=fact.contract,
        contract=fact.collection,
        creator=fact.creator,
        standard=_STANDARDS[fact.standard],
        salt=fact.salt,
        name=fact.name,
        symbol=fact.symbol,
        base_uri=fact.base_uri,
        contract_uri=fact.contract_uri,
    )


def _configured(items: Any, fact: MintConfigFact | OwnershipFact | RoleFact | RoyaltyFact, block: int) -> None:
    item = items.add(block=block, tx_hash=fact.tx_hash, log_index=fact.log_index, contract=fact.contract)
    if isinstance(fact, MintConfigFact):
        item.mint_config.token_id = str(fact.token_id)
        terms = fact.config
        item.mint_config.config.CopyFrom(
            common_pb2.MintConfig(
                price=str(terms.price),
                max_supply=str(terms.max_supply),
                per_wallet_limit=str(terms.per_wallet_limit),
                starts_at=terms.starts_at,
                ends_at=terms.ends_at,
                allowlist_root=terms.allowlist_root,
                payee=terms.payee,
            )
        )
    elif isinstance(fact, OwnershipFact):
        item.owner.owner = fact.owner
    elif isinstance(fact, RoleFact):
        item.role.CopyFrom(events_pb2.RoleChanged(role=fact.role, account=fact.account, granted=fact.granted))
    else:
        # A contract may announce a royalty beyond 32 bits; it means "more than everything" either way.
        item.royalty.CopyFrom(events_pb2.RoyaltySet(receiver=fact.receiver, bps=min(fact.bps, 2**32 - 1)))


def _approved(items: Any, fact: ApprovalForAllFact | TokenApprovalFact, block: int) -> None:
    item = items.add(
        block=block,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        contract=fact.contract,
        owner=fact.owner,
        operator=fact.operator,
    )
    if isinstance(fact, ApprovalForAllFact):
        item.approved = fact.approved
    else:
        item.token_id = str(fact.token_id)
        item.approved = fact.operator != _NOBODY


def _refreshed(items: Any, fact: MetadataRefreshFact, block: int) -> None:
    items.add(
        block=block,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        contract=fact.contract,
        from_token_id="" if fact.first is None else str(fact.first),
        to_token_id="" if fact.last is None else str(fact.last),
        uri=fact.uri or "",
    )


_KINDS = (
    _Kind("created", topology.COLLECTIONS_EVENTS, topology.created, events_pb2.CollectionsCreated, _created),
    _Kind(
        "configured", topology.COLLECTIONS_EVENTS, topology.configured, events_pb2.CollectionsConfigured, _configured
    ),
    _Kind("minted", topology.MINTS_EVENTS, topology.minted, events_pb2.TokensMinted, _transfer),
    _Kind("transferred", topology.TOKENS_EVENTS, topology.transferred, events_pb2.TokensTransferred, _transfer),
    _Kind("approved", topology.TOKENS_EVENTS, topology.approved, events_pb2.ApprovalsChanged, _approved),
    _Kind("refreshed", topology.TOKENS_EVENTS, topology.refreshed, events_pb2.MetadataRefreshed, _refreshed),
)
"""In the order of publishing: consumers do not rely on it, but meet fewer tokens before their collection."""

_KIND_OF: dict[type[LogFact], str] = {
    CollectionCreatedFact: "created",
    MintConfigFact: "configured",
    OwnershipFact: "configured",
    RoleFact: "configured",
    RoyaltyFact: "configured",
    ApprovalForAllFact: "approved",
    TokenApprovalFact: "approved",
    MetadataRefreshFact: "refreshed",
}


@dataclass(frozen=True)
class FactMessage:
    """A message and how many facts of which kind it carries."""

    outgoing: Outgoing
    kind: str
    facts: int


def fact_messages(context: Context, facts: Iterable[Fact]) -> Iterator[FactMessage]:
    """The messages that carry `facts`, kinds in their order, at most `MAX_FACTS` facts in each.

    The same facts under the same context give the same messages with the same ids.
    """
    sorted_out = _by_kind(facts)
    for kind in _KINDS:
        chosen = sorted_out[kind.name]
        for start in range(0, len(chosen), MAX_FACTS):
            part = chosen[start : start + MAX_FACTS]
            yield FactMessage(_message(context, kind, part), kind.name, len(part))


def count_refused_ranges(facts: Iterable[Fact]) -> int:
    """How many ERC-2309 logs are longer than `MAX_CONSECUTIVE`, so that no message carries them."""
    return sum(isinstance(fact, ConsecutiveTransferFact) and _is_absurd(fact) for fact in facts)


def imported(generation: int, wanted: CollectionImport, bound: Block) -> Outgoing:
    """CollectionsImported of one contract; the same message however often it is said between two forks."""
    message = events_pb2.CollectionsImported()
    message.at.chain_id = wanted.request.chain.caip2
    message.at.catching_up = True
    message.at.generation = generation
    message.at.blocks.append(_block(bound))
    message.collections.add(
        block=0,
        contract=wanted.request.contract,
        standard=_STANDARDS[wanted.about.standard],
        name=wanted.about.name,
        symbol=wanted.about.symbol,
        requested_by=wanted.request.requested_by or b"",
    )
    return _outgoing(topology.COLLECTIONS_EVENTS, topology.imported(wanted.request.chain), message)


def reorged(chain: ChainId, reorg: Reorg) -> Outgoing:
    """ChainReorged; it has the same id however often it is published."""
    message = events_pb2.ChainReorged(
        chain_id=chain.caip2,
        orphaned=[_block(known.block) for known in reorg.orphaned],
        common_ancestor=_block(reorg.ancestor),
        generation=reorg.generation,
    )
    return _outgoing(topology.CHAINS_EVENTS, topology.reorged(chain), message)


def kind_of(message: Outgoing) -> str:
    """What happened, as the routing key says it."""
    return message.routing_key.partition(".")[0]


def advanced(
    chain: ChainId, indexed: Block, horizons: Horizons, generation: int, from_block: int, after: Mapping[str, str]
) -> Outgoing:
    """ChainAdvanced: every fact up to `indexed` is with the broker, in the messages `after` since `from_block`: their
    ids with what kind each is."""
    message = events_pb2.ChainAdvanced(
        chain_id=chain.caip2,
        indexed=_block(indexed),
        head=horizons.head,
        safe=max(horizons.safe, 0),
        finalized=max(horizons.finalized, 0),
        generation=generation,
        from_block=from_block,
        after=[id_ for id_, kind in after.items() if kind not in _FOR_WALLETS_ALONE],
        approvals_after=[id_ for id_, kind in after.items() if kind in _FOR_WALLETS],
    )
    return _outgoing(topology.CHAINS_EVENTS, topology.advanced(chain), message)


def _by_kind(facts: Iterable[Fact]) -> dict[str, list[LogFact]]:
    chosen: dict[str, list[LogFact]] = {kind.name: [] for kind in _KINDS}
    minted, transferred = chosen["minted"], chosen["transferred"]
    for fact in facts:
        if isinstance(fact, TransferFact):
            (minted if fact.from_ == _NOBODY else transferred).append(fact)
        elif isinstance(fact, ConsecutiveTransferFact):
            (minted if fact.from_ == _NOBODY else transferred).extend(_spread(fact))
        elif isinstance(fact, LogFact) and (kind := _KIND_OF.get(type(fact))):
            chosen[kind].append(fact)
    return chosen


def _spread(fact: ConsecutiveTransferFact) -> Iterator[TransferFact]:
    """A range of tokens as single transfers, told apart by their batch index."""
    if _is_absurd(fact):
        return
    for index, token_id in enumerate(range(fact.first, fact.last + 1)):
        yield TransferFact(
            fact.block, fact.tx_hash, fact.log_index, fact.contract, index,
            Standard.ERC721, None, fact.from_, fact.to, token_id, 1,
        )  # fmt: skip


def _is_absurd(fact: ConsecutiveTransferFact) -> bool:
    return fact.last - fact.first >= MAX_CONSECUTIVE


def _message(context: Context, kind: _Kind, facts: Sequence[LogFact]) -> Outgoing:
    message = kind.message()
    items = next(getattr(message, f.name) for f in message.DESCRIPTOR.fields if f.is_repeated)
    message.at.chain_id = context.chain.caip2
    message.at.catching_up = context.catching_up
    message.at.generation = context.generation
    seen: dict[bytes, int] = {}
    fill, last, index = kind.fill, None, 0
    for fact in facts:
        if fact.block is not last:
            last = fact.block
            found = seen.get(last.hash)
            if found is None:
                index = seen[last.hash] = len(seen)
                message.at.blocks.append(_ref(last, context.timestamps))
            else:
                index = found
        fill(items, fact, index)
    return _outgoing(kind.exchange, kind.routing_key(context.chain), message)


def _ref(block: BlockRef, timestamps: Mapping[bytes, int]) -> common_pb2.Block:
    timestamp = block.timestamp if block.timestamp is not None else timestamps[block.hash]
    return common_pb2.Block(number=block.number, hash=block.hash, timestamp=timestamp)


def _block(block: Block) -> common_pb2.Block:
    return common_pb2.Block(number=block.number, hash=block.hash, timestamp=block.timestamp)


def _outgoing(exchange: str, routing_key: str, message: Message) -> Outgoing:
    return outgoing(exchange, routing_key, message, content_id(routing_key, message))
