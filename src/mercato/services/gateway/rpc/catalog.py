"""The catalog as the gateway reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mercato.kit.ids import Address, ChainId
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.services.gateway.model.chains import ReadPoint
from mercato.services.gateway.model.keys import CollectionKey, Page, PageQuery, TokenKey
from mercato.services.gateway.model.market import (
    Activity,
    Balance,
    Collection,
    CollectionBinding,
    CollectionRole,
    Moderation,
    Royalty,
    Token,
    TokenTrait,
    Transfer,
)
from mercato.services.gateway.rpc import wire

if TYPE_CHECKING:
    from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceAsyncStub


class Place(NamedTuple):
    """Which part of the market: each that is given narrows it."""

    chain_id: ChainId | None = None
    contract: Address | None = None
    token_id: int | None = None


class CollectionQuery(NamedTuple):
    chain_id: ChainId | None = None
    creator: Address | None = None
    owner: Address | None = None
    standard: str | None = None
    name_contains: str | None = None


class TraitQuery(NamedTuple):
    name: str
    values: Sequence[str]


class CatalogClient:
    """Reads of the catalog. Unknown keys are absent from what the batch calls return."""

    def __init__(self, stub: CatalogServiceAsyncStub) -> None:
        self._stub = stub

    async def batch_collections(self, keys: Sequence[CollectionKey]) -> dict[CollectionKey, Collection]:
        request = pb.BatchGetCollectionsRequest(
            keys=[pb.CollectionKey(chain_id=k.chain_id.caip2, contract=k.contract) for k in keys]
        )
        answer = await self._stub.BatchGetCollections(request)
        points = wire.read_points(answer.read_points)
        return {c.key: c for c in (_collection(c, points) for c in answer.collections)}

    async def list_collections(self, query: CollectionQuery, page: PageQuery) -> Page[Collection]:
        answer = await self._stub.ListCollections(
            pb.ListCollectionsRequest(
                chain_id=wire.caip2(query.chain_id),
                creator=wire.raw(query.creator),
                owner=wire.raw(query.owner),
                standard=wire.STANDARD_NUMBERS[query.standard] if query.standard else None,
                name_contains=query.name_contains or "",
                page=wire.page_request(page),
            )
        )
        points = wire.read_points(answer.read_points)
        rows = [_collection(c, points) for c in answer.collections]
        return wire.page(rows, answer.cursors, answer.page, page, points.values())

    async def batch_tokens(self, keys: Sequence[TokenKey]) -> dict[TokenKey, Token]:
        answer = await self._stub.BatchGetTokens(pb.BatchGetTokensRequest(keys=[_token_key(k) for k in keys]))
        points = wire.read_points(answer.read_points)
        return {t.key: t for t in (_token(t, points) for t in answer.tokens)}

    async def list_tokens(
        self, place: Place, owner: Address | None, traits: Sequence[TraitQuery], page: PageQuery
    ) -> Page[Token]:
        answer = await self._stub.ListTokens(
            pb.ListTokensRequest(
                chain_id=wire.caip2(place.chain_id),
                contract=wire.raw(place.contract),
                owner=wire.raw(owner),
                traits=[pb.TraitFilter(name=t.name, values=t.values) for t in traits],
                page=wire.page_request(page),
                by_column=True,
            )
        )
        points = wire.read_points(answer.read_points)
        return wire.page(_tokens(answer.columns, points), answer.cursors, answer.page, page, points.values())

    async def flag_token(self, key: TokenKey, flag: str, reason: str, flagged_by: str) -> None:
        """Raises `NotFound` TOKEN_NOT_FOUND, `InvalidArgument` INVALID_FLAG, REASON_REQUIRED."""
        request = pb.FlagTokenRequest(token=_token_key(key), flag=flag, reason=reason, flagged_by=flagged_by)
        await self._stub.FlagToken(request)

    async def unflag_token(self, key: TokenKey, flag: str, reason: str, unflagged_by: str) -> None:
        """Raises `NotFound` TOKEN_NOT_FOUND, `InvalidArgument` INVALID_FLAG."""
        request = pb.UnflagTokenRequest(token=_token_key(key), flag=flag, reason=reason, unflagged_by=unflagged_by)
        await self._stub.UnflagToken(request)

    async def list_moderation(self, key: TokenKey, page: PageQuery) -> Page[Moderation]:
        """Newest first; empty for a token nobody flagged."""
        request = pb.ListModerationRequest(token=_token_key(key), page=wire.page_request(page))
        answer = await self._stub.ListModeration(request)
        return wire.page(map(_moderation, answer.entries), answer.cursors, answer.page, page)

    async def list_balances(self, place: Place, owners: Sequence[Address], page: PageQuery) -> Page[Balance]:
        answer = await self._stub.ListBalances(
            pb.ListBalancesRequest(
                chain_id=wire.caip2(place.chain_id),
                contract=wire.raw(place.contract),
                token_id=wire.decimal(place.token_id),
                owners=owners,
                page=wire.page_request(page),
            )
        )
        points = wire.read_points(answer.read_points)
        return wire.page(map(_balance, answer.balances), answer.cursors, answer.page, page, points.values())

    async def list_transfers(self, place: Place, account: Address | None, page: PageQuery) -> Page[Transfer]:
        answer = await self._stub.ListTransfers(
            pb.ListTransfersRequest(
                chain_id=wire.caip2(place.chain_id),
                contract=wire.raw(place.contract),
                token_id=wire.decimal(place.token_id),
                account=wire.raw(account),
                page=wire.page_request(page),
            )
        )
        points = wire.read_points(answer.read_points)
        rows = [_transfer(t, points) for t in answer.transfers]
        return wire.page(rows, answer.cursors, answer.page, page, points.values())

    async def list_activities(
        self, place: Place, account: Address | None, kinds: Sequence[str], page: PageQuery
    ) -> Page[Activity]:
        answer = await self._stub.ListActivities(
            pb.ListActivitiesRequest(
                chain_id=wire.caip2(place.chain_id),
                contract=wire.raw(place.contract),
                token_id=wire.decimal(place.token_id),
                account=wire.raw(account),
                kinds=[kind.lower() for kind in kinds],
                page=wire.page_request(page),
            )
        )
        points = wire.read_points(answer.read_points)
        rows = [_activity(a, points) for a in answer.activities]
        return wire.page(rows, answer.cursors, answer.page, page, points.values())

    async def read_points(self) -> list[ReadPoint]:
        answer = await self._stub.GetReadPoints(pb.GetReadPointsRequest())
        return [wire.read_point(point) for point in answer.points]


def _moderation(m: pb.Moderation) -> Moderation:
    return Moderation(
        moderation_id=m.id,
        flag=m.flag,
        raised=m.raised,
        reason=wire.text(m.reason),
        done_by=m.done_by,
        at=wire.moment(m.at),
    )


def _token_key(key: TokenKey) -> pb.TokenKey:
    return pb.TokenKey(chain_id=key.chain_id.caip2, contract=key.contract, token_id=str(key.token_id))


def _key_of(key: pb.TokenKey | pb.Token) -> TokenKey:
    return TokenKey(ChainId.parse(key.chain_id), Address(key.contract), int(key.token_id))


def _collection(c: pb.Collection, points: wire.ReadPoints) -> Collection:
    return Collection(
        key=CollectionKey(ChainId.parse(c.chain_id), Address(c.contract)),
        standard=wire.STANDARDS.get(c.standard),
        name=c.name,
        symbol=c.symbol,
        base_uri=wire.text(c.base_uri),
        contract_uri=wire.text(c.contract_uri),
        creator=wire.find_address(c.creator),
        owner=wire.find_address(c.owner),
        royalty=Royalty(Address(c.royalty_receiver), c.royalty_bps) if c.royalty_receiver else None,
        mint_config=wire.mint_config(c.mint_config) if c.HasField("mint_config") else None,
        roles=[CollectionRole(r.role, wire.text(r.name), Address(r.account)) for r in c.roles],
        bindings=[
            CollectionBinding(b.kind, wire.find_address(b.source), b.tx_hash or None, b.block_number)
            for b in c.bindings
        ],
        token_count=c.token_count,
        supply=wire.number(c.supply),
        holder_count=c.holder_count,
        created_block=c.created_block,
        created_at=wire.find_moment(c.created_at),
        as_of=points.get(c.chain_id),
    )


def _token(t: pb.Token, points: wire.ReadPoints) -> Token:
    return Token(
        key=_key_of(t),
        standard=wire.STANDARDS.get(t.standard),
        owner=wire.find_address(t.owner),
        supply=wire.number(t.supply),
        uri=wire.text(t.uri),
        name=wire.text(t.name),
        description=wire.text(t.description),
        image=wire.text(t.image),
        animation_url=wire.text(t.animation_url),
        traits=[TokenTrait(trait.name, trait.value) for trait in t.traits],
        metadata_state=t.metadata_state or "pending",
        flags=list(t.flags),
        minted_block=t.minted_block,
        minted_seconds=t.minted_at.seconds,
        as_of=points.get(t.chain_id),
    )


def _tokens(c: pb.TokenColumns, points: wire.ReadPoints) -> list[Token]:
    """From columns: what is the same for many tokens is made once, and no message is read for each."""
    collections = [
        (ChainId.parse(k.chain_id), Address(k.contract), wire.STANDARDS.get(k.standard), points.get(k.chain_id))
        for k in c.collections
    ]
    places = [collections[place] for place in c.collection_places]
    traits: list[list[TokenTrait]] = [[] for _ in places]
    for place, trait in zip(c.trait_places, map(TokenTrait, c.trait_names, c.trait_values), strict=True):
        traits[place].append(trait)
    flags: list[list[str]] = [[] for _ in places]
    for place, flag in zip(c.flag_places, c.flags, strict=True):
        flags[place].append(flag)
    return list(
        map(
            Token,
            [
                TokenKey(chain, contract, int(token_id))
                for (chain, contract, _, _), token_id in zip(places, c.token_ids, strict=True)
            ],
            [standard for _, _, standard, _ in places],
            [Address(owner) if owner else None for owner in c.owners],
            [int(supply or 0) for supply in c.supplies],
            [uri or None for uri in c.uris],
            [name or None for name in c.names],
            [description or None for description in c.descriptions],
            [image or None for image in c.images],
            [url or None for url in c.animation_urls],
            traits,
            c.metadata_states,
            flags,
            c.minted_blocks,
            c.minted_at,
            [point for _, _, _, point in places],
        )
    )


def _balance(b: pb.Balance) -> Balance:
    return Balance(_key_of(b.token), b.id, Address(b.owner), wire.number(b.amount), b.updated_block)


def _transfer(t: pb.TokenMovement, points: wire.ReadPoints) -> Transfer:
    return Transfer(
        key=_key_of(t.token),
        transfer_id=t.id,
        # `from` is a Python keyword, so the generated field is reached by name.
        from_account=Address(getattr(t, "from")),
        to_account=Address(t.to),
        operator=wire.find_address(t.operator),
        amount=wire.number(t.amount),
        position=wire.position(t.position, points.get(t.token.chain_id)),
    )


def _activity(a: pb.Activity, points: wire.ReadPoints) -> Activity:
    return Activity(
        activity_id=a.id,
        kind=a.kind.upper(),
        chain_id=ChainId.parse(a.chain_id),
        contract=Address(a.contract),
        token_id=int(a.token_id) if a.token_id else None,
        from_account=wire.find_address(getattr(a, "from")),
        to_account=wire.find_address(a.to),
        amount=int(a.amount) if a.amount else None,
        position=wire.position(a.position, points.get(a.chain_id)),
        occurred_at=wire.find_moment(a.occurred_at),
    )
