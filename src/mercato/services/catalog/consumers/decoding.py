"""Wire messages into facts. What breaks the contract of a message raises `Poison` or `InvalidArgument`: no retry can
mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from mercato.kit.errors import Poison
from mercato.kit.ids import ZERO_ADDRESS, ChainId, parse_uint256
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.catalog.model.facts import (
    Batch,
    Block,
    Change,
    Creation,
    F,
    Import,
    MintTerms,
    Ownership,
    Progress,
    Refresh,
    Resolution,
    Retraction,
    RoleGrant,
    Royalty,
    Standard,
    Trait,
    Transfer,
)

_NOBODY = bytes(ZERO_ADDRESS)
_MULTI = common_pb2.STANDARD_ERC1155
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253402300799
"""9999-12-31T23:59:59Z: a chain may claim any time, a timestamp ends here."""
_MAX_NUMBER = 2**40 - 1


def batch(at: pb.FactBlocks, facts: Sequence[F]) -> Batch[F]:
    """Facts with the blocks they stand in."""
    blocks = [_block(block) for block in at.blocks]
    if facts and max(fact.block for fact in facts) >= len(blocks):
        raise Poison("UNKNOWN_BLOCK", "a fact names a block that its message does not carry")
    return Batch(ChainId.parse(at.chain_id), blocks, at.generation, at.catching_up, facts)


def transfers(items: Iterable[pb.Transfer]) -> list[Transfer]:
    """Nobody (the zero address) becomes None, and so do operator and amount of ERC-721."""
    facts = []
    for item in items:
        sender, recipient, operator, amount = getattr(item, "from"), item.to, None, None
        if item.standard == _MULTI:
            operator, amount = item.operator or None, parse_uint256(item.amount or "1")
        facts.append(
            Transfer(
                item.block, item.log_index, item.batch_index, item.contract, item.token_id,
                None if sender == _NOBODY else sender, None if recipient == _NOBODY else recipient, item.tx_hash,
                operator, amount,
            )
        )  # fmt: skip
    accounts = {t.sender for t in facts} | {t.recipient for t in facts} | {t.operator for t in facts}
    _all_of_length(20, "address", accounts | {t.contract for t in facts})
    _all_of_length(32, "transaction hash", {t.tx_hash for t in facts})
    for token_id in {t.token_id for t in facts}:
        parse_uint256(token_id, "token id")
    return facts


def creations(items: Iterable[pb.CollectionCreated]) -> list[Creation]:
    facts = [
        Creation(
            i.block, i.tx_hash, i.log_index, i.factory, i.contract, i.creator, Standard(i.standard), i.salt,
            _text(i.name), _text(i.symbol), _text(i.base_uri), _text(i.contract_uri),
        )
        for i in items
    ]  # fmt: skip
    _all_of_length(20, "address", (a for c in facts for a in (c.factory, c.contract, c.creator)))
    _all_of_length(32, "transaction hash", (c.tx_hash for c in facts))
    return facts


def imports(items: Iterable[pb.CollectionImported]) -> list[Import]:
    facts = [
        Import(i.block, i.contract, Standard(i.standard), _text(i.name), _text(i.symbol), i.requested_by or None)
        for i in items
    ]
    _all_of_length(20, "address", (a for f in facts for a in (f.contract, f.requested_by)))
    return facts


def changes(items: Iterable[pb.CollectionConfigured]) -> list[Change]:
    facts = [Change(i.block, i.tx_hash, i.log_index, i.contract, _CHANGES[_kind(i)](i)) for i in items]
    _all_of_length(20, "address", (c.contract for c in facts))
    _all_of_length(32, "transaction hash", (c.tx_hash for c in facts))
    return facts


def refreshes(items: Iterable[pb.MetadataRefresh]) -> list[Refresh]:
    """Those about tokens; what a contract says of itself (ERC-7572) concerns no token."""
    facts = [
        Refresh(
            i.block, i.contract, parse_uint256(i.from_token_id, "from_token_id"),
            parse_uint256(i.to_token_id, "to_token_id"),
        )
        for i in items
        if i.from_token_id and i.to_token_id
    ]  # fmt: skip
    _all_of_length(20, "address", (r.contract for r in facts))
    return facts


def resolutions(items: Iterable[pb.TokenMetadata]) -> list[Resolution]:
    return [
        Resolution(
            token_id=str(parse_uint256(i.token_id, "token id")),
            resolved_at=i.resolved_at.ToDatetime(UTC),
            failure=_text(i.failure),
            uri=i.uri,
            name=i.name,
            description=i.description,
            image=i.image,
            animation_url=i.animation_url,
            external_url=i.external_url,
            doc_id=_text(i.doc_id),
            traits=tuple(Trait(t.name, t.value, t.kind) for t in i.traits),
        )
        for i in items
    ]


def retraction(event: pb.ChainReorged) -> Retraction:
    if event.generation == 0:
        raise Poison("GENERATION_MISSING", "reorganisations of a chain are counted from 1")
    blocks = [_block(block) for block in event.orphaned]
    return Retraction(ChainId.parse(event.chain_id), blocks, _block(event.common_ancestor), event.generation)


def progress(event: pb.ChainAdvanced) -> Progress:
    chain = ChainId.parse(event.chain_id)
    indexed, after = _block(event.indexed), list(event.after)
    return Progress(chain, indexed, event.head, event.safe, event.finalized, event.generation, event.from_block, after)


def _block(block: common_pb2.Block) -> Block:
    if len(block.hash) != 32 or block.number > _MAX_NUMBER:
        raise Poison("INVALID_BLOCK", f"block {block.number} has a hash of {len(block.hash)} bytes")
    return Block(block.number, block.hash, _EPOCH + timedelta(seconds=min(block.timestamp, _LAST_SECOND)))


def _kind(item: pb.CollectionConfigured) -> str:
    kind: str | None = item.WhichOneof("change")
    if kind is None:
        raise Poison("UNKNOWN_CHANGE", "a collection was configured in a way this release does not know")
    return kind


def _terms(item: pb.CollectionConfigured) -> MintTerms:
    config = item.mint_config.config
    _all_of_length(32, "allowlist root", (config.allowlist_root or None,))
    _all_of_length(20, "address", (config.payee or None,))
    return MintTerms(
        parse_uint256(item.mint_config.token_id, "token id"),
        parse_uint256(config.price or "0", "price"),
        parse_uint256(config.max_supply or "0", "max_supply"),
        parse_uint256(config.per_wallet_limit or "0", "per_wallet_limit"),
        config.starts_at,
        config.ends_at,
        config.allowlist_root,
        config.payee,
    )


def _role(item: pb.CollectionConfigured) -> RoleGrant:
    _all_of_length(32, "role", (item.role.role,))
    _all_of_length(20, "address", (item.role.account,))
    return RoleGrant(item.role.role, item.role.account, item.role.granted)


def _ownership(item: pb.CollectionConfigured) -> Ownership:
    _all_of_length(20, "address", (item.owner.owner,))
    return Ownership(item.owner.owner)


def _royalty(item: pb.CollectionConfigured) -> Royalty:
    _all_of_length(20, "address", (item.royalty.receiver,))
    return Royalty(item.royalty.receiver, item.royalty.bps)


_CHANGES: dict[str, Callable[[pb.CollectionConfigured], MintTerms | RoleGrant | Ownership | Royalty]] = {
    "mint_config": _terms,
    "role": _role,
    "owner": _ownership,
    "royalty": _royalty,
}


def _all_of_length(length: int, what: str, values: Iterable[bytes | None]) -> None:
    """None stands for nobody and is well."""
    for value in values:
        if value is not None and len(value) != length:
            raise Poison("INVALID_LENGTH", f"{what} of {len(value)} bytes instead of {length}")


def _text(text: str) -> str:
    """PostgreSQL text holds every character but NUL."""
    return text.replace("\0", "")
