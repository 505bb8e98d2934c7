"""CatalogService over gRPC: parse, read, render."""

from __future__ import annotations

from typing import Any

from grpc import aio

from mercato.kit import cursors
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceServicer
from mercato.services.catalog.rpc import parsing, rendering
from mercato.services.catalog.usecases.reading import BalanceReads, CollectionReads, EventReads, FlagToken, TokenReads

Context = aio.ServicerContext[Any, Any]


class CatalogServicer(CatalogServiceServicer):
    def __init__(
        self,
        collections: CollectionReads,
        tokens: TokenReads,
        balances: BalanceReads,
        events: EventReads,
        flag_token: FlagToken,
    ) -> None:
        self._collections = collections
        self._tokens = tokens
        self._balances = balances
        self._events = events
        self._flag_token = flag_token

    async def BatchGetCollections(
        self, request: pb.BatchGetCollectionsRequest, context: Context
    ) -> pb.BatchGetCollectionsResponse:
        parsing.few_enough(len(request.keys))
        found = await self._collections.batch([parsing.collection_key(key) for key in request.keys])
        points = map(rendering.read_point, found.at)
        return pb.BatchGetCollectionsResponse(collections=map(rendering.collection, found.rows), read_points=points)

    async def ListCollections(self, request: pb.ListCollectionsRequest, context: Context) -> pb.ListCollectionsResponse:
        size, after = cursors.page_size(request.page.first), parsing.collection_cursor(request.page.after)
        found = await self._collections.list_collections(parsing.collections(request), size, after)
        page, texts, at = rendering.page(found, rendering.collection_cursor)
        rows = map(rendering.collection, found.rows)
        return pb.ListCollectionsResponse(collections=rows, page=page, cursors=texts, read_points=at)

    async def BatchGetTokens(self, request: pb.BatchGetTokensRequest, context: Context) -> pb.BatchGetTokensResponse:
        parsing.few_enough(len(request.keys))
        found = await self._tokens.batch([parsing.token_key(key) for key in request.keys])
        points = map(rendering.read_point, found.at)
        return pb.BatchGetTokensResponse(tokens=rendering.tokens(found.columns), read_points=points)

    async def ListTokens(self, request: pb.ListTokensRequest, context: Context) -> pb.ListTokensResponse:
        size, after = cursors.page_size(request.page.first), parsing.token_cursor(request.page.after)
        found = await self._tokens.list_tokens(parsing.tokens(request), size, after)
        texts = rendering.token_cursors(found.columns)
        page = rendering.page_info(texts, has_next=found.has_next)
        answer = pb.ListTokensResponse(page=page, cursors=texts, read_points=map(rendering.read_point, found.at))
        if request.by_column:
            answer.columns.CopyFrom(rendering.token_columns(found.columns))
        else:
            answer.tokens.extend(rendering.tokens(found.columns))
        return answer

    async def ListBalances(self, request: pb.ListBalancesRequest, context: Context) -> pb.ListBalancesResponse:
        size, after = cursors.page_size(request.page.first), parsing.balance_cursor(request.page.after)
        found = await self._balances.list_balances(parsing.balances(request), size, after)
        page, texts, at = rendering.page(found, rendering.balance_cursor)
        rows = map(rendering.balance, found.rows)
        return pb.ListBalancesResponse(balances=rows, page=page, cursors=texts, read_points=at)

    async def ListTransfers(self, request: pb.ListTransfersRequest, context: Context) -> pb.ListTransfersResponse:
        size, after = cursors.page_size(request.page.first), parsing.event_cursor(request.page.after)
        found = await self._events.list_events(parsing.transfers(request), size, after)
        page, texts, at = rendering.page(found, rendering.event_cursor)
        rows = map(rendering.movement, found.rows)
        return pb.ListTransfersResponse(transfers=rows, page=page, cursors=texts, read_points=at)

    async def ListActivities(self, request: pb.ListActivitiesRequest, context: Context) -> pb.ListActivitiesResponse:
        size, after = cursors.page_size(request.page.first), parsing.event_cursor(request.page.after)
        found = await self._events.list_events(parsing.activities(request), size, after)
        page, texts, at = rendering.page(found, rendering.event_cursor)
        rows = map(rendering.activity, found.rows)
        return pb.ListActivitiesResponse(activities=rows, page=page, cursors=texts, read_points=at)

    async def GetReadPoints(self, request: pb.GetReadPointsRequest, context: Context) -> pb.GetReadPointsResponse:
        return pb.GetReadPointsResponse(points=map(rendering.read_point, await self._events.read_points()))

    async def FlagToken(self, request: pb.FlagTokenRequest, context: Context) -> pb.Token:
        token, flag = parsing.token_key(request.token), parsing.flag(request.flag)
        reason, by = parsing.reason(request.reason), parsing.flagged_by(request.flagged_by)
        return rendering.tokens(await self._flag_token.put_up(token, flag, reason, by))[0]

    async def UnflagToken(self, request: pb.UnflagTokenRequest, context: Context) -> pb.Token:
        token, flag = parsing.token_key(request.token), parsing.flag(request.flag)
        reason, by = parsing.remark(request.reason), parsing.flagged_by(request.unflagged_by)
        return rendering.tokens(await self._flag_token.take_down(token, flag, reason, by))[0]

    async def ListModeration(self, request: pb.ListModerationRequest, context: Context) -> pb.ListModerationResponse:
        size, before = cursors.page_size(request.page.first), parsing.moderation_cursor(request.page.after)
        found, has_next = await self._flag_token.history(parsing.token_key(request.token), size, before)
        texts = [cursors.encode(entry.id) for entry in found]
        page = rendering.page_info(texts, has_next=has_next)
        return pb.ListModerationResponse(entries=map(rendering.moderation, found), page=page, cursors=texts)
